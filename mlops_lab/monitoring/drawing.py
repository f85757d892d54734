"""What a column is drawn from: bins that suit reference and chunks alike, and their counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Final

from mlops_lab.monitoring.records import CategoryBins, NumberBins, ReferenceColumn
from mlops_lab.monitoring.wire import Packed, significant

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts

__all__ = ["binned", "bins_for", "packed", "reference_column"]

MOST_BINS: Final = 30
FEWEST_BINS: Final = 10
_BUDGET: Final = 1_500_000
"""Counts that one evaluation carries: a year of days of 200 columns is a few MB."""


def bins_for(
    references: Sequence[Counts], current: Counts, columns: int, chunks: int
) -> NumberBins | CategoryBins:
    """Choose bins that show all references and the current data.

    Parameters
    ----------
    references
        At least one.
    current
        All chunks together.
    columns, chunks
        Of the evaluation: the more there are, the fewer bins each gets.
    """
    grid = current.grid
    if not grid.ordered:
        other = any(one.other for one in (*references, current))
        new = any(one.new for one in (*references, current))
        return CategoryBins(grid.words, other, new)
    most = max(FEWEST_BINS, min(MOST_BINS, _BUDGET // max(1, columns * chunks)))
    return NumberBins(tuple(_edges([*references, current], most)))


def binned(counts: Counts, bins: NumberBins | CategoryBins) -> list[int]:
    """Counts of the bins."""
    if isinstance(bins, NumberBins):
        if len(bins.edges) < 2:
            return []
        return [int(n) for n in counts.histogram(bins.edges)[1]]
    dense = counts.dense
    found = [int(n) for n in dense[: len(bins.values)]]
    if bins.other:
        found.append(counts.other)
    if bins.new:
        found.append(counts.new)
    return found


def packed(windows: Sequence[Counts], bins: NumberBins | CategoryBins) -> Packed:
    """The counts of all chunks; shape ``(n_chunks, n_bins)``."""
    rows = [binned(one, bins) for one in windows]
    if not rows:
        return Packed((0, 0), b"")
    return Packed.of(rows)


def reference_column(counts: Counts) -> ReferenceColumn:
    """What a column was like in the reference."""
    return ReferenceColumn(
        n=counts.total,
        missing=significant(counts.missing_share) if counts.rows else None,
        mean=significant(counts.mean, 6),
        median=significant(counts.median, 6),
        std=significant(counts.std, 6),
        low=significant(counts.min, 9),
        high=significant(counts.max, 9),
    )


def by_version(
    references: Mapping[str | None, Counts], bins: NumberBins | CategoryBins
) -> tuple[int, ...] | Mapping[str, tuple[int, ...]]:
    """Reference counts; by version where chunks are compared with several."""
    if len(references) == 1:
        return tuple(binned(next(iter(references.values())), bins))
    return {version or "": tuple(binned(one, bins)) for version, one in references.items()}


def _edges(sides: Sequence[Counts], most: int) -> list[float]:
    """Edges over all sides: what lies far outside goes into the first and the last bin."""
    from mlops_lab.compute.bins import number_edges

    known = [one for one in sides if len(one.n) and isfinite(one.min) and isfinite(one.max)]
    if not known:
        return []
    low, high = min(one.min for one in known), max(one.max for one in known)
    values = known[0].grid.values
    found = number_edges(
        low,
        high,
        low=min(one.quantile(0.01) for one in known),
        high=max(one.quantile(0.99) for one in known),
        whole=bool(values) and all(value == int(value) for value in values),
    )
    edges = list(found) if found else [low, high]
    while len(edges) - 1 > most:
        # Two bins become one; the ends stay where they are.
        edges = [*edges[:-1:2], edges[-1]]
    return edges
