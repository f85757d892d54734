"""What an item of a report is, and what each kind of item has to say for itself."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from mlops_lab.errors import InvalidInput
from mlops_lab.reports import items

if TYPE_CHECKING:
    from mlops_lab.reports.writer import Writer

__all__ = ["ItemKind", "find_kind", "kinds"]


class ItemKind(ABC):
    """One kind of item: a file in ``items/`` that ends with ``KIND = …`` and is found by itself.

    None of the libraries whose objects it takes is imported to recognise them: what is not loaded
    has made no object.

    Attributes
    ----------
    name
        What it is called where an item could not be shown.
    gives
        What can be given, for the sentence to who gives something else.
    rank
        Kinds are asked from the smallest on: what is also something more general comes first.
    """

    name: ClassVar[str]
    gives: ClassVar[str]
    rank: ClassVar[int] = 50

    @abstractmethod
    def takes(self, thing: Any) -> bool:
        """Whether this is the kind for a thing; looks at its type, and reads nothing."""

    @abstractmethod
    def write(self, thing: Any, out: Writer) -> None:
        """Write the thing into the page.

        Raises
        ------
        LabError
            It cannot be shown; the report says so in its place, and has the other items.
        """

    def told(self, thing: Any) -> str:
        """Name the thing, where it could not be shown."""
        return self.name


@cache
def kinds() -> tuple[ItemKind, ...]:
    """Load every module of ``items/``, in the order in which they are asked."""
    modules = sorted(one.name for one in pkgutil.iter_modules(items.__path__))
    found: list[ItemKind] = [
        importlib.import_module(f"{items.__name__}.{name}").KIND for name in modules
    ]
    return tuple(sorted(found, key=lambda kind: (kind.rank, kind.name)))


def find_kind(thing: Any, place: int, of: int = 1) -> ItemKind:
    """Find the kind of an item.

    Parameters
    ----------
    thing
        What was given.
    place, of
        Which of how many items it is, from 1.

    Raises
    ------
    InvalidInput
        There is none; the message has its place and what can be given.
    """
    for kind in kinds():
        if kind.takes(thing):
            return kind
    which = f"Item {place} of the report" if of > 1 else "The report's item"
    gives = "; ".join(dict.fromkeys(kind.gives for kind in kinds()))
    what = "None" if thing is None else _named(thing)
    raise InvalidInput(
        f"{which} is {what}. A report takes: {gives}; or a pair of a heading and one."
    )


def _named(thing: object) -> str:
    if isinstance(thing, type):
        return f"the class {thing.__name__}, not an object of it"
    kind = type(thing)
    name = kind.__qualname__
    article = "an" if name[:1].lower() in "aeio" else "a"
    home = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{article} {home}{name}"
