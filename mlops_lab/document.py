"""A strict reading of YAML 1.2 that remembers where everything stood.

YAML as people write it by hand: maps, lists and scalars. Tags, anchors, aliases, merge keys, a
second document and duplicate keys are refused, because each makes a file mean something other
than what it looks like; dates stay text. The text is read as a stream of events, so a hostile
file costs no recursion and no more memory than its own size.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from mlops_lab.faults import Fault, Mark

__all__ = ["MAX_BYTES", "MAX_DEPTH", "Document", "Place", "read_document", "scalar"]

MAX_BYTES = 1_000_000
MAX_DEPTH = 30

Place: TypeAlias = tuple[str | int, ...]
"""The way from the root to a value: keys of maps, indexes of lists."""

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")
_WORDS: dict[str, object] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".nan": float("nan"),
    ".NaN": float("nan"),
    ".NAN": float("nan"),
}


def scalar(text: str) -> object:
    """The value of an unquoted scalar by YAML 1.2's core schema.

    >>> [scalar(text) for text in ("7", "0.60", "1e3", "true", "yes", "null", "2013-01-01")]
    [7, 0.6, 1000.0, True, 'yes', None, '2013-01-01']
    >>> [scalar(text) for text in ("0o17", "0x1F", "-.inf", "1_000", "007")]
    [15, 31, -inf, '1_000', 7]
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        # Python refuses to read integers of more than 4,300 digits; as text they stay harmless.
        return int(text) if len(text) <= 4000 else text
    if re.fullmatch(r"0o[0-7]+", text):
        return int(text[2:], 8)
    if re.fullmatch(r"0x[0-9a-fA-F]+", text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITY.fullmatch(text):
        return float("-inf") if text.startswith("-") else float("inf")
    return text


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where each key and value stands.

    Parameters
    ----------
    file
        How faults name the file.
    value
        Dicts, lists and scalars; None when the file is empty or cannot be read at all.
    faults
        What was refused while reading.
    """

    file: str
    value: Any
    faults: tuple[Fault, ...]
    _values: dict[Place, Mark] = field(repr=False)
    _keys: dict[Place, Mark] = field(repr=False)
    _plain: frozenset[Place] = field(repr=False)

    def mark(self, place: Place = (), *, key: bool = False) -> Mark:
        """Where the value at ``place`` (or its key) stands; the nearest parent's if it does not."""
        marks = self._keys if key else self._values
        for length in range(len(place), -1, -1):
            found = marks.get(place[:length]) or self._values.get(place[:length])
            if found is not None:
                return found
        return Mark()

    def inside(self, place: Place, position: int) -> Mark:
        """Where character ``position`` of the text at ``place`` stands.

        Exact for text on one line without escapes; else the beginning of the text.
        """
        start = self.mark(place)
        if place not in self._plain:
            return start
        return Mark(start.line, start.column + position)

    def fault(
        self,
        place: Place,
        message: str,
        *,
        key: bool = False,
        position: int | None = None,
        suggestion: str | None = None,
        warning: bool = False,
        others: str = "",
    ) -> Fault:
        """A fault at ``place``, at its key, or at a character of its text."""
        mark = self.mark(place, key=key) if position is None else self.inside(place, position)
        return Fault(self.file, mark, message, suggestion, warning, others)


def read_document(path: Path, *, file: str | None = None, text: str | None = None) -> Document:
    """Read a YAML file strictly.

    Parameters
    ----------
    path
        The file. What cannot be read (missing, a folder) raises what ``open`` raises.
    file
        How faults name it; default the path itself.
    text
        Its content, when somebody has read it already.

    Returns
    -------
    Document
        With faults instead of exceptions for everything that is wrong inside the file.
    """
    name = file or str(path)
    data = text.encode() if text is not None else _head(path)
    if len(data) > MAX_BYTES:
        return _unreadable(name, Mark(), f"The file is larger than {MAX_BYTES:,} bytes.")
    try:
        decoded = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        mark = Mark(before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1)
        return _unreadable(name, mark, "The file is not UTF-8 text.")
    return _Reader(name, decoded).read()


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def _unreadable(file: str, mark: Mark, message: str) -> Document:
    return Document(file, None, (Fault(file, mark, message),), {}, {}, frozenset())


class _Refused(Exception):
    def __init__(self, mark: Mark, message: str) -> None:
        self.mark = mark
        self.message = message


@dataclass(slots=True)
class _Level:
    """A map or list that is being read."""

    value: dict[Hashable, Any] | list[Any]
    place: Place
    key: str | None = None  # of a map: the key whose value comes next


class _Reader:
    """Builds values out of ruamel's events. Used once, by one thread."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.faults: list[Fault] = []
        self.values: dict[Place, Mark] = {}
        self.keys: dict[Place, Mark] = {}
        self.plain: set[Place] = set()
        self.levels: list[_Level] = []
        self.root: Any = None
        self.documents = 0

    def read(self) -> Document:
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        try:
            for event in self._events():
                self._take(event)
        except _Refused as refused:
            self.faults.append(Fault(self.file, refused.mark, refused.message))
        except MarkedYAMLError as error:
            where = error.problem_mark or error.context_mark
            what = (error.problem or error.context or "this is not YAML").rstrip(".")
            mark = _mark(where) if where else Mark()
            self.faults.append(Fault(self.file, mark, f"This is not YAML: {what}."))
        except YAMLError as error:
            # Characters that YAML forbids: the reader raises without a mark.
            what = str(error).splitlines()[0].rstrip(".")
            self.faults.append(Fault(self.file, Mark(), f"This is not YAML: {what}."))
        broken = bool(self.faults) and self.root is None
        return Document(
            self.file,
            None if broken else self.root,
            tuple(self.faults),
            self.values,
            self.keys,
            frozenset(self.plain),
        )

    def _events(self) -> Iterator[Any]:
        from ruamel.yaml import YAML

        yield from YAML(typ="safe", pure=True).parse(self.text)

    def _take(self, event: Any) -> None:
        kind = type(event).__name__
        mark = _mark(event.start_mark)
        match kind:
            case "DocumentStartEvent":
                self.documents += 1
                if self.documents > 1:
                    raise _Refused(mark, "A second document starts here: a file holds one.")
                if event.version not in (None, (1, 2)) or event.tags:
                    raise _Refused(Mark(), "Directives are not read here: the file is YAML 1.2.")
            case "AliasEvent":
                raise _Refused(mark, f"*{event.anchor} is an alias: write the value out.")
            case "MappingStartEvent" | "SequenceStartEvent" | "ScalarEvent":
                self._check(event, mark)
                if kind == "ScalarEvent":
                    self._scalar(event, mark)
                else:
                    self._open({} if kind == "MappingStartEvent" else [], mark)
            case "MappingEndEvent" | "SequenceEndEvent":
                self.levels.pop()
            case _:
                pass  # the stream's own start and end

    def _check(self, event: Any, mark: Mark) -> None:
        if event.anchor:
            raise _Refused(mark, f"&{event.anchor} is an anchor: write the value out.")
        if event.tag:
            raise _Refused(mark, f"{event.tag} is a tag: only plain values are read here.")

    def _open(self, value: dict[Hashable, Any] | list[Any], mark: Mark) -> None:
        if len(self.levels) >= MAX_DEPTH:
            raise _Refused(mark, f"Nested more than {MAX_DEPTH} levels deep.")
        place = self._put(value, mark)
        self.levels.append(_Level(value, place))

    def _scalar(self, event: Any, mark: Mark) -> None:
        quoted = event.style in ("'", '"')
        block = event.style in ("|", ">")
        level = self.levels[-1] if self.levels else None
        if level is not None and isinstance(level.value, dict) and level.key is None:
            self._key(level, event.value, mark)
            return
        value = event.value if quoted or block else scalar(event.value)
        one_line = event.start_mark.line == event.end_mark.line
        width = event.end_mark.column - event.start_mark.column
        exact = one_line and not block and width == len(event.value) + (2 if quoted else 0)
        start = Mark(mark.line, mark.column + 1) if quoted and exact else mark
        place = self._put(value, start)
        if exact:
            self.plain.add(place)

    def _key(self, level: _Level, key: str, mark: Mark) -> None:
        place = (*level.place, key)
        if place in self.keys:
            first = self.keys[place].line
            raise _Refused(mark, f"{key!r} is here a second time; the first is in line {first}.")
        self.keys[place] = mark
        level.key = key

    def _put(self, value: Any, mark: Mark) -> Place:
        if not self.levels:
            place: Place = ()
            self.root = value
        else:
            level = self.levels[-1]
            if isinstance(level.value, list):
                place = (*level.place, len(level.value))
                level.value.append(value)
            elif level.key is None:
                raise _Refused(mark, "A key must be text, not a map or list.")
            else:
                place = (*level.place, level.key)
                level.value[level.key] = value
                level.key = None
        self.values[place] = mark
        return place


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)
