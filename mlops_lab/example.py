"""The example project "Will this flight arrive late?": data, notebooks, suites, pipelines."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlops_lab.errors import Conflict, Forbidden, NotFound
from mlops_lab.project import Project

__all__ = ["LEAK", "NAME", "PIPELINE", "START", "create", "is_example", "source"]

NAME: Final = "flight-delay"
PIPELINE: Final = "pipelines/flight-delay.yaml"
"""The pipeline whose gates pass."""
LEAK: Final = "pipelines/leak.yaml"
"""The pipeline whose model is too good to be true."""
START: Final = "notebooks/train.ipynb"
"""Where to look first."""

# What running it leaves behind, in a checkout or in a project that was copied by hand.
_LEFTOVERS: Final = (".mlops", "work", "__pycache__", ".ipynb_checkpoints", ".virtual_documents")
_MOST: Final = 1000


def source() -> Path:
    """Where the example's files are: in the package, or beside it in a checkout.

    Raises
    ------
    NotFound
        The installation is incomplete.
    """
    package = Path(__file__).parent
    for folder in (package / "_example", package.parent / "examples" / NAME):
        if (folder / PIPELINE).is_file():
            return folder
    raise NotFound(
        f"The example is missing beside {package}: `pip install --force-reinstall mlops-lab`."
    )


def create(parent: Path, name: str = NAME) -> Path:
    """Copy the example into a new folder below `parent` and make it a project.

    Parameters
    ----------
    parent
        An existing folder.
    name
        How to call the new one; ``-2``, ``-3`` … is added when the name is taken. Nothing that
        exists is ever touched, also when several processes do this at once.

    Returns
    -------
    Path
        The new project's folder.

    Raises
    ------
    Forbidden
        Nothing can be written there.
    Conflict
        A thousand of them exist already.
    """
    origin = source()
    try:
        folder = _claim(parent, name)
        shutil.copytree(
            origin, folder, ignore=shutil.ignore_patterns(*_LEFTOVERS), dirs_exist_ok=True
        )
        # The package may have been installed read-only; the copy is the user's.
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
    except OSError as error:
        raise Forbidden(
            f"The example cannot be made in {parent}: {error.strerror or error}."
        ) from error
    Project.create(folder)
    return folder


def is_example(folder: Path) -> bool:
    """Whether a folder is a project that was made by `create`."""
    return (folder / "mlops.toml").is_file() and (folder / PIPELINE).is_file()


def _claim(parent: Path, name: str) -> Path:
    for candidate in _names(name):
        folder = parent / candidate
        try:
            folder.mkdir()  # atomic: of several processes one gets it
        except FileExistsError:
            continue
        return folder
    raise Conflict(f"{parent} already has {_MOST} folders called {name}.")


def _names(name: str) -> Iterator[str]:
    yield name
    for number in range(2, _MOST + 1):
        yield f"{name}-{number}"
