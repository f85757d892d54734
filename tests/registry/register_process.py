"""A process that registers or promotes, among others that do the same."""

from __future__ import annotations

import sys
from pathlib import Path

from mlops_lab.errors import Conflict
from mlops_lab.project import Project


def main(root: str, what: str, *arguments: str) -> None:
    project = Project.open(root)
    gate = Path(root) / "go"
    while not gate.exists():
        pass
    if what == "register":
        for logged in arguments:
            print(project.models.register("flight-delay", logged_model=logged).version)
    else:
        for ref in arguments:
            try:
                print(project.models.promote(ref, "champion", reason=what).sentence)
            except Conflict as error:
                print(f"refused: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
