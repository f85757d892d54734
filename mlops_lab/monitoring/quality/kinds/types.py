"""``type``: a column of another type: numbers that became texts, times that became numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mlops_lab.compute.types import fields_of_type, kind_of_type
from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.wording import counted, listed, quoted

if TYPE_CHECKING:
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK"]

_FAMILIES = {
    "number": "numbers",
    "text": "text",
    "category": "text",
    "time": "times",
    "boolean": "true or false",
}

_WORDS: Final = 3
_LONGEST: Final = 80


class Type(Check):
    """Another family of types; a wider number is none."""

    name = "type"
    about = "A column whose type, fields or elements changed."
    rank = 12

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Compare what the two schemas say."""
        material = looking.material
        for name, after in material.types.items():
            before = material.reference_types.get(name)
            if before is None or (name in material.ignored and name != material.target):
                continue
            was, now = kind_of_type(before), kind_of_type(after)
            if was == now == "other":
                yield from self._inside(looking, name, before, after)
            if was == now or {was, now} == {"text", "category"}:
                continue
            if name == material.target:
                yield from self._labels(looking, name, before, after)
                continue
            if name in material.names and _is_empty(name, looking):
                continue  # a column without values has any type; `missing` tells of it
            unread = _unread(name, looking)
            state = "warn" if unread == 0 else "alert"
            told = "" if unread is None else " All values can still be read."
            if unread:
                words = looking.scans.words(name)
                such = f", such as {listed(map(quoted, words))}" if words else ""
                told = f" {counted(unread, 'value')} cannot be read as before{such}."
            yield looking.found(
                self,
                state,
                f"{name} is {_family(after)} now; it was {_family(before)}.{told} Give it its "
                "type where it is read.",
                column=name,
                value=None if unread is None else float(unread),
                # Words of another type are all new ones: that need not be said as well.
                explains=unread is None,
            )

    def _inside(
        self, looking: Looking, name: str, before: str, after: str
    ) -> Iterator[QualityFinding]:
        """What a nested column holds; a field that is new breaks nothing."""
        if _are_alike(before, after):
            return
        was, now = fields_of_type(before), fields_of_type(after)
        gone = [f"{one} is gone" for one in was if one not in now]
        other = [
            f"{one} is {_short(now[one])}, not {_short(kind)}"
            for one, kind in was.items()
            if one in now and not _are_alike(kind, now[one])
        ]
        new = [f"{one} is new" for one in now if one not in was]
        told = listed([_short(one) for one in (*gone, *other, *new)])
        if not (was and now):
            told = f"it is {_short(after)}, not {_short(before)}"
        yield looking.found(
            self,
            "alert" if gone or other or not was else "warn",
            f"What {name} holds has changed: {told}. Look where it is written: what reads it "
            "expects what was there.",
            column=name,
        )

    def _labels(
        self, looking: Looking, name: str, before: str, after: str
    ) -> Iterator[QualityFinding]:
        """Labels may be 0 and 1 or false and true; what is neither is none, and nothing is real."""
        sides = [one[name] for one in looking.material.current if name in one.columns]
        strange = sum(one.new + one.unreadable for one in sides)
        if not strange:
            return
        words = sorted({word for one in sides for word, _ in one.examples})[:_WORDS]
        such = f", such as {listed(map(quoted, words))}" if words else ""
        yield looking.found(
            self,
            "alert",
            f"{name} is {_family(after)} now; it was {_family(before)}. "
            f"{counted(strange, 'value')} are no labels of the reference{such}: they count as rows "
            "without a label. Write the labels as they were.",
            column=name,
            value=float(strange),
            explains=True,
        )


CHECK = Type()


def _family(kind: str) -> str:
    return f"{_FAMILIES.get(kind_of_type(kind), kind)} ({kind})"


def _are_alike(a: str, b: str) -> bool:
    """Whether what reads the one reads the other: order of fields and width of numbers aside."""
    kind = kind_of_type(a)
    if a == b or (kind != "other" and kind == kind_of_type(b)):
        return True
    if a.endswith("[]") and b.endswith("[]"):
        return _are_alike(a[:-2], b[:-2])
    was, now = fields_of_type(a), fields_of_type(b)
    return (
        bool(was)
        and was.keys() == now.keys()
        and all(_are_alike(was[one], now[one]) for one in was)
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _is_empty(name: str, looking: Looking) -> bool:
    """Whether one of the two sides has no value in it."""
    material = looking.material
    return any(
        all(
            window[name].missing + window[name].nan == window[name].rows
            for window in side
            if name in window.columns
        )
        for side in (material.current, material.compared.windows)
    )


def _unread(name: str, looking: Looking) -> int | None:
    """Values that cannot be read as the reference's; None where nobody counted."""
    material = looking.material
    if name not in material.names or material.grids[name].form == "words":
        return None
    return sum(window[name].unreadable for window in material.current)
