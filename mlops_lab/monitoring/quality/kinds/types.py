"""``type``: a column of another type: numbers that became texts, times that became numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlops_lab.compute.types import kind_of_type
from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.monitoring.wording import counted, listed, quoted

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


class Type(Check):
    """Another family of types; a wider number is none."""

    name = "type"
    about = "A column whose type changed."
    rank = 12

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Compare what the two schemas say."""
        material = looking.material
        for name, after in material.types.items():
            before = material.reference_types.get(name)
            if before is None or name in material.ignored:
                continue
            was, now = kind_of_type(before), kind_of_type(after)
            if was == now or {was, now} == {"text", "category"}:
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
                f"{name} is {_FAMILIES.get(now, after)} ({after}) now; it was "
                f"{_FAMILIES.get(was, before)} ({before}).{told} Give it its type where it is "
                "read.",
                column=name,
                value=None if unread is None else float(unread),
                # Words of another type are all new ones: that need not be said as well.
                explains=unread is None,
            )


CHECK = Type()


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
