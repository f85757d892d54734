"""What a gate is, and what each kind of gate has to say for itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from mlops_lab.document import Place
    from mlops_lab.orchestration.gates.checking import GateChecker
    from mlops_lab.orchestration.gates.facts import GateFacts

__all__ = ["Gate", "GateKind", "Ruling", "State"]

State: TypeAlias = Literal["passed", "rejected", "waiting"]


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition on the finished steps.

    Parameters
    ----------
    index
        Its place in the file, from 0.
    kind
        The key under which it was written.
    text
        It as people read it.
    rule
        What its kind made of it when the file was checked.
    """

    index: int
    kind: str
    text: str
    rule: Any


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a gate says: whether it is met, and why, with the numbers.

    ``left`` and ``right`` are the two numbers where it compares two.
    """

    state: State
    sentence: str
    left: float | None = None
    right: float | None = None


class GateKind(ABC):
    """One kind of gate: a file in ``kinds/`` that ends with ``KIND = …`` and is found by itself.

    Attributes
    ----------
    name
        Its key in the file.
    shape
        The type of what stands behind the key: ``str`` or a `Shape`.
    about
        One line for completion in an editor.
    example
        What a right one looks like, for faults.
    words
        What each of its fields must be, for faults.
    """

    name: ClassVar[str]
    shape: ClassVar[Any]
    about: ClassVar[str]
    example: ClassVar[str]
    words: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def text(self, value: Any) -> str:
        """The gate as people read it, in one line."""

    @abstractmethod
    def check(self, value: Any, place: Place, checker: GateChecker) -> Any:
        """What `decide` needs of the gate; what is wrong goes to ``checker.fault``.

        Parameters
        ----------
        value
            Of the type ``shape``.
        place
            Where it stands in the file.
        checker
            Knows the whole pipeline.
        """

    @abstractmethod
    def decide(self, rule: Any, facts: GateFacts) -> Ruling:
        """Say whether the gate is met, once all steps have finished."""
