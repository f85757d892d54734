"""The handle of a run: live or found, it holds an id and its project and reads through."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from mlops_lab.errors import Conflict, InvalidInput, LabError
from mlops_lab.handles.card import run_card, run_line
from mlops_lab.handles.contents import Artifacts, Metrics, Params
from mlops_lab.handles.recorder import Recorder
from mlops_lab.project import Project
from mlops_lab.tracking.active import active_runs, describe, status_of
from mlops_lab.tracking.capture import wait_for_all

if TYPE_CHECKING:
    from mlops_lab.lineage import Direction, Graph
    from mlops_lab.tracking.active import OpenRun
    from mlops_lab.tracking.records import History, NoteRecord, RunRecord
    from mlops_lab.widgets import CurvesView

__all__ = ["Run"]


class Run(Recorder):
    """One run: what it was given, what came of it, and the verbs to log more.

    Whatever is asked of it is read from the project at that moment, so a run that another process
    is training shows where it stands. As a context manager it ends when the block is left:
    finished, failed when an exception left it, killed when it was interrupted. Safe to use from
    several threads.
    """

    __slots__ = ("_open", "_seen")

    def __init__(
        self,
        project: Project,
        run_id: str,
        opened: OpenRun | None = None,
        seen: tuple[Hashable, RunRecord] | None = None,
    ) -> None:
        super().__init__(project, run_id)
        self._open = opened
        # What a search read of a run that has ended: true for as long as nothing is written.
        self._seen = seen

    # ------------------------------------------------------------------ what it is

    @property
    def id(self) -> str:
        """32 hexadecimal characters; any unique prefix of four or more finds it again."""
        return self._id

    @property
    def record(self) -> RunRecord:
        """All that the store knows of the run itself, as of now."""
        if self._seen is not None:
            signature, record = self._seen
            if self._project.store.signature() == signature:
                return record
            self._seen = None
        return self._project.runs.get(self._id)

    @property
    def name(self) -> str:
        """Its name."""
        return self.record.name

    @property
    def kind(self) -> str:
        """training, pipeline, step …"""
        return self.record.kind

    @property
    def status(self) -> str:
        """Whether it ran: scheduled, running, finished, failed or killed."""
        return self.record.status

    @property
    def outcome(self) -> str | None:
        """What its gates said: passed, rejected or waiting; None without gates."""
        return self.record.outcome

    @property
    def experiment(self) -> str:
        """The name of its experiment."""
        return self.record.experiment

    @property
    def author(self) -> str | None:
        """Who ran it."""
        return self.record.author

    @property
    def source(self) -> dict[str, Any]:
        """Where it comes from: notebook, pipeline or program, relative to the project."""
        return self.record.source

    @property
    def started_at(self) -> datetime:
        """When it began, UTC."""
        return self.record.started_at

    @property
    def ended_at(self) -> datetime | None:
        """When it ended, UTC; None while it runs."""
        return self.record.ended_at

    @property
    def duration_s(self) -> float:
        """Seconds from start to end, or until now."""
        return self.record.duration_s

    @property
    def error(self) -> dict[str, Any] | None:
        """What went wrong: name, message and traceback."""
        return self.record.error

    @property
    def parent(self) -> Run | None:
        """The run it belongs to."""
        parent = self.record.parent
        return None if parent is None else Run(self._project, parent)

    @property
    def children(self) -> list[Run]:
        """The runs that belong to it, oldest first."""
        records = self._project.runs.children(self._id)
        return [Run(self._project, record.id) for record in records]

    # ------------------------------------------------------------------ what it has

    @property
    def params(self) -> Params:
        """Its params by name, with the values that were logged last."""
        return Params(self._project.runs.params(self._id))

    @property
    def metrics(self) -> Metrics:
        """Its metrics by name: ``run.metrics["auc"].last``, ``.best``, ``.min``, ``.n`` …"""
        return Metrics(self._project.runs.metrics(self._id))

    @property
    def tags(self) -> dict[str, str]:
        """Its tags by name."""
        return self._project.runs.tags(self._id)

    @property
    def artifacts(self) -> Artifacts:
        """Its files by path: ``run.artifacts["errors.parquet"].df()``."""
        return Artifacts(self._project.store.objects, self._project.runs.artifacts(self._id))

    @property
    def notes(self) -> list[NoteRecord]:
        """The remarks left on it, oldest first."""
        return self._project.runs.notes(self._id)

    @property
    def environment(self) -> dict[str, Any] | None:
        """What it ran in: Python, packages, hardware, git; a child run has its parent's."""
        found = self._project.runs.environment(self._id)
        if found is None and self._open is not None:
            wait_for_all()  # it is gathered while the run goes on
            found = self._project.runs.environment(self._id)
        if found is None:
            parent = self.record.parent
            return None if parent is None else self._project.runs.environment(parent)
        return found

    def history(self, key: str, points: int | None = None) -> History:
        """Give all points of a metric; with ``points`` about so many, no peak lost.

        Parameters
        ----------
        key
            The metric's name.
        points
            How many points are enough, for drawing; by default all.

        Raises
        ------
        NotFound
            The run has no such metric; the message names the nearest.
        """
        if points is not None and (not isinstance(points, int) or points < 1):
            raise InvalidInput(f"points is a whole number from 1; got {points!r}.")
        if not isinstance(key, str):
            raise InvalidInput(f"A metric's name is text; got {key!r}.")
        found = self._project.runs.history(self._id, key, points=points)
        if not found.n:
            self.metrics[key]  # says which there are
        return found

    def lineage(self, *, direction: Direction = "both", depth: int = 6) -> Graph:
        """Show what it was made from, and what was made from it.

        Parameters
        ----------
        direction
            ``up``, what it was made from; ``down``, what was made from it; or both.
        depth
            How many edges to follow.
        """
        return self._project.lineage.graph(f"run:{self._id}", direction=direction, depth=depth)

    def curves(self, *keys: str) -> CurvesView:
        """Show the metric curves, live while the run is open; as the last line of a cell.

        Parameters
        ----------
        keys
            The metrics to draw; by default all but the machine's own.

        Raises
        ------
        NotFound
            The run has ended and has no such metric.
        """
        from mlops_lab.widgets import CurvesView

        return CurvesView(self._project, self._id, keys)

    # ------------------------------------------------------------------ ending and settling

    def end(self, status: Literal["finished", "failed", "killed"] = "finished") -> None:
        """End the run, and the children opened in it. In a pipeline step the executor ends it."""
        if self._open is not None:
            active_runs.end(self._open, status)
            return
        if not self.record.is_open:
            return
        self._project.runs.end(self._id, status)

    def rename(self, name: str) -> None:
        """Give it another name."""
        self._project.runs.rename(self._id, name)

    def star(self, starred: bool = True) -> None:
        """Mark it, or take the mark away."""
        self._project.runs.star(self._id, starred)

    def delete(self) -> None:
        """Delete it and its children; ``restore`` brings them back."""
        self._project.runs.delete([self._id])

    def restore(self) -> None:
        """Bring it back, with its children."""
        self._project.runs.restore([self._id])

    def __enter__(self) -> Self:
        if self._open is None or self._open.ended:
            raise Conflict(
                f"Run {self._id[:8]} is not open here; to go on with it: "
                f'with lab.start_run(resume="{self._id[:8]}"):'
            )
        active_runs.enter(self._open)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        opened = self._open
        if opened is None or not active_runs.leave(opened):
            return
        if error is None:
            active_runs.end(opened, "finished")
            return
        status = status_of(error)
        details = {} if status == "finished" else {"error": describe(error)}
        active_runs.end(opened, status, **details)

    # ------------------------------------------------------------------ showing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and (other._id, other._project.key) == (
            self._id,
            self._project.key,
        )

    def __hash__(self) -> int:
        return hash((self._id, self._project.key))

    def __reduce__(self) -> tuple[Any, ...]:
        # For processes that work in parallel: there it is a handle that can log.
        return _handle, (str(self._project.root), self._id)

    def __repr__(self) -> str:
        try:
            return run_line(self.record, self._project.runs.metrics(self._id))
        except LabError as error:  # a debugger and a log want a text, whatever became of the store
            return f"<Run {self._id[:8]} cannot be read: {error}>"

    def _repr_html_(self) -> str | None:
        runs = self._project.runs
        try:
            return run_card(
                self.record,
                params=runs.params(self._id),
                metrics=runs.metrics(self._id),
                tags=runs.tags(self._id),
                artifacts=runs.artifacts(self._id),
                notes=runs.notes(self._id),
            )
        except LabError:
            return None  # the text says why


def _handle(root: str, run_id: str) -> Run:
    return Run(Project.open(root), run_id, active_runs.opened(run_id))
