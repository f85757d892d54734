"""Scanning users' data in DuckDB: sources, profiles, differences, and counts.

Nothing here knows the project: data comes in as paths, frames, relations or SQL, and goes out as
small summaries.
"""

from mlops_lab.compute.cells import Cells, read_cells
from mlops_lab.compute.chunks import Chunk, Chunking
from mlops_lab.compute.column import ColumnProfile, Histogram, Profile
from mlops_lab.compute.confined import count_rows
from mlops_lab.compute.counting import chunks_of, count
from mlops_lab.compute.counts import Counts, Window
from mlops_lab.compute.cube import ALL_ROWS, Cube
from mlops_lab.compute.engine import Engine, open_engine, reading_as
from mlops_lab.compute.exact import Rows, exact_ks, exact_wasserstein
from mlops_lab.compute.fitting import fit_grids, infer_kinds
from mlops_lab.compute.grids import Grid, Grids
from mlops_lab.compute.kinds import DRIFT_KINDS, Kind, KindFound
from mlops_lab.compute.profile_diff import ColumnDiff, ProfileDiff, TypeChange, diff_profiles
from mlops_lab.compute.profiling import profile
from mlops_lab.compute.row_diff import RowDiff, diff_rows
from mlops_lab.compute.score_counting import count_scores
from mlops_lab.compute.score_counts import ScoreCounts, Segment
from mlops_lab.compute.score_cube import ScoreCube
from mlops_lab.compute.score_fit import fit_scores
from mlops_lab.compute.score_grid import ScoreGrid
from mlops_lab.compute.source import Source, is_tabular

__all__ = [
    "ALL_ROWS",
    "DRIFT_KINDS",
    "Cells",
    "Chunk",
    "Chunking",
    "ColumnDiff",
    "ColumnProfile",
    "Counts",
    "Cube",
    "Engine",
    "Grid",
    "Grids",
    "Histogram",
    "Kind",
    "KindFound",
    "Profile",
    "ProfileDiff",
    "RowDiff",
    "Rows",
    "ScoreCounts",
    "ScoreCube",
    "ScoreGrid",
    "Segment",
    "Source",
    "TypeChange",
    "Window",
    "chunks_of",
    "count",
    "count_rows",
    "count_scores",
    "diff_profiles",
    "diff_rows",
    "exact_ks",
    "exact_wasserstein",
    "fit_grids",
    "fit_scores",
    "infer_kinds",
    "is_tabular",
    "open_engine",
    "profile",
    "read_cells",
    "reading_as",
]
