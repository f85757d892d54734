"""What is wrong in a file that a person wrote, each at its line and column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_lab.errors import InvalidInput

__all__ = ["Fault", "Mark", "refuse", "sentence"]


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a text, counted from 1 as editors do."""

    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, or (``warning``) that is probably not meant.

    Parameters
    ----------
    file
        The file as a person would name it: relative to the project where it is inside.
    mark
        Where in the file.
    message
        What is wrong and what would be right, as a sentence.
    suggestion
        The nearest right word, where there is one.
    warning
        True for what does not stop anything from running.
    others
        What else would be right, as a sentence: told after the suggestion.
    """

    file: str
    mark: Mark
    message: str
    suggestion: str | None = None
    warning: bool = False
    others: str = ""

    def __str__(self) -> str:
        kind = "warning: " if self.warning else ""
        return f"{self.file}:{self.mark.line}:{self.mark.column}: {kind}{self.sentence}"

    @property
    def sentence(self) -> str:
        """What is wrong, what was probably meant, and what else there is."""
        return sentence(self.message, self.suggestion, self.others)

    def as_dict(self) -> dict[str, object]:
        """The fault for programs: the sentence with its suggestion, and the place."""
        return {
            "file": self.file,
            "line": self.mark.line,
            "column": self.mark.column,
            "message": self.sentence,
            "suggestion": self.suggestion,
            "warning": self.warning,
        }


def sentence(message: str, suggestion: str | None = None, others: str = "") -> str:
    """What is wrong, what was probably meant, and what else there is, as `Fault` has them."""
    hint = f"Did you mean {suggestion}?" if suggestion else ""
    return " ".join(part for part in (message, hint, others) if part)


def refuse(faults: Sequence[Fault]) -> None:
    """Raise one error that lists every fault in the order of the file.

    Warnings alone raise nothing.

    Raises
    ------
    InvalidInput
        With a line per fault; ``details["faults"]`` holds them for programs.
    """
    wrong = [fault for fault in faults if not fault.warning]
    if not wrong:
        return
    ordered = sorted(wrong, key=lambda fault: (fault.file, fault.mark))
    raise InvalidInput(
        "\n".join(str(fault) for fault in ordered),
        faults=[fault.as_dict() for fault in ordered],
    )
