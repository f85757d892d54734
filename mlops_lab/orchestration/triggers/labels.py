"""How much truth there is by now: rows of a version that have their label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_lab.errors import InvalidInput

if TYPE_CHECKING:
    from mlops_lab.data.manager import DatasetManager

__all__ = ["labelled"]


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
