"""The handle of a pipeline: a file of the project, checked and run on demand."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab.handles.table import Grid, Slice, Table
from mlops_lab.project import Project

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_lab.orchestration.events import Event
    from mlops_lab.orchestration.manager import PipelineFile
    from mlops_lab.orchestration.results import PipelineResult, Plan
    from mlops_lab.orchestration.spec import PipelineSpec

__all__ = ["Pipeline", "pipeline", "pipelines"]


class Pipeline:
    """One pipeline file. Whatever is asked of it is read from the file at that moment.

    Safe to use from several threads; a run takes the thread that calls it.
    """

    __slots__ = ("_path", "_project")

    def __init__(self, project: Project, path: str | Path) -> None:
        self._project = project
        self._path = path

    @property
    def written(self) -> str:
        """The path or name with which the handle was made."""
        return str(self._path)

    @property
    def path(self) -> Path:
        """The file's absolute path.

        Raises
        ------
        NotFound
            There is no such file; the message has the nearest.
        """
        return self._project.pipelines.resolve(self._path)

    @property
    def name(self) -> str:
        """Its name: as the file says, else the file's own."""
        return self._spec().name

    @property
    def steps(self) -> list[str]:
        """The names of its steps in the order in which they run."""
        return [step.name for step in self._spec().steps]

    @property
    def params(self) -> dict[str, Any]:
        """Its params, as the file has them."""
        return dict(self._spec().params)

    @property
    def gates(self) -> list[str]:
        """Its gates, as the file has them."""
        return [gate.text for gate in self._spec().gates]

    def plan(self, params: Mapping[str, Any] | None = None) -> Plan:
        """Say what a run would do, without doing it.

        Parameters
        ----------
        params
            As for `run`.

        Raises
        ------
        InvalidInput
            With ``file:line:column: sentence`` for everything that is wrong in the file.
        """
        return self._project.pipelines.plan(self._path, params)

    def run(self, params: Mapping[str, Any] | None = None) -> PipelineResult:
        """Run it here, to its end, and show how it goes on.

        A failed step, a rejected gate and a wait for approval are results, not exceptions.

        Parameters
        ----------
        params
            In the place of the file's: ``{"seed": 3, "train.max_depth": 4}``.

        Returns
        -------
        PipelineResult
            With ``status``, ``outcome``, ``steps``, ``gates``, ``promotion`` and ``deployment``.

        Raises
        ------
        InvalidInput
            Something is wrong with the file or the params; nothing has run.
        KeyboardInterrupt
            The run was interrupted; it and its kernel have ended, and so do the cells below.

        Examples
        --------
        >>> result = lab.pipeline("pipelines/flight-delay.yaml").run(
        ...     params={"seed": 3})                                      # doctest: +SKIP
        >>> result.outcome, result.steps["evaluate"].metrics["auc"]      # doctest: +SKIP
        ('passed', 0.699)
        """
        result = self._project.pipelines.run(self._path, params, listener=_shown())
        if result.exit_code == 130 and result.reason and "Ctrl-C" in result.reason:
            raise KeyboardInterrupt(f"run {result.run_id[:8]}: {result.reason}")
        return result

    def __repr__(self) -> str:
        from mlops_lab.errors import LabError

        try:
            spec = self._spec()
        except LabError as error:
            return f"<Pipeline {str(self._path)!r}: {error}>"
        way = " → ".join(step.name for step in spec.steps)
        gates = f" · {len(spec.gates)} gate{'s' * (len(spec.gates) != 1)}" if spec.gates else ""
        promote = spec.promote
        then = f" · promotes {promote.name} to {promote.alias}" if promote else ""
        return f"<Pipeline {spec.name}: {way}{gates}{then}>"

    def _spec(self) -> PipelineSpec:
        return self._project.pipelines.load(self._path)


def pipeline(path: str | Path) -> Pipeline:
    """Give the handle of a pipeline.

    Parameters
    ----------
    path
        Its YAML file, absolute, from the project's folder or from here; or the bare name of a
        file below ``pipelines/``.
    """
    return Pipeline(Project.locate(), path)


def pipelines() -> Table[Pipeline]:
    """Give the project's pipelines: the YAML files below ``pipelines/``, by path."""
    project = Project.locate(create=False)
    return Table(_Files(project, project.pipelines.list()))


class _Files:
    """The rows of `pipelines`: all of them are here already."""

    noun = "pipelines"

    def __init__(self, project: Project, files: Sequence[PipelineFile]) -> None:
        self._project = project
        self._files = files

    def page(self, limit: int, cursor: str | None) -> Slice[Pipeline]:
        """Give the handles after a cursor, which is their number."""
        start = int(cursor or 0)
        end = start + limit
        rows = [Pipeline(self._project, file.path) for file in self._files[start:end]]
        return Slice(rows, str(end) if end < len(self._files) else None, len(self._files))

    def pick(self, rows: Sequence[Pipeline], indices: Sequence[int]) -> _Files:
        """Give only these rows."""
        return _Files(self._project, [self._files[index] for index in indices])

    def arrow(self) -> pa.Table:
        """Give everything as columns."""
        import pyarrow

        return pyarrow.table(
            {
                "path": [file.path for file in self._files],
                "name": [file.name for file in self._files],
                "steps": [list(file.steps) for file in self._files],
                "gates": [file.gates for file in self._files],
                "faults": [[str(fault) for fault in file.faults] for file in self._files],
            }
        )

    def grid(self, rows: Sequence[Pipeline]) -> Grid:
        """Give these rows as they are shown."""
        shown = {row.written for row in rows}
        files = [file for file in self._files if file.path in shown]
        return Grid(
            ("name", "steps", "gates", "faults", "path"),
            tuple(
                (
                    file.name,
                    " → ".join(file.steps) or None,
                    file.gates,
                    len([one for one in file.faults if not one.warning]) or None,
                    file.path,
                )
                for file in files
            ),
        )


def _shown() -> _Progress | None:
    """What shows progress here: nothing outside of a notebook or IPython."""
    import sys

    # IPython is loaded where it runs; importing it elsewhere would only cost time.
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return _Progress() if get_ipython() is not None else None


class _Progress:
    """One updating display of plain text: a line per step, then the gates."""

    EVERY_S = 0.2

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}
        self._head = ""
        self._handle: Any = None
        self._drawn_at = 0.0

    def on_event(self, event: Event) -> None:
        """Change the text, and draw it unless that was done a moment ago."""
        from mlops_lab.orchestration import events, results

        urgent = True
        match event:
            case events.PipelineStarted():
                self._head = f"{event.name} · run {event.run_id[:8]}"
                self._lines = {name: f"○ {name}" for name in event.steps}
            case events.StepStarted():
                again = f" · try {event.attempt}" if event.attempt > 1 else ""
                self._lines[event.step] = f"◔ {event.step} · starting the kernel{again}"
            case events.CellStarted():
                where = f"cell {event.index} of {event.total}"
                self._lines[event.step] = f"◔ {event.step} · {where} · {event.source_line}"
                urgent = False
            case events.StepFinished():
                self._lines[event.step] = results.step_line(event.result)
            case events.ChampionFound():
                line = f"✓ {event.step} with {event.ref} · judged before, on the same inputs"
                self._lines[f"champion {event.step}"] = line
            case events.GateDecided():
                self._lines[f"gate {event.gate.index}"] = results.gate_line(event.gate)
            case events.PipelineFinished():
                self._head = results.headline(event.result)
                if event.result.promotion is not None:
                    self._lines["promotion"] = results.promotion_line(event.result.promotion)
                if event.result.deployment is not None:
                    self._lines["deployment"] = results.deployment_line(event.result.deployment)
            case _:
                return
        if urgent or time.monotonic() - self._drawn_at > self.EVERY_S:
            self._draw()

    def _draw(self) -> None:
        from IPython.display import display

        self._drawn_at = time.monotonic()
        text = {"text/plain": "\n".join([self._head, *self._lines.values()])}
        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(text, raw=True)
