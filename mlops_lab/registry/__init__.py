"""What may be used: models, their versions, who judged and approved them, and their aliases."""

from mlops_lab.registry.records import (
    AliasMove,
    Approval,
    ApprovalRequest,
    ApprovalResult,
    Fault,
    Judgement,
    LoggedModel,
    ModelRecord,
    ModelVersion,
    PolicyCheck,
    PolicyLine,
    Settlement,
)
from mlops_lab.registry.tables import TABLES

__all__ = [
    "TABLES",
    "AliasMove",
    "Approval",
    "ApprovalRequest",
    "ApprovalResult",
    "Fault",
    "Judgement",
    "LoggedModel",
    "ModelRecord",
    "ModelVersion",
    "PolicyCheck",
    "PolicyLine",
    "Settlement",
]
