"""How well a model does: from labels as they come, and from its scores before they do.

Everything is computed from the counts of `mlops_lab.compute.count_scores`: rows are not read again.
"""

from mlops_lab.monitoring.performance.findings import Finding
from mlops_lab.monitoring.performance.intervals import Estimate
from mlops_lab.monitoring.performance.judge import Live, judge, window

__all__ = ["Estimate", "Finding", "Live", "judge", "window"]
