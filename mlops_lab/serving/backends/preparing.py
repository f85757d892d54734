"""Preparing a registered version: its converted form, proved on rows of its own data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab.compute import Source
from mlops_lab.compute.sampling import sample_rows
from mlops_lab.data.finder import DatasetFinder
from mlops_lab.errors import LabError
from mlops_lab.registry.package import read_facts
from mlops_lab.serving.backends.choosing import prepare
from mlops_lab.serving.backends.forms import find_form
from mlops_lab.serving.backends.parity import ParityReport
from mlops_lab.serving.backends.proving import PROOF_ROWS

if TYPE_CHECKING:
    from mlops_lab.data.records import VersionRecord
    from mlops_lab.registry.manager import ModelManager
    from mlops_lab.registry.records import ModelVersion

__all__ = ["FORMS", "RealRows", "forms_of", "prepare_version", "real_rows"]

FORMS = "serving"
"""The folder below ``.mlops`` in which converted models are kept."""


@dataclass(frozen=True, slots=True)
class RealRows:
    """Rows that a model was made of or tried on.

    Attributes
    ----------
    frame
        With the columns that the model takes.
    source
        Where they are from: ``dataset reference@7``.
    """

    frame: Any
    source: str


def forms_of(root: Path) -> Path:
    """Where the converted models of a project are kept."""
    return root / ".mlops" / FORMS


def prepare_version(models: ModelManager, root: Path, version: ModelVersion) -> ParityReport | str:
    """Convert a version and prove the form, so that a worker finds it made; quick the second time.

    Parameters
    ----------
    models
        Knows where the version's files are, which are verified.
    root
        The project's folder.
    version
        What is to be served.

    Returns
    -------
    ParityReport or str
        The verdict; or why there can be none. It refuses nothing: a worker that cannot load the
        version says so.
    """
    try:
        return _prepared(models, root, version)
    except LabError as error:
        return str(error)


def _prepared(models: ModelManager, root: Path, version: ModelVersion) -> ParityReport | str:
    folder, forms = models.path(version.ref), forms_of(root)
    if version.unsafe:
        return prepare(folder, cache_dir=forms)
    found = find_form(folder, forms)
    if found is not None:
        return found[1]
    rows = real_rows(models, root, version)
    if rows is None:
        return prepare(folder, cache_dir=forms)
    return prepare(folder, rows=rows.frame, source=rows.source, cache_dir=forms)


def real_rows(models: ModelManager, root: Path, version: ModelVersion) -> RealRows | None:
    """Draw rows that a version was made of: what its run read or wrote and has all of its columns.

    Parameters
    ----------
    models, root, version
        As of `prepare_version`.

    Returns
    -------
    RealRows or None
        At most 5,000 rows, drawn at random, always the same; None when no dataset version has the
        columns, as of a model that takes arrays.
    """
    signature = read_facts(models.path(version.ref)).signature
    if signature is None or any(field.shape is not None for field in signature.inputs):
        return None
    names = [field.name for field in signature.inputs]
    datasets = DatasetFinder(root, models.store)
    for record in _candidates(datasets, models, version):
        try:
            profile = datasets.profile(record)
            if profile is not None and not set(names) <= set(profile.names):
                continue
            source = Source.of(datasets.path(record))
            frame = sample_rows(source, names, rows=PROOF_ROWS, tmp=root / ".mlops" / "tmp")
        except LabError:
            continue  # it has no such columns, or its files are not here
        if len(frame):
            return RealRows(frame, f"dataset {record.ref}")
    return None


def _candidates(
    datasets: DatasetFinder, models: ModelManager, version: ModelVersion
) -> Iterator[VersionRecord]:
    """What its run wrote, the newest first, then what the run and its pipeline read."""
    seen = set()
    if version.run_id is not None:
        for made in reversed(datasets.made_by([version.run_id])):
            seen.add(made.ref)
            yield made
    for one in version.facts.get("inputs") or ():
        if one.get("kind") != "dataset" or one.get("version") is None:
            continue
        found = datasets.find(f"{one['name']}@{one['version']}")
        if found is not None and found.ref not in seen:
            seen.add(found.ref)
            yield found
