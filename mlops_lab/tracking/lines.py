"""From what people log to journal lines: checked and made plain."""

from __future__ import annotations

import json
import operator
import time
from collections.abc import ItemsView, Iterator, Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from os import PathLike, fspath
from typing import Any, Final

from mlops_lab.errors import InvalidInput

__all__ = [
    "Line",
    "artifact_path",
    "metric_lines",
    "note_line",
    "now_us",
    "param_lines",
    "tag_lines",
    "untag_line",
]

Line = dict[str, Any]

# Many values make several lines, each well under 64 kB: the store keeps a longer one as an object,
# which is right for one long value and wasteful for many short ones.
_LINE_CHARACTERS: Final = 10_000
_KEY_CHARACTERS: Final = 1_000
_INT64: Final = range(-(2**63), 2**63)


# What was told last, and on the clock that nobody sets when that was.
_told: tuple[int, int] = (0, 0)


def now_us(after: int | None = None) -> int:
    """Give the time in microseconds since 1970, UTC.

    It never goes back in a process, though the machine's clock may be set back: of two lines the
    later one counts, and which one that is says their time.

    Parameters
    ----------
    after
        The answer is later than this.
    """
    global _told
    now, ticks = time.time_ns() // 1_000, time.monotonic_ns()
    last, at = _told
    if now < last:
        now = last + (ticks - at) // 1_000
    _told = (now, ticks)
    # Not remembered: another machine's clock may be far ahead, and our metrics have our time.
    return now if after is None else max(now, after + 1)


def metric_lines(
    run_id: str, metrics: Mapping[str, Any], step: int, t: int, cell: str | None
) -> Iterator[Line]:
    """Make the lines of metrics that were logged together, usually one.

    Raises
    ------
    InvalidInput
        A key is not text or a value is not a number.
    """
    checked = {metric_key(k): number(k, v) for k, v in _items(metrics, "Metrics")}
    # Ten names of the greatest length fit one line: the usual case costs no measuring.
    for part in (checked,) if len(checked) <= 10 else _in_parts(checked):
        yield _line("metric", run_id, t, cell, m=part, s=step)


def param_lines(run_id: str, params: Mapping[str, Any], t: int, cell: str | None) -> Iterator[Line]:
    """Make the lines of params; what JSON cannot say becomes its text."""
    plain = {_key(k, "A param"): _plain(v, f"The param {k!r}") for k, v in _items(params, "Params")}
    for part in _in_parts(plain):
        yield _line("param", run_id, t, cell, k=part)


def tag_lines(run_id: str, tags: Mapping[str, Any], t: int, cell: str | None) -> Iterator[Line]:
    """Make the lines of tags; a tag's value is always text."""
    plain = {_key(k, "A tag"): str(_plain(v, f"The tag {k!r}")) for k, v in _items(tags, "Tags")}
    for part in _in_parts(plain):
        yield _line("tag", run_id, t, cell, k=part)


def untag_line(run_id: str, keys: list[str], t: int) -> Line:
    """Make the line that takes tags away."""
    return _line("untag", run_id, t, None, k=[_key(key, "A tag") for key in keys])


def note_line(run_id: str, text: Any, t: int, cell: str | None, author: str) -> Line:
    """Make the line of a note."""
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"A note is some text; got {_shown(text)}.")
    return _line("note", run_id, t, cell, text=text, author=author)


def metric_key(key: Any) -> str:
    """Check the name of a metric."""
    return _key(key, "A metric")


def number(key: object, value: Any) -> float:
    """Take a metric's value: any real number, numpy scalars and one-element tensors included.

    NaN and infinities are values. Text is refused even when it looks like a number.
    """
    if type(value) is float:
        return value
    if isinstance(value, str | bytes | bytearray) or value is None:
        raise InvalidInput(
            f"The metric {key!r} takes a number; got {_shown(value)}. "
            "Text belongs into a param or a tag."
        )
    try:
        # item() of numpy scalars, 0-d arrays and tensors on any device.
        item = getattr(value, "item", None)
        return float(item() if callable(item) else value)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise InvalidInput(
            f"The metric {key!r} takes one real number; got {_shown(value)}."
        ) from error


def step_number(step: Any) -> int:
    """Take a step: a whole number that fits 64 bits with sign."""
    try:
        whole = int(step) if isinstance(step, float) and step.is_integer() else operator.index(step)
    except TypeError as error:
        raise InvalidInput(f"A step is a whole number; got {_shown(step)}.") from error
    if whole not in _INT64:
        raise InvalidInput(f"A step fits 64 bits with its sign; got {whole}.")
    return whole


def artifact_path(path: str) -> str:
    """Check the path of an artifact: relative, with ``/``, and never upwards.

    Examples
    --------
    >>> artifact_path("plots//roc.svg")
    'plots/roc.svg'
    """
    text = label(path, "An artifact's path")
    parts = [part for part in text.replace("\\", "/").split("/") if part not in ("", ".")]
    if text.startswith(("/", "\\")) or ".." in parts or not parts or ":" in parts[0][1:2]:
        raise InvalidInput(
            f"An artifact's path is relative and stays inside the run; got {path!r}."
        )
    return "/".join(parts)


def label(text: Any, what: str, limit: int = _KEY_CHARACTERS) -> str:
    """Check a name that people gave: some text in one line, any script, slashes included."""
    if not isinstance(text, str):
        raise InvalidInput(f"{what} is text; got {_shown(text)}.")
    if not text.strip():
        raise InvalidInput(f"{what} is not empty.")
    if len(text) > limit:
        raise InvalidInput(f"{what} has at most {limit:,} characters; got {len(text):,}.")
    if not text.isprintable() and any(c < " " or c == "\x7f" for c in text):
        raise InvalidInput(f"{what} is one line without control characters; got {_shown(text)}.")
    return text


def _items(values: Any, what: str) -> ItemsView[Any, Any]:
    if not isinstance(values, Mapping):
        raise InvalidInput(f"{what} are a dict of names and values; got {_shown(values)}.")
    return values.items()


def _key(key: Any, what: str) -> str:
    return label(key, f"{what}'s name")


def _line(kind: str, run_id: str, t: int, cell: str | None, **values: Any) -> Line:
    line: Line = {"e": kind, "r": run_id, "t": t, **values}
    if cell is not None:
        line["c"] = cell
    return line


def _in_parts(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Cut a mapping so that no part makes a line too long."""
    part: dict[str, Any] = {}
    size = 0
    for key, value in values.items():
        length = len(key) + len(value if isinstance(value, str) else json.dumps(value)) + 6
        if part and size + length > _LINE_CHARACTERS:
            yield part
            part, size = {}, 0
        part[key] = value
        size += length
    if part:
        yield part


def _plain(value: Any, what: str, depth: int = 0) -> Any:
    """Turn a value into what JSON can say; anything foreign becomes its text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return float(value)  # numpy's are floats too, with a repr of their own
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        # Past 64 bits readers would round it: the digits are kept as text.
        return int(value) if int(value) in _INT64 else str(int(value))
    if isinstance(value, Enum):
        return _plain(value.value, what, depth + 1)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta | complex):
        return str(value)
    if isinstance(value, PathLike):
        return str(fspath(value))
    if depth < 20:
        if isinstance(value, Mapping):
            return {str(k): _plain(v, what, depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset | range):
            items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
            return [_plain(item, what, depth + 1) for item in items]
        if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0:
            return _plain(value.item(), what, depth + 1)
    try:
        return str(value)
    except Exception as error:  # the user's own __str__
        raise InvalidInput(
            f"{what} has no text: its {type(value).__name__} raises {error!r}."
        ) from (error)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - the user's own __repr__
        text = "?"
    return f"{text if len(text) <= 60 else text[:59] + '…'} ({type(value).__name__})"
