"""What performance came to in one chunk, as sentences: each number beside what is natural."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mlops_lab.monitoring.outcomes import MetricLine, Performance, SegmentRow
from mlops_lab.wording import counted, named, number, share, signed

__all__ = ["metrics_beyond", "metrics_within", "segments_told"]

MOST: Final = 4
"""Metrics that are told: the others say the same in other words."""

_SIGNED: Final = ("gap", "bias")
_ALREADY: Final = ("positive_share", "mean_score", "score_drift")
"""Told in a sentence of their own, and by the score's column."""

_RANKING: Final = "auc"
_LEVEL: Final = "gap"

_RANGE: Final = re.compile(r"^(below|above|from|under|over|at least)\b|\bto\b")


def metrics_beyond(performance: Performance | None, place: int, said: str) -> list[str]:
    """The truth beside what was predicted, and the metrics that are worse than is natural.

    Parameters
    ----------
    performance
        None has nothing to say.
    place
        Of the chunk.
    said
        What was told already: a number is not said twice.
    """
    if performance is None:
        return []
    lines = []
    truth = _realised(performance, "positive_share", place)
    expected = _realised(performance, "mean_score", place)
    if truth is not None and expected is not None and share(truth) not in said:
        what = performance.target or "positive"
        lines.append(f"{share(truth)} of the rows are {what}, {share(expected)} were predicted.")
    told = [
        _told(name, line, value, place)
        for name, line, value in _judged(performance, place)
        if _is_beyond(line, value, place) and not _was_said(name, line, value, said)
    ]
    lines += told[:MOST]
    if len(told) > MOST:
        more = counted(len(told) - MOST, "other metric")
        lines.append(f"{more} outside of the natural range as well.")
    return lines + _what_slipped(performance, place)


def metrics_within(performance: Performance | None, place: int) -> list[str]:
    """The metrics that stayed within their natural ranges."""
    if performance is None:
        return []
    told = [
        _told(name, line, value, place)
        for name, line, value in _judged(performance, place)
        if not _is_beyond(line, value, place)
    ]
    return told[:MOST]


def segments_told(performance: Performance | None, key: str, most: int = 3) -> list[str]:
    """The parts of the rows that carry most of it: of the chunk, else of all of them."""
    if performance is None:
        return []
    rows = [one for one in performance.segments if one.chunk == key]
    whole = "" if rows else "Over all chunks: "
    rows = rows or [one for one in performance.segments if one.chunk is None]
    rows = sorted(rows, key=lambda one: -(one.share_of_gap or 0.0))
    return [f"{whole}{_segment(one)}" for one in rows[:most]]


def _judged(performance: Performance, place: int) -> Sequence[tuple[str, MetricLine, float]]:
    found = []
    for name, line in performance.metrics.items():
        value = line.realised[place] if place < len(line.realised) else None
        if value is not None and line.natural_at(place) is not None and name not in _ALREADY:
            found.append((name, line, value))
    return found


def _told(name: str, line: MetricLine, value: float, place: int) -> str:
    tell = signed if name in _SIGNED else number
    word = "is outside of" if _is_beyond(line, value, place) else "stays within"
    return (
        f"{line.label} {tell(value)} {word} its natural range, {_band(name, line, place)}"
        f"{_expected(name, line, place)}."
    )


def _was_said(name: str, line: MetricLine, value: float, said: str) -> bool:
    told = signed(value) if name in _SIGNED else number(value)
    return f"{line.label} {told}".lower() in said.lower()


def _is_beyond(line: MetricLine, value: float, place: int) -> bool:
    """Whether a value is worse than is natural; a metric that alarms nobody may be, too."""
    natural = line.natural_at(place)
    assert natural is not None
    too_low = value < natural.low and line.goal != "min"
    too_high = value > natural.high and line.goal != "max"
    return too_low or too_high


def _band(name: str, line: MetricLine, place: int) -> str:
    natural = line.natural_at(place)
    assert natural is not None
    tell = signed if name in _SIGNED else number
    if line.goal == "max":
        return f"down to {tell(natural.low)}"
    if line.goal == "min":
        return f"up to {tell(natural.high)}"
    return f"{tell(natural.low)} to {tell(natural.high)}"


def _expected(name: str, line: MetricLine, place: int) -> str:
    value = line.estimated[place] if place < len(line.estimated) else None
    # That a calibrated score has no gap is no estimate of it.
    if value is None or name in _SIGNED:
        return ""
    return f"; CBPE expects {number(value)}, assuming no concept change"


def _what_slipped(performance: Performance, place: int) -> list[str]:
    """Whether the model still ranks, and whether it still knows how many there are."""
    beyond = {
        name: _is_beyond(line, value, place)
        for name, line, value in _judged(performance, place)
        if name in (_RANKING, _LEVEL)
    }
    if len(beyond) < 2 or not any(beyond.values()):
        return []
    if all(beyond.values()):
        return ["Both the ranking and the level slipped."]
    return [
        "The level held, the ranking slipped."
        if beyond[_RANKING]
        else "The ranking held, the level slipped."
    ]


def _segment(row: SegmentRow) -> str:
    parts = [
        f"{by} {named(value)}" if _RANGE.search(value) else named(value)
        for by, value in zip(row.by, row.value, strict=False)
    ]
    carried = "" if row.share_of_gap is None else f" carries {share(row.share_of_gap)} of the gap:"
    interval = ""
    if row.low is not None and row.high is not None:
        tell = signed if row.metric in _SIGNED else number
        interval = f" ({tell(row.low)} to {tell(row.high)})"
    value = signed(row.value_of) if row.metric in _SIGNED else number(row.value_of)
    return f"{' '.join(parts)}{carried} {row.metric} {value}{interval}, n {row.n:,}."


def _realised(performance: Performance, name: str, place: int) -> float | None:
    line = performance.metrics.get(name)
    return None if line is None or place >= len(line.realised) else line.realised[place]
