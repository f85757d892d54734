"""``id_like``: a category that became different in nearly every row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.wording import counted, listed, quoted

if TYPE_CHECKING:
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK"]

NEW: Final = 0.5
"""Share of rows with values that the reference never had …"""
AGAIN: Final = 2
"""… none of which comes more often than so many times: then values tell rows apart."""

MOST: Final = 3
"""Values that are told."""


class IdLike(Check):
    """A join on the wrong column, or a key where its name should be."""

    name = "id_like"
    about = "A category that is now different in nearly every row."
    rank = 33

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """The most frequent new value says how many different ones there are at least."""
        material = looking.material
        for name in material.names:
            grid = material.grids[name]
            if grid.form != "words" or grid.kind != "category":
                continue
            first, last = 0, -2
            for place, now, _ in material.places(name, material.policy.small):
                if looking.is_explained(name, place) or not now.examples:
                    continue
                most = now.examples[0][1]
                if now.new < NEW * now.total or most > AGAIN:
                    continue
                first, last = (first if last == place - 1 else place), place
                such = listed(quoted(word) for word, _ in now.examples[:MOST])
                yield looking.found(
                    self,
                    "alert",
                    f"{name} tells rows apart now{material.since(first, place)}: at least "
                    f"{counted(now.new // most, 'different value')} in {counted(now.total, 'row')} "
                    f"are new, such as {such}; in the reference values repeat. Look for a key "
                    "where its name should be.",
                    column=name,
                    place=place,
                    value=now.new / most / now.total,
                    usual=None,
                    explains=True,
                )


CHECK = IdLike()
