"""Which data: datasets, their immutable versions, what runs were given of them."""

from mlops_lab.data.records import (
    CheckoutReport,
    CheckSummary,
    DatasetRecord,
    ExternalInput,
    InputRecord,
    VersionRecord,
)
from mlops_lab.data.tables import TABLES

__all__ = [
    "TABLES",
    "CheckSummary",
    "CheckoutReport",
    "DatasetRecord",
    "ExternalInput",
    "InputRecord",
    "VersionRecord",
]
