"""Scanning users' data in DuckDB: what a source is, its profile, how two of them differ.

Nothing here knows the project: data comes in as paths, frames, relations or SQL, and goes out as
small summaries.
"""

from mlops_lab.compute.cells import Cells, read_cells
from mlops_lab.compute.column import ColumnProfile, Histogram, Profile
from mlops_lab.compute.confined import count_rows
from mlops_lab.compute.engine import Engine, open_engine, reading_as
from mlops_lab.compute.profile_diff import ColumnDiff, ProfileDiff, TypeChange, diff_profiles
from mlops_lab.compute.profiling import profile
from mlops_lab.compute.row_diff import RowDiff, diff_rows
from mlops_lab.compute.source import Source, is_tabular

__all__ = [
    "Cells",
    "ColumnDiff",
    "ColumnProfile",
    "Engine",
    "Histogram",
    "Profile",
    "ProfileDiff",
    "RowDiff",
    "Source",
    "TypeChange",
    "count_rows",
    "diff_profiles",
    "diff_rows",
    "is_tabular",
    "open_engine",
    "profile",
    "read_cells",
    "reading_as",
]
