"""Is it still true: drift, data quality and performance over time, and when they alarm.

An evaluation is one look: current data beside reference data, chunk by chunk. The mathematics is in
`mlops_lab.compute`; here is what is compared with what, when it is an alarm, and why.
"""
