"""How much truth there is by now: rows of a version, or answers, that have their label."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.predictions.reading import predictions

if TYPE_CHECKING:
    from mlops_lab.data.manager import DatasetManager

__all__ = ["answers_labelled", "labelled"]


def labelled(datasets: DatasetManager, ref: str, target: str) -> int:
    """Rows whose label is known, from the profile that was made with the version.

    Parameters
    ----------
    ref
        A dataset reference; one that is not there has none.
    target
        The column of the truth.

    Raises
    ------
    InvalidInput
        The version is no table, or has no such column.
    """
    version = datasets.find(ref)
    if version is None:
        return 0
    profile = datasets.profile(version)
    column = None if profile is None else profile.column(target)
    if profile is None or column is None:
        has = "it is no table" if profile is None else f"it has {', '.join(profile.names[:20])}"
        raise InvalidInput(f"{version.ref} has no column {target!r} of labels: {has}.")
    return column.count - column.nan


def answers_labelled(root: Path, endpoint: str, role: str, target: str) -> int:
    """Answers of an endpoint whose truth somebody has told.

    Parameters
    ----------
    root
        The project's folder.
    role
        As what they were given: ``stable``, ``canary`` or ``shadow``.
    target
        The name of the truth; while nobody has told any, there is none.
    """
    told = predictions(root, endpoint, role=role, where=f"not `{target}` is null")
    try:
        return told.count()
    except InvalidInput:  # no truth of that name yet
        return 0
