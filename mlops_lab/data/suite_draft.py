"""A suite drafted from a profile: what is true of the data now, for a person to keep or strike."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from mlops_lab.compute import ColumnProfile, Profile
from mlops_lab.data.checks.check import figure, share
from mlops_lab.document import scalar

__all__ = ["infer_suite"]

MOST_VALUES = 10
"""A column with more different values than a profile lists gets no set."""

RARELY_MISSING = 0.05
"""Up to this share of missing values the draft expects that it stays rare."""

FAR = 10
"""A value further out than so many times the middle 98 % is taken for a fault: the draft's range
leaves it out, and says so."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*( [A-Za-z0-9_.-]+)*")


def infer_suite(profile: Profile, name: str) -> str:
    """Draft a suite.

    Parameters
    ----------
    profile
        Of the version that is taken as the example.
    name
        The dataset's, which becomes the suite's.

    Returns
    -------
    str
        Commented YAML. The profiled data passes it, but for values that lie so far from all others
        that a comment asks about them.
    """
    key = next((one.name for one in profile.columns if _is_key(one, profile.rows)), None)
    lines = [
        f"# A draft from {profile.rows:,} rows: what was true of them, with some room.",
        "# Keep what has to stay true, strike the rest. block: such a version is not used by",
        "# anybody; warn: it is, and says so.",
        f"name: {_text(name)}",
    ]
    if key is not None:
        lines.append(f"key: {_text(key)}  # tells rows apart where some broke a check")
    lines.append("checks:")
    lines += _checks(profile)
    return "\n".join(lines) + "\n"


def _checks(profile: Profile) -> Iterator[str]:
    yield _item(check="row_count", min=1, severity="block")
    yield _item(check="row_count", within=0.5, severity="warn") + (
        "  # half as many more or fewer than the last versions"
    )
    if profile.columns:
        kinds = {
            one.name: one.kind if one.kind in ("number", "time", "boolean") else "text"
            for one in profile.columns
            if one.kind != "other"
        }
        if kinds:
            yield _item(check="schema", columns=kinds, extra=True, severity="block")
    for column in profile.columns:
        yield ""
        yield f"  # {_comment(column)}"
        yield from _column(column, profile.rows)


def _column(column: ColumnProfile, rows: int) -> Iterator[str]:
    name = column.name
    gone = column.missing + column.nan
    if rows and not gone:
        yield _item(check="not_null", column=name, severity="block")
    elif rows and gone / rows <= RARELY_MISSING:
        room = max(0.001, float(f"{2 * gone / rows:.1g}"))
        yield _item(check="not_null", column=name, tolerance=room, severity="warn")
    if _is_key(column, rows):
        yield _item(check="unique", column=name, severity="block")
        return
    if column.kind == "category" and 0 < (column.distinct or 0) <= MOST_VALUES:
        values = sorted(str(value) for value, _ in column.top)
        if all(len(value) < 200 for value in values):
            yield _item(check="set", column=name, values=values, severity="warn")
    if column.kind == "number":
        yield from _range(column)
    if column.type == "DATE" or column.type.startswith("TIMESTAMP"):
        fresh = _item(check="freshness", column=name, max_age="7d", severity="warn")
        yield f"  # {fresh.strip()}"


def _range(column: ColumnProfile) -> Iterator[str]:
    low, high = column.quantiles.get("p1"), column.quantiles.get("p99")
    least, most = column.min, column.max
    if column.infinite or not all(isinstance(one, int | float) for one in (low, high, least, most)):
        return
    low, high, least, most = (float(one or 0) for one in (low, high, least, most))
    spread = high - low
    if not math.isfinite(spread) or least == most:
        return
    far_below = spread > 0 and least < low - FAR * spread
    far_above = spread > 0 and most > high + FAR * spread
    room = (spread or most - least) / 2
    # Beyond the first and last percentile there are real values as well: more room to them.
    bottom = low - 4 * room if far_below else least - room
    top = high + 4 * room if far_above else most + room
    if not (math.isfinite(bottom) and math.isfinite(top)):
        return
    limits = {
        "min": 0 if least >= 0 else _round(bottom, down=True),
        "max": 0 if most <= 0 else _round(top, down=False),
    }
    odd = [
        figure(value) for value, far in ((column.min, far_below), (column.max, far_above)) if far
    ]
    asked = f"  # {' and '.join(odd)} lies far outside: is it real?" if odd else ""
    yield _item(check="range", column=column.name, **limits, severity="warn") + asked


def _is_key(column: ColumnProfile, rows: int) -> bool:
    """Whether every row has a value of its own, of a type that is used for that."""
    whole = column.type.endswith("INT") or column.type in ("INTEGER", "UINTEGER")
    return (
        rows > 1
        and not column.approximate
        and column.distinct == rows
        and (whole or column.kind in ("category", "text"))
    )


def _comment(column: ColumnProfile) -> str:
    """What is known of a column, on one line."""
    told = [column.type if len(column.type) <= 40 else column.kind]
    if column.distinct is not None:
        about = "about " if column.approximate else ""
        told.append(f"{about}{column.distinct:,} different")
    if column.missing:
        told.append(f"{share(column.missing_share)} missing")
    if column.not_finite:
        told.append(f"{column.not_finite:,} not finite")
    if column.kind in ("number", "time") and column.min is not None:
        told.append(f"{figure(column.min)} to {figure(column.max)}")
    line = f"{column.name}: {', '.join(told)}"
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line)


def _item(**fields: Any) -> str:
    return f"  - {_flow(fields)}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{_text(str(key))}: {_flow(one)}" for key, one in value.items())
        return f"{{{inside}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(_flow(one) for one in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    """A text as YAML reads it back: quoted unless it can be taken for nothing else."""
    if _PLAIN.fullmatch(text) and isinstance(scalar(text), str):
        return text
    escaped = "".join(_escaped(one) for one in text)
    return f'"{escaped}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return f"\\U{ord(character):08x}"


def _round(value: float, *, down: bool) -> int | float:
    """A limit with two digits, never further in."""
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 0.0
    if step == 0:
        return 0 if value == 0 else value
    rounded = float(f"{(math.floor if down else math.ceil)(value / step) * step:.6g}")
    if not math.isfinite(rounded):
        return value
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 2**53 else rounded
