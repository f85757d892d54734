"""The handle of a registered model: a reference, its project, and the verbs of versions."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import InvalidInput, LabError
from mlops_lab.handles.dataset import Dataset, producer
from mlops_lab.handles.habits import MODEL
from mlops_lab.handles.model_card import model_card, model_line
from mlops_lab.handles.model_file import is_model_path, model_file
from mlops_lab.handles.model_rows import Models, Moves, Versions
from mlops_lab.handles.progress import progress_line
from mlops_lab.handles.scores import Scores
from mlops_lab.handles.table import Table
from mlops_lab.handles.versioned import Versioned
from mlops_lab.names import parse_reference
from mlops_lab.project import Project
from mlops_lab.registry.package import load_model, read_example
from mlops_lab.registry.predicting import predict
from mlops_lab.registry.signature import Signature

if TYPE_CHECKING:
    from mlops_lab.registry.manager import ModelManager
    from mlops_lab.registry.records import (
        AliasMove,
        ApprovalResult,
        Fault,
        Judgement,
        ModelVersion,
        PolicyCheck,
    )

__all__ = ["Model", "ModelCard", "model", "models"]


class ModelCard(str):
    """A model card: Markdown that a notebook shows as such."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return str(self)


class Model(Versioned["ModelVersion"]):
    """A registered model, or one version of it: ``late`` (the newest), ``late@3``, ``late@good``.

    Whatever is asked of it is read from the project at that moment; a handle without a version
    follows the newest one, one with an alias follows the alias. Safe to use from several threads.
    """

    __slots__ = ("_loaded", "_lock")

    _what = "A model"
    _habits = MODEL

    def __init__(self, project: Project, ref: str) -> None:
        super().__init__(project, ref)
        # What `predict` has loaded, and the content that it was.
        self._loaded: tuple[str, Any] | None = None
        self._lock = threading.Lock()

    @property
    def _manager(self) -> ModelManager:
        return self._project.models

    @staticmethod
    def _line(record: ModelVersion) -> str:
        return model_line(record)

    # ------------------------------------------------------------------ what it is

    @property
    def flavor(self) -> str:
        """The format that it is kept in: sklearn, pickle …"""
        return self.record.flavor

    @property
    def unsafe(self) -> bool:
        """Whether loading it runs code that it brings along."""
        return self.record.unsafe

    @property
    def author(self) -> str:
        """Who registered it."""
        return self.record.author

    @property
    def note(self) -> str:
        """What people noted on it."""
        return self.record.note

    @property
    def tags(self) -> dict[str, str]:
        """Its labels."""
        return self.record.tags

    @property
    def judgement(self) -> Judgement | None:
        """What the gates of a pipeline said of it last; None when nobody has judged it."""
        return self.record.judgement

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was known when it was registered: run, metrics, params, inputs, code, packages …"""
        return self.record.facts

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the run that made it, as of then: their last values."""
        found = (self.facts.get("metrics") or {}).items()
        lasts = {key: one.get("last") if isinstance(one, Mapping) else one for key, one in found}
        # What is not finite is kept as its word: float reads it.
        return {key: float(last) for key, last in lasts.items() if last is not None}

    @property
    def params(self) -> dict[str, Any]:
        """The params of the run that made it, as of then."""
        return dict(self.facts.get("params") or {})

    @property
    def signature(self) -> Signature | None:
        """What it takes and gives; None when it was kept without an example."""
        found = self.facts.get("signature")
        return Signature.from_json(found) if isinstance(found, Mapping) else None

    # ------------------------------------------------------------------ using it

    @property
    def path(self) -> Path:
        """A folder with its files, to be read and not written.

        The bytes are made sure of first: what is not as it was registered is never delivered.

        Raises
        ------
        Corrupt
            They are not what was registered.
        """
        return self._project.models.path(self._ref)

    @property
    def example(self) -> Any:
        """The input example that it was kept with; None without one."""
        return read_example(self.path)

    def load(self, *, allow_unsafe: bool = False) -> Any:
        """Load the model itself: the estimator, as it was kept.

        The hash is verified, only types of our reviewed list are built, and what native code would
        trust is checked before you get it.

        Parameters
        ----------
        allow_unsafe
            Load a pickle too, which runs whatever is in it.

        Raises
        ------
        InvalidInput
            It is a pickle and that was not allowed, or was made with another major version of its
            library.
        Corrupt
            Its files are not what was registered, or could crash the process.

        Examples
        --------
        >>> import mlops_lab as lab
        >>> lab.model("flight-delay@champion").load()  # doctest: +SKIP
        Pipeline(steps=[('columns', ColumnTransformer(...)), ('trees', ...)])
        """
        return load_model(self.path, allow_unsafe=allow_unsafe)

    def predict(self, data: Any) -> Any:
        """Predict, after the input was compared with the signature.

        The model is loaded with the first call and kept in this handle, until the reference means
        other content.

        Parameters
        ----------
        data
            What the model takes: a frame, an array, texts; or records, such as
            ``[{"hour": 7, "carrier": "UA"}]``.

        Returns
        -------
        array or frame
            What the model's ``predict`` gives; of a transformer what its ``transform`` gives.

        Raises
        ------
        InvalidInput
            The input does not fit: a sentence for each column. Or the model is unsafe: it must be
            loaded by `load` with ``allow_unsafe=True``.
        """
        return predict(self._kept(), data, self.signature)

    def predict_proba(self, data: Any) -> Any:
        """Say how probable each class is, after the input was compared with the signature.

        Parameters
        ----------
        data
            As for `predict`.

        Returns
        -------
        array of shape (rows, classes)
            Each between 0 and 1, the classes in the model's own order: of two, the second column
            is the probability of the greater one, as of True.

        Raises
        ------
        InvalidInput
            As `predict`; and of a model that gives no probabilities.

        Examples
        --------
        >>> m = lab.model("flight-delay@champion")        # doctest: +SKIP
        >>> m.predict_proba(frame)[:, 1]                  # doctest: +SKIP
        """
        return predict(self._kept(), data, self.signature, chances=True)

    def score(
        self,
        source: Any,
        target: str | os.PathLike[str],
        *,
        columns: Sequence[str] | None = None,
        keep: Sequence[str] | None = None,
        backend: str = "auto",
    ) -> Scores:
        """Score a whole table, batch by batch, with the answers that an endpoint gives.

        It takes a bounded amount of memory, however long the table is. A run of kind ``batch``
        notes what was scored and by which version; inside another run it is a child of that.

        Parameters
        ----------
        source
            A dataset's version (``flights@4``) or its handle, a file or folder, a frame (pandas,
            polars, Arrow), a DuckDB relation, or SQL.
        target
            A ``.parquet`` file, which is replaced when all is done; or ``dataset:NAME``: then it
            becomes a version of that dataset, whose lineage has the model and the source.
        columns
            Of a model that takes an array: which columns of the source are its own, in this order.
        keep
            Which columns of the source are written beside the answers; default all.
        backend
            What runs the model: ``auto`` chooses as an endpoint does; ``sklearn``, ``onnx``.

        Returns
        -------
        Scores
            Columns ``prediction`` and, of a classifier, ``probability_<class>``, a row for each of
            the source's, in its order.

        Raises
        ------
        NotFound, InvalidInput
            There is no such source, or it does not fit the signature: a sentence for each column.
            Nothing is written then.

        Examples
        --------
        >>> lab.model("flight-delay").score("flights@4", "dataset:scores")  # doctest: +SKIP
        <Scores scores@1: 6,351 rows by flight-delay@5 in 0.4 s>
        """
        line = progress_line()

        def shown(done: int, total: int) -> None:
            if line is not None:
                line(done / max(total, 1), f"{done:,} of {total:,} rows")

        try:
            scored = self._project.scorer.score(
                self.ref,
                source.ref if isinstance(source, Dataset) else source,
                target,
                columns=columns,
                keep=keep,
                backend=backend,
                parent=producer(self._project),
                progress=shown,
            )
        finally:
            if line is not None:
                line.close()
        return Scores(self._project, scored)

    def _kept(self) -> Any:
        """The loaded model, kept until the reference means other content."""
        record = self.record
        with self._lock:
            if self._loaded is None or self._loaded[0] != record.digest:
                folder = self._project.models.path(record.ref)
                self._loaded = record.digest, load_model(folder)
            return self._loaded[1]

    def verify(self) -> list[Fault]:
        """Read every byte again and name what is not as it was registered; empty when all is."""
        return self._project.models.verify(self._ref)

    def card(self) -> ModelCard:
        """Write its model card from the facts and from what people wrote, as Markdown."""
        return ModelCard(self._project.models.card(self._ref))

    def versions(self) -> Table[Model]:
        """All versions of the model, newest first."""
        records = self._project.models.versions(self.name)
        return Table(Versions(records, lambda one: Model(self._project, one.ref)))

    # ------------------------------------------------------------------ what becomes of it

    def check_policy(self, alias: str) -> PolicyCheck:
        """Say which demands of an alias's policy it meets, and what stands in the way."""
        return self._project.models.check_policy(self._ref, alias)

    def request_approval(self, alias: str | None = None, comment: str = "") -> ApprovalResult:
        """Ask for the approval that it needs to get an alias.

        Parameters
        ----------
        alias
            What it is to become; by default the one alias whose policy takes approvals.
        comment
            What the approvers should know.
        """
        return self._project.models.request_approval(self.record.ref, alias, comment)

    def approve(self, comment: str, *, alias: str | None = None) -> ApprovalResult:
        """Approve it, as it is now; the last approval that an alias needs promotes.

        Parameters
        ----------
        comment
            Why; it is kept with your name.
        alias
            What it may become; by default what was asked for.

        Raises
        ------
        Forbidden
            Your role does not include it, or you made this version yourself.
        """
        record = self.record
        return self._project.models.approve(record.ref, comment, alias=alias, digest=record.digest)

    def reject(self, comment: str, *, alias: str | None = None) -> ApprovalResult:
        """Say that it must not become what was asked for, and why."""
        record = self.record
        return self._project.models.reject(record.ref, comment, alias=alias, digest=record.digest)

    def promote(self, alias: str, reason: str = "") -> ApprovalResult:
        """Give it an alias, if the alias's policy allows that; who had it loses only the alias.

        Parameters
        ----------
        alias
            What it is to become, such as champion.
        reason
            Why; it is kept in the decision log.
        """
        record = self.record
        return self._project.models.promote(record.ref, alias, reason=reason, digest=record.digest)

    def rollback(self, alias: str, reason: str = "") -> ApprovalResult:
        """Give an alias of this model back to the version that had it before, in one step."""
        return self._project.models.rollback(self.name, alias, reason=reason)

    def history(self, alias: str) -> Table[AliasMove]:
        """Say which versions had an alias when, newest first."""
        return Table(Moves(self._project.models.history(self.name, alias)))

    def on(self, alias: str, when: datetime | str) -> Model | None:
        """Give the version that had an alias at a moment: ``on("champion", "2026-11-21")``.

        Parameters
        ----------
        alias
            The alias.
        when
            A moment; without a time zone it is UTC, and a day alone means its end.
        """
        found = self._project.models.on(self.name, alias, when)
        return None if found is None else Model(self._project, found.ref)

    def edit(
        self, *, note: str | None = None, tags: Mapping[str, str | None] | None = None
    ) -> None:
        """Change what people say of the version: its note, its tags (None takes one away)."""
        self._project.models.edit(self.record.ref, note=note, tags=tags)

    def describe(self, text: str) -> None:
        """Say what the model is for, whatever its version."""
        self._project.models.edit(self.name, description=text)

    def delete(self) -> None:
        """Delete this version. Refused while it has an alias or something was made from it."""
        self._project.models.delete(self.record.ref)

    # ------------------------------------------------------------------ showing

    def _repr_html_(self) -> str | None:
        try:
            record = self.record
        except LabError:
            return None  # the text says why
        try:
            return model_card(record, record.facts)
        except (LabError, ValueError):
            # Damaged facts are what `verify` speaks of; the rest is shown all the same.
            return model_card(record, {})


# Any stands for ModelFile: only the caller knows that it named a file, and what is usual, a
# registered model, should need no assertion in code that is type-checked.
def model(ref: str | os.PathLike[str]) -> Model | Any:
    """Give a registered model or one version of it; or a model file, which is loaded as safely.

    Parameters
    ----------
    ref
        ``flight-delay`` (the newest version), ``flight-delay@3``, ``flight-delay@champion``; or a
        path: that of a version's files (an input of a pipeline's step) gives the version, any other
        ``.skops`` file or folder with ``model.json`` gives a `ModelFile`.

    Raises
    ------
    NotFound
        There is nothing at the path.
    InvalidInput
        It is neither a reference nor a model's path.

    Examples
    --------
    >>> import mlops_lab as lab
    >>> lab.model("flight-delay@champion").predict(flights)  # doctest: +SKIP
    array([0.12, 0.57, ...])
    """
    if isinstance(ref, str) and not is_model_path(ref):
        project = Project.locate(create=False)
        try:
            parsed = parse_reference(ref, "A model")
        except InvalidInput:
            if not Path(ref).expanduser().exists():
                raise
        else:
            # A folder may be called as a model is: the model comes first.
            if "@" in ref or project.models.exists(parsed.name) or not Path(ref).is_dir():
                return Model(project, ref)
    elif not isinstance(ref, (str, os.PathLike)):
        raise InvalidInput(
            f"A model is named by reference ('flight-delay@champion') or path; got {ref!r}."
        )
    path = Path(ref).expanduser()
    above = Project.find(path.absolute().parent)
    project_of = above if above is not None else Project.find(Path.cwd())
    found = None if project_of is None else project_of.models.recognise(path)
    if found is not None and project_of is not None:
        return Model(project_of, found.ref)
    return model_file(path)


def models() -> Table[Model]:
    """List the project's registered models."""
    project = Project.locate(create=False)
    return Table(Models(project.models.list(), lambda one: Model(project, one.name)))
