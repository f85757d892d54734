"""The parts of the rows that do worst, found by themselves, with what chance can do taken off."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from mlops_lab.monitoring.outcomes import SegmentRow
from mlops_lab.monitoring.performance.intervals import z_of
from mlops_lab.monitoring.policy import significant_cells
from mlops_lab.monitoring.settings import Policy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mlops_lab.compute import ScoreCube, Segment
    from mlops_lab.compute.score_grid import Task

    Floats: TypeAlias = npt.NDArray[np.float64]

__all__ = ["MEASURED", "worst_segments"]

SHOWN: Final = 8
"""More are no longer read."""

_LITTLE: Final = 0.01
"""Of a smaller gap no part has a share that means something."""

_MIXED: Final = 30
"""So many rows with the spread of all are mixed into a segment's own spread."""

MEASURED: Final[dict[Task, str]] = {"binary": "gap", "multiclass": "accuracy", "regression": "bias"}
"""What is compared, by task: the mean over rows of score − label, of being right, of the error."""


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of each segment: rows with a label, the sum of the measured value and of its square."""

    cube: ScoreCube
    codes: Sequence[int]
    n: Floats
    total: Floats
    square: Floats
    # Of all rows.
    all_n: float = field(kw_only=True)
    all_total: float = field(kw_only=True)
    all_square: float = field(kw_only=True)

    def segment(self, place: int) -> Segment:
        """The segment at a place of the arrays."""
        code = self.codes[place]
        return self.cube.segment(code >> 32, code >> 16 & 0xFFFF, code & 0xFFFF)


def worst_segments(
    cube: ScoreCube, policy: Policy, chunks: Collection[str] | None = None, told: str | None = None
) -> tuple[SegmentRow, ...]:
    """Find the segments that do worse than the rows outside of them.

    Every counted segment with enough rows is compared with all other rows by Student's t; those
    that differ are chosen by Benjamini and Hochberg over all that were looked at (`policy.q`), and
    their intervals hold together (Bonferroni), so that the worst of two hundred is not only the
    unluckiest. A pair of columns is told only where it says more than one of the two.

    Parameters
    ----------
    cube
        Counted with segments.
    policy
        Has `group_rows` and `q`.
    chunks
        Only these; None is all.
    told
        The chunk's key in the rows that are returned.

    Returns
    -------
    tuple[SegmentRow, ...]
        At most `SHOWN`, those first in which most of the trouble is.
    """
    import numpy as np
    from scipy.special import stdtr

    task = cube.grid.task
    if task == "binary" and not cube.grid.probability:
        return ()
    sums = _sums(cube, chunks)
    if sums is None:
        return ()
    enough = (sums.n >= policy.group_rows) & (sums.n <= sums.all_n - policy.group_rows)
    if not enough.any():
        return ()
    n = np.where(enough, sums.n, 1.0)
    mean = sums.total / n
    rest = sums.all_n - np.where(enough, sums.n, 0.0)
    mean_rest = (sums.all_total - sums.total) / rest
    # Of few rows the spread may be small by chance, too: some of all rows are mixed in.
    every = max(sums.all_square / sums.all_n - (sums.all_total / sums.all_n) ** 2, 0.0)
    spread = (n * _variance(sums.square / n, mean) + _MIXED * every) / (n + _MIXED)
    error = np.sqrt(spread / n)
    error_rest = np.sqrt(_variance((sums.all_square - sums.square) / rest, mean_rest) / rest)
    both = np.hypot(error, error_rest)
    z = np.abs(mean - mean_rest) / np.where(both > 0, both, np.inf)
    chance = 2 * stdtr(n - 1, -z)
    p_values = [float(p) if ok else None for p, ok in zip(chance, enough, strict=True)]
    far = (
        np.abs(mean - 1) - np.abs(mean_rest - 1)
        if task == "multiclass"
        else (np.abs(mean) - np.abs(mean_rest))
    )
    chosen = np.array(significant_cells(p_values, policy.q)) & (far > 0)
    places = sorted(np.flatnonzero(chosen).tolist(), key=lambda i: -float(n[i] * far[i]))
    half = z_of(int(enough.sum())) * error
    found: dict[int, Segment] = {}
    for i in places:
        one = sums.segment(i)
        if not any(
            _is_told(one, other, float(mean[i] - mean[j]), float(error[i]))
            for j, other in found.items()
        ):
            found[i] = one
        if len(found) == SHOWN:
            break
    whole = sums.all_total if task != "multiclass" else sums.all_n - sums.all_total
    parts = sums.total if task != "multiclass" else sums.n - sums.total
    return tuple(
        SegmentRow(
            by=one.by,
            value=one.value,
            chunk=told,
            n=int(n[i]),
            metric=MEASURED[task],
            value_of=float(mean[i]),
            low=float(mean[i] - half[i]),
            high=float(mean[i] + half[i]),
            share_of_gap=_part(float(parts[i]), float(whole), sums.all_n, task),
        )
        for i, one in found.items()
    )


def _part(part: float, whole: float, n: float, task: Task) -> float | None:
    """How much of the whole is in a part; None where it pulls the other way, or there is none."""
    if part * whole <= 0 or (task == "binary" and abs(whole) < _LITTLE * n):
        return None
    return part / whole


def _is_told(one: Segment, other: Segment, difference: float, error: float) -> bool:
    """Whether a segment says what another one, which is told already, says."""
    inner, outer = (one, other) if len(one.by) > len(other.by) else (other, one)
    pairs = set(zip(inner.by, inner.value, strict=True))
    nested = set(zip(outer.by, outer.value, strict=True)) < pairs
    return nested and abs(difference) < 2 * error


def _variance(square: Floats, mean: Floats) -> Floats:
    import numpy as np

    found: Floats = np.maximum(square - mean**2, 0.0)
    return found


def _sums(cube: ScoreCube, chunks: Collection[str] | None) -> _Sums | None:
    import numpy as np

    cells = cube.cells
    there = (cells["label"] >= 0) & (cells["bin"] >= 0)
    if cube.grid.task == "multiclass":
        there = (cells["label"] >= 0) & (cells["answer"] >= 0)
    if chunks is not None:
        kept = [i for i, chunk in enumerate(cube.chunks) if chunk.key in chunks]
        there &= np.isin(cells["chunk"], kept)
    if not there.any():
        return None
    n = cells["n"][there].astype(float)
    total, square = _measured(cube, there)
    code = (cells["grouping"][there] << 32) + (cells["first"][there] << 16) + cells["second"][there]
    codes, where = np.unique(code, return_inverse=True)
    ns, totals, squares = (
        np.bincount(where, one, len(codes)).astype(np.float64) for one in (n, total, square)
    )
    if codes[0] != 0 or len(codes) == 1:
        return None
    return _Sums(
        cube,
        codes[1:].tolist(),
        ns[1:],
        totals[1:],
        squares[1:],
        all_n=float(ns[0]),
        all_total=float(totals[0]),
        all_square=float(squares[0]),
    )


def _measured(cube: ScoreCube, there: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The sum of the measured value, and of its square, in each cell."""
    n = cube.cells["n"][there].astype(float)
    label = cube.cells["label"][there]
    if cube.grid.task == "multiclass":
        right = n * (label == cube.cells["answer"][there])
        return right, right
    if cube.grid.task == "regression":
        return cube.values("error")[there], cube.values("square")[there]
    score, square = cube.values("score")[there], cube.values("square")[there]
    return score - n * label, square - 2 * score * label + n * label
