"""The domain alarm: rows outside of what the reference, or the champion's training data, had.

A model answers a row from outside of its training range as well as any other, and nobody has
checked that answer. It asks less than drift does: a warm spring is drift; a temperature that the
model never met is out of its domain.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mlops_lab.monitoring.policy import NaturalRange, natural_range, persist
from mlops_lab.monitoring.quality.material import Material
from mlops_lab.monitoring.recalling import recalled
from mlops_lab.monitoring.records import Outside
from mlops_lab.monitoring.settings import Keep, Policy
from mlops_lab.monitoring.wire import series, significant

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts, Window

__all__ = ["judge", "range_of", "share_outside"]


@dataclass(frozen=True, slots=True)
class _Range:
    low: float
    high: float
    natural: float | None


def judge(
    material: Material,
    columns: Collection[str] | None = None,
    *,
    quality: Collection[tuple[str, int]] = (),
    keep: Keep | None = None,
    contents: Mapping[str | None, str | None] | None = None,
) -> dict[str, Outside]:
    """Say of every numeric column which share of the rows is outside of the reference's range.

    The range is from the policy's `domain_quantile` (0.5 %) to one minus it. A chunk is loud when
    more rows than `domain_share` (10 %) are outside, and more than the reference's own chunks have
    outside of the range of the others; two of three loud ones alarm. Ranges and nature begin anew
    with each reference.

    Parameters
    ----------
    material
        The counts of both sides.
    columns
        Which; None is every number that was counted and is a feature.
    quality
        Columns and places of chunks where the data itself is wrong: there nothing alarms.
    keep, contents
        Who keeps what is natural in a reference, and by epoch what stands for its counts.

    Returns
    -------
    dict[str, Outside]
        By column.
    """
    names = [
        name
        for name in material.names
        if name not in material.ignored
        and (columns is None or name in columns)
        and material.grids[name].ordered
        and material.grids[name].kind in ("number", "integer")
    ]
    told = [material.policy.small, material.policy.domain_quantile, names]
    own = {
        epoch: recalled(
            keep,
            (contents or {}).get(epoch),
            "outside",
            told,
            partial(_own_shares, names, pairs, material.policy),
        )
        for epoch, pairs in material.compared.own.items()
    }
    found = {}
    for name in names:
        one = _judge(name, material, quality, own)
        if one is not None:
            found[name] = one
    return found


def range_of(usual: Counts, policy: Policy) -> tuple[float, float] | None:
    """The range in which a reference has nearly all of its values; None where it has too few."""
    if usual.total < policy.small:
        return None
    return usual.quantile(policy.domain_quantile), usual.quantile(1 - policy.domain_quantile)


def share_outside(now: Counts, low: float, high: float) -> float | None:
    """Which share of the rows with a value is outside; None without any."""
    return now.share_outside(low, high) if now.total else None


def _judge(
    name: str,
    material: Material,
    quality: Collection[tuple[str, int]],
    own: Mapping[str | None, Mapping[str, Sequence[float | None]]],
) -> Outside | None:
    policy = material.policy
    ranges: dict[str | None, _Range | None] = {}
    shares: list[float | None] = []
    letters = []
    at_once = []
    held: list[_Range | None] = []
    for place, epoch in enumerate(material.compared.epochs):
        if epoch not in ranges:
            natural = natural_range(own.get(epoch, {}).get(name, ()), policy)
            ranges[epoch] = _range(name, place, material, natural)
        one = ranges[epoch]
        now = material.now(place, name)
        share = None if one is None else share_outside(now, one.low, one.high)
        shares.append(significant(share))
        letters.append(_letter(share, one, now, place, material, (name, place) in quality))
        # With one chunk there is no second look: twice the level is an alert then.
        at_once.append(
            len(material.chunks) == 1 and share is not None and share >= 2 * policy.domain_share
        )
        held.append(one)
    known = [one for one in held if one is not None]
    if not known:
        return None
    states = persist(letters, at_once, policy, material.compared.epochs)
    last = known[-1]
    varies = len(set(held)) > 1
    return Outside(
        last.low,
        last.high,
        significant(last.natural),
        tuple(shares),
        "".join(letter for letter, *_ in states),
        lows=tuple(None if one is None else one.low for one in held) if varies else (),
        highs=tuple(None if one is None else one.high for one in held) if varies else (),
        naturals=series([None if one is None else one.natural for one in held]) if varies else (),
    )


def _range(
    name: str, place: int, material: Material, natural: NaturalRange | None
) -> _Range | None:
    usual = material.usual(place, name)
    limits = None if usual is None else range_of(usual, material.policy)
    if limits is None:
        return None
    return _Range(*limits, None if natural is None else natural.high)


def _own_shares(
    names: Sequence[str], pairs: Sequence[tuple[Window, Window]], policy: Policy
) -> dict[str, list[float | None]]:
    """What a reference's own chunks have outside of the range of the others, by column."""
    found: dict[str, list[float | None]] = {name: [] for name in names}
    for part, rest in pairs:
        for name in names:
            if name not in part.columns or part[name].total < policy.small:
                continue
            limits = range_of(rest[name], policy)
            found[name].append(None if limits is None else share_outside(part[name], *limits))
    return found


def _letter(
    share: float | None,
    one: _Range | None,
    now: Counts,
    place: int,
    material: Material,
    wrong: bool,
) -> str:
    policy = material.policy
    if wrong:
        return "q"
    if share is None or one is None:
        return "-"
    if now.total < policy.small:
        return "s"
    if now.total < policy.drift_rows or place in material.partial:
        return "h"
    return "w" if share > max(policy.domain_share, one.natural or 0.0) else "o"
