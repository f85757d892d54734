"""Where a step's inputs come from, and what its outputs are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from mlops_lab.errors import InvalidInput
from mlops_lab.faults import Mark
from mlops_lab.names import parse_reference

__all__ = [
    "InputFile",
    "Kind",
    "Output",
    "OutputFile",
    "Source",
    "StepOutput",
    "VersionInput",
    "VersionOutput",
    "read_reference",
]

Kind: TypeAlias = Literal["dataset", "model"]
"""What has versions."""

_REFERENCE = re.compile(r"(dataset|model):(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class StepOutput:
    """An input that another step makes."""

    step: str
    output: str

    def __str__(self) -> str:
        return f"{self.step}.{self.output}"


@dataclass(frozen=True, slots=True)
class InputFile:
    """An input that is there already: a file or folder."""

    path: Path
    written: str

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True, slots=True)
class VersionInput:
    """An input that is a version of a dataset or model, settled when the step starts.

    Parameters
    ----------
    kind
        ``dataset`` or ``model``.
    name
        Of the dataset or model.
    at
        A version's number or an alias; None is the latest.
    mark
        Where it stands in the file.
    """

    kind: Kind
    name: str
    at: str | None
    mark: Mark = field(default=Mark(), compare=False)

    @property
    def ref(self) -> str:
        """What its manager calls it: ``flights``, ``flights@3``."""
        return self.name if self.at is None else f"{self.name}@{self.at}"

    def __str__(self) -> str:
        return f"{self.kind}:{self.ref}"


@dataclass(frozen=True, slots=True)
class OutputFile:
    """An output that the notebook writes to a path below the step's own folder."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class VersionOutput:
    """An output that the notebook commits or registers under a name."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


Source: TypeAlias = StepOutput | InputFile | VersionInput
Output: TypeAlias = OutputFile | VersionOutput


def read_reference(written: str) -> VersionInput | str | None:
    """What ``dataset:NAME``, ``model:NAME`` or one of them with ``@REF`` means.

    Returns
    -------
    VersionInput, str or None
        None when it is no reference at all, and a sentence when it is a wrong one.

    Examples
    --------
    >>> read_reference("dataset:flights@3").ref
    'flights@3'
    >>> read_reference("flights.csv") is None
    True
    """
    match = _REFERENCE.fullmatch(written)
    if match is None:
        return None
    kind: Kind = "dataset" if match[1] == "dataset" else "model"
    try:
        reference = parse_reference(match[2], f"A {kind}")
    except InvalidInput as error:
        return error.message
    at = reference.alias if reference.version is None else str(reference.version)
    return VersionInput(kind, reference.name, at)
