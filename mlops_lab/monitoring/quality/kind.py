"""What a check of data quality is, and what it has to say for itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["Check"]


class Check(ABC):
    """One kind of finding: a file in ``kinds/`` that ends with ``CHECK = …``, found by itself.

    Attributes
    ----------
    name
        What findings call it: ``missing``, ``unit`` …
    about
        One line: what it finds.
    rank
        Checks with a lower one look first, and what they explain the others leave out.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    rank: ClassVar[int] = 50

    @abstractmethod
    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Give what is found; each sentence says what, since when, the numbers and what to do."""
