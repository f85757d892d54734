"""What a run is told: what it was given, what it logs, which models it keeps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from mlops_lab.errors import InvalidInput
from mlops_lab.handles.habits import RUN, Answering
from mlops_lab.names import name_of
from mlops_lab.project import Project
from mlops_lab.tracking import media

if TYPE_CHECKING:
    from mlops_lab.data.records import ExternalInput, InputRecord
    from mlops_lab.handles.dataset import Dataset
    from mlops_lab.handles.model import Model
    from mlops_lab.handles.model_file import ModelFile
    from mlops_lab.registry.records import LoggedModel

__all__ = ["Recorder"]


class Recorder(Answering):
    """The verbs by which a run is told something. Safe to use from several threads.

    What datasets and models need is loaded by the verbs that speak of them: most runs only log
    numbers, and their first `start_run` should not wait for it.
    """

    __slots__ = ("_id", "_project")

    _habits = RUN

    def __init__(self, project: Project, run_id: str) -> None:
        self._project = project
        self._id = run_id

    # ------------------------------------------------------------------ what it was given

    @overload
    def use(self, what: Model, *, role: str | None = None) -> Model: ...
    @overload
    def use(self, what: Dataset, *, role: str | None = None) -> Dataset: ...
    # A reference gives a dataset. A path that holds no version gives an ExternalInput, which only
    # the caller can know: Any instead of it, so that what is usual needs no assertion.
    @overload
    def use(
        self, what: str | os.PathLike[str] | ModelFile, *, role: str | None = None
    ) -> Dataset | Any: ...
    def use(
        self, what: str | os.PathLike[str] | Dataset | Model | ModelFile, *, role: str | None = None
    ) -> Dataset | ExternalInput | Model:
        """Note an input: the exact version is pinned, so that the run can be told and repeated.

        Parameters
        ----------
        what
            A dataset by reference (``flights``, ``flights@3``, ``flights@train``), its handle, or a
            path. A path that holds a version's content is that version; any other file is noted by
            its content id, and its bytes are not kept. A model by its handle: ``lab.model(…)``.
        role
            What it is to the run, as ``train`` or ``holdout``.

        Returns
        -------
        Dataset, Model or ExternalInput
            The handle of the version that is pinned; for what is no version, what was noted.

        Raises
        ------
        NotFound
            It is neither a dataset nor on the disk.

        Examples
        --------
        >>> import mlops_lab as lab
        >>> with lab.start_run("gbm") as run:  # doctest: +SKIP
        ...     flights = run.use("flights").df()
        """
        from mlops_lab.data.records import VersionRecord
        from mlops_lab.handles.dataset import Dataset
        from mlops_lab.handles.model import Model
        from mlops_lab.handles.model_file import ModelFile

        if isinstance(what, Model):
            version = self._project.models.use(self._id, what.ref, role=role)
            return Model(self._project, version.ref)
        if isinstance(what, ModelFile):
            what = what.path
        if hasattr(what, "columns") and not isinstance(what, Dataset):
            raise InvalidInput(
                "A run is told its data by name, so that it can be found again; got a "
                f"{type(what).__name__}. Keep it first: "
                'run.use(lab.dataset("NAME").commit(frame)).'
            )
        meant = what.ref if isinstance(what, Dataset) else what
        if isinstance(meant, os.PathLike):
            meant = os.fspath(meant)
        found = self._project.datasets.use(self._id, meant, role=role)
        if isinstance(found, VersionRecord):
            return Dataset(self._project, found.ref)
        return found

    @property
    def inputs(self) -> list[InputRecord]:
        """What it was given: versions of datasets and models, and files that are none."""
        return list(self._project.datasets.inputs(self._id))

    # ------------------------------------------------------------------ logging

    def log_metric(self, key: str, value: float, step: int | None = None) -> None:
        """Log one number; NaN and infinities are values.

        Parameters
        ----------
        key
            Any text; ``/`` makes groups: ``val/loss``.
        value
            A number, a numpy scalar or a tensor of one element.
        step
            The x-position; by default one more than this metric's last.
        """
        self._project.runs.log_metrics(self._id, {key: value}, step=step)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log several numbers of the same step at once."""
        self._project.runs.log_metrics(self._id, metrics, step=step)

    def log_param(self, key: str, value: Any) -> None:
        """Log an input. Logged again with another value, it keeps both: the last one counts."""
        self._project.runs.log_params(self._id, {key: value})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log several inputs."""
        self._project.runs.log_params(self._id, params)

    def set_tag(self, key: str, value: Any) -> None:
        """Set a label; a label of that name is replaced."""
        self._project.runs.set_tags(self._id, {key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set several labels."""
        self._project.runs.set_tags(self._id, tags)

    def delete_tag(self, key: str) -> None:
        """Take a label away; one that is not there is no error."""
        self._project.runs.delete_tags(self._id, [key])

    def note(self, text: str) -> None:
        """Leave a remark."""
        self._project.runs.note(self._id, text)

    def log_figure(self, figure: Any, name: str = "figure") -> None:
        """Keep a chart: Altair as Vega-Lite, Matplotlib as PNG, Plotly as JSON.

        Parameters
        ----------
        figure
            The chart.
        name
            Where in the run; the suffix is added. ``roc.svg`` asks Matplotlib for SVG, ``roc.html``
            Plotly and Altair for a page.
        """
        self._keep(media.encode_figure(figure, _suffix(name)), name, "figure")

    def log_table(self, table: Any, name: str = "table") -> None:
        """Keep a table as Parquet: pandas, polars, Arrow, a list of dicts or a dict of columns."""
        self._keep(media.encode_table(table), name, "table")

    def log_image(self, image: Any, name: str = "image") -> None:
        """Keep a picture: PIL, an array (height, width[, channels]), encoded bytes or a path."""
        self._keep(media.encode_image(image, _suffix(name)), name, "image")

    def log_dict(self, value: Mapping[str, Any] | list[Any], name: str = "dict") -> None:
        """Keep a dict or a list as JSON."""
        self._keep(media.encode_dict(value), name, "dict")

    def log_text(self, text: str, name: str = "text") -> None:
        """Keep a text; without a suffix it becomes ``.txt``."""
        if not isinstance(text, str):
            raise InvalidInput(f"log_text takes text; got {type(text).__name__}.")
        path = name if _suffix(name) else f"{name}.txt"
        data = text.encode("utf-8", "replace")
        self._project.runs.put_artifact(self._id, path, data, kind="text")

    def log_artifact(self, path: str | os.PathLike[str], folder: str = "") -> None:
        """Keep a copy of a file under its own name.

        Parameters
        ----------
        path
            The file.
        folder
            The folder in the run that it goes into.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InvalidInput(
                f"log_artifact keeps a file, by its path; got {type(path).__name__}. Figures, "
                "tables, images, texts and dicts have verbs of their own: log_figure, log_table …"
            )
        file = Path(path)
        if file.is_dir():
            raise InvalidInput(f"{str(file)!r} is a folder: log_artifacts keeps folders.")
        if not file.is_file():
            raise InvalidInput(f"There is no file {str(file)!r} (seen from {Path.cwd()}).")
        self._project.runs.put_artifact(self._id, _join(folder, file.name), file)

    def log_artifacts(self, path: str | os.PathLike[str], folder: str = "") -> None:
        """Keep copies of all files in a folder and below, under their paths in it.

        Parameters
        ----------
        path
            The folder.
        folder
            The folder in the run that they go into.
        """
        top = Path(path)
        if not top.is_dir():
            raise InvalidInput(f"There is no folder {str(top)!r} (seen from {Path.cwd()}).")
        for file in sorted(top.rglob("*")):
            if file.is_file():
                inside = file.relative_to(top).as_posix()
                self._project.runs.put_artifact(self._id, _join(folder, inside), file)

    # ------------------------------------------------------------------ models

    @overload
    def log_model(
        self,
        model: Any,
        name: str = "model",
        *,
        example: Any = None,
        register: None = None,
        unsafe: bool = False,
    ) -> LoggedModel: ...
    @overload
    def log_model(
        self,
        model: Any,
        name: str = "model",
        *,
        example: Any = None,
        register: str,
        unsafe: bool = False,
    ) -> Model: ...
    def log_model(
        self,
        model: Any,
        name: str = "model",
        *,
        example: Any = None,
        register: str | None = None,
        unsafe: bool = False,
    ) -> LoggedModel | Model:
        """Keep a trained model, safely: without code, and proven to come back.

        A scikit-learn estimator or pipeline is kept in a format that loading runs nothing of. It is
        loaded again at once and must predict the same on the example; its signature and latency
        come from there too.

        Parameters
        ----------
        model
            A fitted estimator or pipeline; with ``unsafe`` anything that can be pickled.
        name
            What it is called in the run; its files become the artifacts ``models/<name>/…``.
        example
            Input as `predict` will get it; the first rows of the training data do.
        register
            Make it the next version of the registered model of this name, too.
        unsafe
            Keep it as a pickle, which can hold any class and runs code when it is loaded. It is
            shown in red, loads only by ``allow_unsafe=True``, and no alias takes it by default.

        Returns
        -------
        LoggedModel or Model
            What was kept; with ``register`` the handle of the version.

        Raises
        ------
        InvalidInput
            The model has parts that cannot be kept safely (the message names them and what to do),
            does not take its example, or predicts something else once loaded again.

        Examples
        --------
        >>> import mlops_lab as lab
        >>> with lab.start_run("gbm") as run:  # doctest: +SKIP
        ...     run.log_model(pipeline, example=train.head(), register="flight-delay")
        <Model flight-delay@6 sklearn · 88 kB>
        """
        from mlops_lab.handles.keeping import keep_model

        if isinstance(model, str) and not isinstance(name, str):
            raise InvalidInput(f"The model comes first: log_model(model, {model!r}).")
        if register is not None:
            register = name_of(register, "A model")
        kept = keep_model(self._project, self._id, model, name, example=example, unsafe=unsafe)
        return kept if register is None else self.register_model(register, model=kept.id)

    def register_model(
        self,
        name: str,
        *,
        model: str | LoggedModel | None = None,
        alias: str | None = None,
        note: str | None = None,
    ) -> Model:
        """Make a model that this run kept the next version of a registered model.

        Parameters
        ----------
        name
            The registered model; made with its first version.
        model
            Which of the run's models: its name, its id, or what `log_model` gave. By default the
            only one.
        alias
            What the version is to become at once, if the alias's policy allows that.
        note
            A few words on it.

        Raises
        ------
        NotFound
            The run kept no such model.
        """
        from mlops_lab.handles.model import Model

        which = model if model is None or isinstance(model, str) else model.id
        version = self._project.models.register(
            name, run_id=self._id, logged_model=which, alias=alias, note=note
        )
        return Model(self._project, version.ref)

    @property
    def models(self) -> list[LoggedModel]:
        """The models that it kept, oldest first."""
        return list(self._project.models.logged(self._id))

    def _keep(self, encoded: media.Encoded, name: str, kind: str) -> None:
        self._project.runs.put_artifact(
            self._id, encoded.path(name), encoded.data, media=encoded.media, kind=kind
        )


def _suffix(name: str) -> str:
    if not isinstance(name, str):
        raise InvalidInput(f"The name of an artifact is text; got {type(name).__name__}.")
    return Path(name).suffix.lower()


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if folder else name
