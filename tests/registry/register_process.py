"""Processes that register or promote, among others that do the same; forked by the nursery."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mlops_lab.errors import Conflict
from mlops_lab.project import Project


def warm() -> None:
    """Nothing that is not imported already, and no project: each opens its own."""


def register(root: str, out: str, logged: Sequence[str]) -> None:
    models = Project.open(root).models
    versions = (models.register("flight-delay", logged_model=one).version for one in logged)
    write(out, (str(one) for one in versions))


def promote(root: str, out: str, refs: Sequence[str], reason: str) -> None:
    models = Project.open(root).models

    def tell(ref: str) -> str:
        try:
            return models.promote(ref, "champion", reason=reason).sentence
        except Conflict as error:
            return f"refused: {error}"

    write(out, map(tell, refs))


def write(out: str, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    Path(out).write_text(text)


VERBS = {"register": register, "promote": promote}
