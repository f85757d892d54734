"""Everything on disk: journals of telemetry, the log of decisions, the index, objects.

Append-only files are the truth; DuckDB is how they are read.
"""

from mlops_lab.store.decisions import Decision
from mlops_lab.store.freshness import FoldReport
from mlops_lab.store.layout import ConceptTables, Fold
from mlops_lab.store.objects import Objects, PutFile
from mlops_lab.store.snapshot import Progress
from mlops_lab.store.status import Problem, StoreStatus
from mlops_lab.store.store import Store
from mlops_lab.store.tree import Tree, TreeEntry

__all__ = [
    "ConceptTables",
    "Decision",
    "Fold",
    "FoldReport",
    "Objects",
    "Problem",
    "Progress",
    "PutFile",
    "Store",
    "StoreStatus",
    "Tree",
    "TreeEntry",
]
