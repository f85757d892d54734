"""Reading the values again, where a certificate is not enough: the digits of scipy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.monitoring.counting import Counted
from mlops_lab.monitoring.measuring import ColumnLine, chance_of
from mlops_lab.monitoring.windows import Compared

if TYPE_CHECKING:
    from mlops_lab.compute import Rows, Window

__all__ = ["sharpen"]


def sharpen(
    lines: Sequence[ColumnLine],
    both: Counted,
    compared: Compared,
    windows: Sequence[Window],
    tmp: Path,
    progress: Callable[[int, int], None],
) -> None:
    """Put exact distances in the place of certified ones: D, and Wasserstein's.

    Only rows in the few slots where a greater D can hide are read again for D; all values are for
    Wasserstein's. What is natural stays as it was certified: it is a range.
    """
    from mlops_lab.compute import exact_ks, exact_wasserstein
    from mlops_lab.compute.statistics import Measured

    for done, line in enumerate(lines):
        progress(done, len(lines))
        for place, effect in enumerate(line.effect):
            if effect is None or line.measure != "ks":
                continue
            before, now = compared.windows[place][line.name], windows[place][line.name]
            theirs = _reference_rows(both, compared, place)
            mine = _current_rows(both, place)
            exact = exact_ks(theirs, mine, before, now, tmp=tmp)
            found = Measured.exactly(exact)
            line.effect[place] = found
            line.p_value[place] = chance_of(line.measure, line.kind, found, before, now)
            if "wasserstein" in line.also:
                line.also["wasserstein"][place] = exact_wasserstein(
                    theirs, mine, before, now, tmp=tmp
                )


def _current_rows(both: Counted, place: int) -> Rows:
    from mlops_lab.compute import Rows

    key = both.current.cube.chunks[place].key
    return Rows(both.current.handy, both.chunking, [key])


def _reference_rows(both: Counted, compared: Compared, place: int) -> Rows:
    from mlops_lab.compute import Rows

    if both.reference is None:
        return Rows(both.current.handy, both.chunking, list(compared.before[place]))
    epoch = compared.epochs[place]
    side = both.reference if epoch is None else both.versions[epoch]
    left_out = compared.left_out[place]
    if left_out is None and not side.cube.undated:
        return Rows(side.handy)
    keys = [key for key in side.cube.keys if key != left_out]
    return Rows(side.handy, side.chunking, keys)
