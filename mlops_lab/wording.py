"""How sentences say numbers, shares, changes and periods: one form of each, with units.

As few digits as the decision needs; differences carry a sign and a true minus; a number is never
without what it counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

__all__ = [
    "FIXED",
    "MINUS",
    "change",
    "counted",
    "during",
    "listed",
    "named",
    "number",
    "period",
    "points",
    "quoted",
    "sentence",
    "share",
    "signed",
    "span",
    "start",
]

MINUS = "\N{MINUS SIGN}"
FIXED = "\N{NO-BREAK SPACE}"
"""Between a number and its unit: they stay on one line."""

UNKNOWN = "–"

_MOST = 3
_LONGEST = 40


def number(value: float | None, digits: int = 3, unit: str | None = None) -> str:
    """Say a number with as many significant digits as are needed.

    Parameters
    ----------
    value
        None is unknown.
    digits
        Significant ones, below 1,000.
    unit
        Follows after a fixed space; per cent and degrees too.

    Examples
    --------
    >>> [number(x) for x in (0.76432, 12431, -3.5, 0.000012, 57.0, 1234.5, None)]
    ['0.764', '12,431', '−3.5', '1.2e−5', '57', '1,234', '–']
    """
    if value is None:
        return UNKNOWN
    value = float(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    size = abs(value)
    if size == int(size) and size < 1e15:
        text = f"{int(size):,}"
    elif size >= 1e15 or size < 0.001:
        mantissa, _, exponent = f"{size:.{min(digits, 2) - 1}e}".partition("e")
        power = int(exponent)
        text = f"{mantissa}e{MINUS if power < 0 else ''}{abs(power)}"
    elif size >= 1000:
        text = f"{size:,.0f}"
    else:
        text = f"{size:.{digits}g}"
    told = f"{MINUS if value < 0 else ''}{text}"
    return f"{told}{FIXED}{unit}" if unit else told


def share(value: float | None) -> str:
    """Say a share of rows in per cent, with one decimal where there is one.

    Examples
    --------
    >>> [share(x).replace(FIXED, " ") for x in (0.281, 0.5, 1.0, 0.0, 0.0002, 0.99991)]
    ['28.1 %', '50 %', '100 %', '0 %', '0.02 %', '99.99 %']
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    percent = 100 * value
    digits = 1
    # 0.02 % is not nothing, and 99.99 % is not all.
    while digits < 4 and 0 < value < 1 and round(percent, digits) in (0.0, 100.0):
        digits += 1
    return f"{round(percent, digits):g}".replace("-", MINUS) + f"{FIXED}%"


def points(value: float) -> str:
    """Say a difference of two shares, in points with its sign.

    Examples
    --------
    >>> points(0.0321).replace(FIXED, " "), points(-0.01).replace(FIXED, " ")
    ('+3.2 points', '−1 point')
    """
    shown = round(100 * value, 1)
    sign = "+" if shown > 0 else MINUS if shown < 0 else ""
    return f"{sign}{abs(shown):g}{FIXED}point{'' if abs(shown) == 1 else 's'}"


def signed(value: float | None, digits: int = 3, unit: str | None = None) -> str:
    """Say a difference: with its sign, without the leading zero; equal is ``=``.

    Examples
    --------
    >>> signed(-0.018), signed(0.1024), signed(0.0), signed(None), signed(12.25, unit="°F")[:5]
    ('−.018', '+.102', '=', '–', '+12.2')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    if abs(value) < 1 and unit is None:
        text = f"{abs(value):.{digits}f}"
        if float(text) == 0:
            return "="
        text = text.removeprefix("0")
    elif value == 0:
        return "="
    else:
        text = number(abs(value), digits)
    told = f"{'+' if value > 0 else MINUS}{text}"
    return f"{told}{FIXED}{unit}" if unit else told


def change(before: float | None, after: float | None, unit: str | None = None) -> str:
    """Say how a number moved, with digits that tell the two apart.

    Examples
    --------
    >>> change(37.94, 54.0, "°F").replace(FIXED, " ")
    '37.9 → 54 °F'
    >>> change(1.0001, 1.0002)
    '1.0001 → 1.0002'
    """
    digits = 3
    while digits < 9 and before != after and number(before, digits) == number(after, digits):
        digits += 1
    return f"{number(before, digits)} → {number(after, digits, unit)}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Say how many of what there are.

    Examples
    --------
    >>> counted(1, "row"), counted(6351, "row"), counted(2, "category", "categories")
    ('1 row', '6,351 rows', '2 categories')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def quoted(value: object) -> str:
    """Say a value of the data: in quotes, cut where it is long, on one line.

    Examples
    --------
    >>> quoted("a" * 50), quoted(7)
    ("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'", '7')
    """
    if isinstance(value, float):
        return number(value)
    if not isinstance(value, str):
        return str(value)
    cut = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    return repr(cut)


def named(value: str) -> str:
    """Say a category within a sentence: as it is, in quotes where it would not be seen as one.

    Examples
    --------
    >>> named("EWR"), named(" "), named("a" * 50)
    ('EWR', "' '", 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…')
    """
    cut = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    return cut if cut.isprintable() and cut and cut == cut.strip() else repr(cut)


def listed(names: Iterable[str], most: int = _MOST, *, open_end: bool = False) -> str:
    """Join names with commas and an and; what is beyond `most` is counted.

    Parameters
    ----------
    names
        What there is; of an iterator each is taken once.
    most
        So many are told.
    open_end
        There are more that nobody counted: ``and others``.

    Examples
    --------
    >>> listed(["temp"]), listed(["temp", "dewp"]), listed("abcde"), listed([])
    ('temp', 'temp and dewp', 'a, b, c and 2 more', 'none')
    >>> listed("abcde", open_end=True)
    'a, b, c and others'
    """
    every = list(names)
    shown = every[:most]
    rest = len(every) - len(shown)
    if not every:
        return "none"
    if open_end:
        return f"{', '.join(shown)} and others"
    if rest:
        return f"{', '.join(shown)} and {rest:,} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def sentence(*parts: str) -> str:
    """Join clauses with semicolons into one sentence: a capital in front, a full stop behind.

    Names of columns are written as they are: a sentence that begins with one keeps its case.
    """
    text = "; ".join(part for part in parts if part).rstrip(".")
    return f"{text}." if text else ""


def span(low: float, high: float, unit: str | None = None) -> str:
    """Say a range: ``14 to 57 °F``.

    Examples
    --------
    >>> span(14, 57.02, "°F").replace(FIXED, " ")
    '14 to 57 °F'
    """
    return f"{number(low)} to {number(high, unit=unit)}"


def period(start: datetime, until: datetime) -> str:
    """Say a period that ends before `until`: ``15 to 21 April``, ``1 May``, ``3 May 05:00``.

    The year is told where the two lie in different ones.

    Examples
    --------
    >>> period(datetime(2013, 4, 15), datetime(2013, 4, 22))
    '15 to 21 April'
    >>> period(datetime(2013, 4, 29), datetime(2013, 5, 6))
    '29 April to 5 May'
    >>> period(datetime(2013, 5, 1), datetime(2013, 6, 1))
    'May 2013'
    """
    length = until - start
    if length < timedelta(hours=23):
        return f"{start.day} {start:%B %H:%M}"
    last = until - timedelta(microseconds=1)
    if start.day == 1 and until.day == 1 and (until.year, until.month) != (start.year, start.month):
        months = (until.year - start.year) * 12 + until.month - start.month
        if months == 1:
            return f"{start:%B %Y}"
    if last.date() == start.date():
        return f"{start.day} {start:%B}"
    if last.year != start.year:
        return f"{start.day} {start:%B %Y} to {last.day} {last:%B %Y}"
    if last.month != start.month:
        return f"{start.day} {start:%B} to {last.day} {last:%B}"
    return f"{start.day} to {last.day} {last:%B}"


def start(label: str) -> str:
    """Say when a chunk begins, from how people write the whole of it: since when it is so.

    Examples
    --------
    >>> [start(x) for x in ("15 to 21 April", "29 April to 5 May", "May 2013", "chunk 4")]
    ['15 April', '29 April', 'May 2013', 'chunk 4']
    """
    first, to, last = label.partition(" to ")
    if not to:
        return label
    return f"{first} {last.partition(' ')[2]}" if first.isdigit() else first


def during(label: str) -> str:
    """Say that something was so in a chunk, with the word that its name wants.

    Examples
    --------
    >>> [during(x) for x in ("15 to 21 April", "1 May", "3 May 05:00", "May 2013", "chunk 4")]
    ['from 15 to 21 April', 'on 1 May', 'on 3 May from 05:00', 'in May 2013', 'in chunk 4']
    """
    if " to " in label:
        return f"from {label}"
    if not label[:1].isdigit():
        return f"in {label}"
    day, _, hour = label.rpartition(" ")
    return f"on {day} from {hour}" if ":" in hour else f"on {label}"
