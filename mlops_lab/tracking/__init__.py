"""What was tried: runs and experiments, how they are logged, found and settled."""

from mlops_lab.tracking.experiments import ExperimentManager
from mlops_lab.tracking.runs import RunManager
from mlops_lab.tracking.tables import TABLES

__all__ = ["TABLES", "ExperimentManager", "RunManager"]
