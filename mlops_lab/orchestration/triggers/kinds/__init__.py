"""The kinds of triggers, one file each; see `mlops_lab.orchestration.triggers.kind`."""
