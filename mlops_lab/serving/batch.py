"""Scoring as a run: what was scored, by which version, and what came of it, for the lineage."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.compute import Source
from mlops_lab.errors import InvalidInput, LabError, NotFound
from mlops_lab.governance import Access, Identity
from mlops_lab.names import name_of
from mlops_lab.serving.backends import choose
from mlops_lab.serving.backends.preparing import forms_of, prepare_version
from mlops_lab.serving.backends.sklearn import SklearnBackend
from mlops_lab.serving.inputs import Schema
from mlops_lab.serving.scoring import Progress, score_table, written
from mlops_lab.store import Store
from mlops_lab.store.snapshot import workplace
from mlops_lab.wording import counted

if TYPE_CHECKING:
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.registry.manager import ModelManager
    from mlops_lab.registry.records import ModelVersion
    from mlops_lab.tracking import RunManager

__all__ = ["DATASET", "KIND", "Scored", "Scorer"]

KIND: Final = "batch"
DATASET: Final = "dataset:"
"""How a target that is a dataset begins: ``dataset:scores``."""

_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Scored:
    """What came of scoring a table.

    Attributes
    ----------
    run_id
        The run that did it.
    model
        The version that answered: ``flight-delay@5``.
    rows
        How many rows there are.
    path
        The file that was written; None of a dataset.
    dataset
        The dataset's version: ``scores@3``; None of a file.
    backend, why
        What ran the model, and why that.
    duration_s
        How long it took.
    """

    run_id: str
    model: str
    rows: int
    path: Path | None
    dataset: str | None
    backend: str
    why: str
    duration_s: float


class Scorer:
    """Scores tables with the models of one project. Safe to use from several threads.

    Parameters
    ----------
    store
        Where the project is kept.
    runs, datasets, models
        Its managers.
    identity
        Who asks, unless a call says otherwise.
    access
        Who may what.
    """

    def __init__(
        self,
        store: Store,
        runs: RunManager,
        datasets: Callable[[], DatasetManager],
        models: Callable[[], ModelManager],
        identity: Identity,
        access: Access,
    ) -> None:
        self._store = store
        self._runs = runs
        self._datasets = datasets
        self._models = models
        self._identity = identity
        self._access = access

    def score(
        self,
        ref: str,
        source: Any,
        target: str | os.PathLike[str],
        *,
        columns: Sequence[str] | None = None,
        keep: Sequence[str] | None = None,
        backend: str = "auto",
        by: Identity | None = None,
        run_id: str | None = None,
        parent: str | None = None,
        facts: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Scored:
        """Score a table in a run of kind ``batch``.

        Parameters
        ----------
        ref
            The model's version.
        source
            A dataset's version (``flights@4``), a file or folder, a frame, a relation, or SQL.
        target
            A ``.parquet`` file, replaced when all is done; or ``dataset:NAME``, which gets a
            version.
        columns, keep
            As of `mlops_lab.serving.scoring.score_table`.
        backend
            ``auto``, as endpoints choose; ``sklearn`` or ``onnx``.
        by
            Who asks; by default whom the project is open for.
        run_id, parent
            The id that the run should have; the run inside which it happens.
        facts
            What else the run says of where it comes from.
        progress
            Told how many rows of how many are done.

        Raises
        ------
        NotFound, InvalidInput
            There is no such version, source or target, or they do not fit; nothing is written.
        """
        who = by or self._identity
        self._access.require(who, "runs:write")
        file, dataset = _target(target)
        if dataset is not None:
            self._access.require(who, "datasets:commit")
        version = self._models().get(ref)
        run = self._runs.start(
            stem=f"score-{version.name}",
            kind=KIND,
            run_id=run_id,
            parent=parent,
            params={"model": version.ref, "target": os.fspath(target), "backend": backend},
            source={"model": version.ref, **(facts or {})},
            by=who,
        )
        try:
            if self._runs.is_cancelled(run):  # before there was a process to be stopped
                raise KeyboardInterrupt
            told = _Progress(self._runs, run, progress)
            scored = self._scored(
                version, run, source, file, dataset, columns, keep, backend, who, told
            )
        except KeyboardInterrupt:
            self._runs.end(run, "killed", reason="It was stopped.")
            raise
        except BaseException as error:
            message = {"name": type(error).__name__, "message": str(error)}
            self._runs.end(run, "failed", reason=str(error)[:1000], error=message)
            raise
        where = scored.dataset or str(scored.path)
        self._runs.end(
            run,
            reason=f"{version.ref} scored {counted(scored.rows, 'row')} into {where}.",
        )
        return scored

    def _scored(
        self,
        version: ModelVersion,
        run: str,
        source: Any,
        file: Path | None,
        dataset: str | None,
        columns: Sequence[str] | None,
        keep: Sequence[str] | None,
        backend: str,
        by: Identity,
        progress: _Progress,
    ) -> Scored:
        began = time.monotonic()
        table = self._source(run, source)
        self._models().use(run, version.ref, role="scores")
        folder = self._models().path(version.ref)
        if backend != SklearnBackend.name:
            # As a deployment does: then a table gets the very answers that an endpoint gives.
            prepare_version(self._models(), self._store.root, version)
        chosen = choose(folder, backend, cache_dir=forms_of(self._store.root))
        schema = Schema.read(folder)
        with workplace(self._store.tmp) as tmp:

            def score(target: Path) -> int:
                return score_table(
                    chosen.backend,
                    schema,
                    table,
                    target,
                    columns=columns,
                    keep=keep,
                    progress=progress,
                    tmp=tmp,
                )

            made = None
            if file is not None:
                with written(file) as beside:
                    rows = score(beside)
            else:
                assert dataset is not None
                path = tmp / f"{dataset.encode()[:200].decode(errors='ignore')}.parquet"
                rows = score(path)
                made = (
                    self._datasets()
                    .commit(
                        dataset,
                        path,
                        note=f"{version.ref} on {table.told}",
                        run_id=run,
                        by=by,
                        origin={"model": version.ref, "run": run},
                    )
                    .ref
                )
        progress.last()
        return Scored(
            run,
            version.ref,
            rows,
            file,
            made,
            chosen.backend.name,
            chosen.why,
            time.monotonic() - began,
        )

    def _source(self, run: str, source: Any) -> Source:
        """The table that is meant, noted as the run's input where it can be found again."""
        from mlops_lab.data.records import VersionRecord

        if not isinstance(source, (str, os.PathLike)):
            return Source.of(source)
        text = os.fspath(source).removeprefix(DATASET)
        if not os.path.exists(text) and not self._named(text):
            with suppress(LabError):  # what it should be is told below
                table = Source.of(text)
                if table.kind == "sql":
                    return table
        found = self._datasets().use(run, text, role="scored")
        if not isinstance(found, VersionRecord):
            return Source.of(Path(text).expanduser())
        path = self._datasets().path(found)
        try:
            return replace(Source.of(path), told=found.ref)
        except LabError as fault:
            raise InvalidInput(f"{found.ref} cannot be scored: {fault}") from fault

    def _named(self, text: str) -> bool:
        """Whether a text is the reference of a dataset that is there."""
        try:
            return self._datasets().find(text) is not None
        except LabError:
            return False


class _Progress:
    """Logs how many rows are done, once a second, and tells whoever wants to know."""

    def __init__(self, runs: RunManager, run_id: str, told: Progress | None) -> None:
        self._runs = runs
        self._run_id = run_id
        self._told = told
        self._next = 0.0
        self._done = (0, 0)

    def __call__(self, done: int, total: int) -> None:
        self._done = done, total
        if self._told is not None:
            self._told(done, total)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY_S
            self.last()

    def last(self) -> None:
        """Log how far it is now."""
        done, total = self._done
        # As the machine's own metrics: no goal of the project, which `rows` would become.
        self._runs.log_metrics(self._run_id, {"system/rows": done, "system/rows_total": total})


def _target(target: str | os.PathLike[str]) -> tuple[Path | None, str | None]:
    """The file or the dataset that is meant."""
    text = os.fspath(target)
    if isinstance(text, str) and text.startswith(DATASET):
        return None, name_of(text.removeprefix(DATASET), "A dataset")
    path = Path(text).expanduser()
    if path.suffix.lower() not in (".parquet", ".pq"):
        raise InvalidInput(
            f"Scores are written to a Parquet file or become a dataset: 'scores.parquet' or "
            f"'{DATASET}scores'; got {text!r}."
        )
    if path.is_dir():
        raise InvalidInput(f"{text!r} is a folder; scores are written to one Parquet file.")
    if not path.absolute().parent.is_dir():
        raise NotFound(f"There is no folder {str(path.absolute().parent)!r} for {path.name}.")
    return path.absolute(), None
