"""What a target of packaging is, and what it is given to write."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from mlops_lab.registry.package import PackageFacts
from mlops_lab.serving.backends.parity import ParityReport

__all__ = ["ABOUT", "FORMS", "MODEL", "Content", "Target", "copy_files", "json_text"]

ABOUT: Final = "about.json"
"""What the model is: `Content.about`."""

MODEL: Final = "model"
"""In an image the folder of its package."""

FORMS: Final = "forms"
"""In an image the folder of its converted form."""


@dataclass(frozen=True, slots=True)
class Content:
    """A version that is packaged.

    Attributes
    ----------
    model, version, digest
        Its name, its number, its content.
    folder
        Its package, verified.
    facts
        What is known of that.
    form
        The folder of its converted form; None where there is none that passed.
    report
        The verdict on the form; None where none could be made.
    why
        The sentence about it, in either case.
    """

    model: str
    version: int
    digest: str
    folder: Path
    facts: PackageFacts
    form: Path | None
    report: ParityReport | None
    why: str

    @property
    def ref(self) -> str:
        """As people write it: ``flight-delay@5``."""
        return f"{self.model}@{self.version}"

    def about(self) -> dict[str, Any]:
        """What it is, for the folder: who serves it elsewhere can look it up here."""
        signature = self.facts.signature
        return {
            "v": 1,
            "model": self.model,
            "version": self.version,
            "digest": self.digest,
            "estimator": self.facts.estimator,
            "versions": dict(self.facts.versions),
            "signature": None if signature is None else signature.to_json(),
            "backend": "sklearn" if self.form is None else "onnx",
            "why": self.why,
        }


class Target(Protocol):
    """One way to take a model elsewhere; registered in `mlops_lab.serving.package`."""

    name: str
    """What ``--for`` takes."""

    def write(self, content: Content, folder: Path) -> None:
        """Write everything into an empty folder.

        Raises
        ------
        Refused
            The version cannot be taken there; the message says why.
        """
        ...


def copy_files(source: Path, target: Path) -> None:
    """Copy the files of a folder, readable for whoever an image runs as."""
    for file in sorted(source.rglob("*")):
        if file.is_file():
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)


def json_text(data: Mapping[str, Any]) -> str:
    """A file of JSON that people can read."""
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
