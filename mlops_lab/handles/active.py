"""The public verbs of tracking that need no handle: they act on the active run."""

from __future__ import annotations

import inspect
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Concatenate, Final, Literal, ParamSpec, TypeVar

from mlops_lab.errors import InvalidInput
from mlops_lab.handles.run import Run
from mlops_lab.project import Project
from mlops_lab.tracking.active import OpenRun, active_runs
from mlops_lab.tracking.capture import Capture, Wanted
from mlops_lab.tracking.lines import label
from mlops_lab.tracking.source import Source, current_source

__all__ = [
    "active_run",
    "delete_tag",
    "end_run",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_metric",
    "log_metrics",
    "log_model",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "note",
    "run",
    "set_experiment",
    "set_tag",
    "set_tags",
    "start_run",
]

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger("mlops_lab")
_ID: Final = re.compile(r"[0-9a-f]{32}")


class _Process:
    """What this process has decided about its runs."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.experiment: str | None = None
        # The run of the pipeline step that this process is, and whether start_run has had it.
        self.step: OpenRun | None = None
        self.taken = False
        os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        self.lock = threading.RLock()


_process: Final = _Process()


def start_run(
    name: str | None = None,
    experiment: str | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    steps: int | None = None,
    parent: Run | str | None = None,
    resume: Run | str | None = None,
) -> Run:
    """Start a run and make it the active one.

    With ``with`` it ends when the block is left; inside of another ``with`` it is a child of that
    run. Without, it stays open until `end_run`, the next `start_run` of the same notebook, or the
    end of the process. In a step of a pipeline the first call adopts the step's run.

    Parameters
    ----------
    name
        Any text; by default the notebook's name and a number.
    experiment
        The group it belongs to; by default the parent's, what `set_experiment` said, or the
        notebook's name. Made when it is new.
    params, tags
        What to log at once.
    steps
        How many metric steps are planned, so that progress can be shown.
    parent
        The run it belongs to, for threads, which do not see the ``with`` that started them.
    resume
        A run, an id or a prefix of one: go on with that run instead of starting one. Params and
        tags are added to it and a name renames it; its experiment and its parent stay.

    Raises
    ------
    InvalidInput
        The name is the id of a run that exists (``resume=`` was meant), or a value is not of its
        kind.

    Examples
    --------
    >>> import mlops_lab as lab
    >>> with lab.start_run("gbm", params={"max_depth": 6}) as run:  # doctest: +SKIP
    ...     run.log_metric("auc", 0.74)
    """
    project = Project.locate()
    source = current_source()
    with _process.lock:
        if resume is not None:
            labels = dict(tags or {})
            if name is not None:
                labels["mlops.name"] = label(name, "A run's name")
            if experiment is not None or parent is not None:
                _log.warning("MLOps Lab: a run that goes on keeps its experiment and its parent.")
            return _resume(project, resume, source, params, labels, steps)
        _refuse_id_as_name(project, name)
        step = _step_of(project)
        if step is not None and not _process.taken and parent is None:
            _process.taken = True
            return _adopt(project, step, name, experiment, params, tags)
        above = _parent(project, parent, step)
        left = active_runs.left_open(source.path, above)
        if experiment is None and above is None:
            experiment = _process.experiment or source.stem
        run_id = project.runs.start(
            name=name,
            experiment=experiment,
            params=params,
            tags=tags,
            parent=above,
            source=source.as_line(project.root),
            steps=steps,
            stem=source.stem or "run",
        )
        opened = _opened(project, run_id, name, source, above)
        # Only now: a start that is refused ends nothing.
        _end_left_open(left)
        return opened


def active_run() -> Run | None:
    """Give the run that `log_*` without a handle goes to, or None."""
    current = active_runs.current()
    if current is None and os.environ.get("MLOPS_LAB_RUN"):
        current = _step_of(Project.locate())
    return None if current is None else _handle(current)


def end_run(status: Literal["finished", "failed", "killed"] = "finished") -> None:
    """End the active run; with none there is nothing to do."""
    current = active_runs.current()
    if current is not None:
        active_runs.end(current, status)


def set_experiment(name: str | None) -> None:
    """Name the experiment of the runs that this process starts from now on; None: the notebook's.

    Parameters
    ----------
    name
        Any text; the experiment is made with its first run.
    """
    _process.experiment = None if name is None else label(name, "An experiment's name", 500)


def run(id_or_prefix: str) -> Run:
    """Give the run of this id, or of a unique prefix of four or more characters.

    Raises
    ------
    NotFound
        There is none.
    InvalidInput
        It is no id, or several begin so: the message lists them.
    """
    project = Project.locate(create=False)
    return Run(project, project.runs.get(id_or_prefix).id)


def _twin(method: Callable[Concatenate[Run, P], T]) -> Callable[P, T]:
    """Make the function that does to the active run what the method does to its own."""

    def twin(*args: P.args, **kwargs: P.kwargs) -> T:
        return method(_run_to_log_to(), *args, **kwargs)

    signature = inspect.signature(method)
    twin.__name__ = twin.__qualname__ = method.__name__
    twin.__doc__ = method.__doc__
    vars(twin)["__signature__"] = signature.replace(
        parameters=list(signature.parameters.values())[1:]
    )
    return twin


log_metric = _twin(Run.log_metric)
log_metrics = _twin(Run.log_metrics)
log_param = _twin(Run.log_param)
log_params = _twin(Run.log_params)
set_tag = _twin(Run.set_tag)
set_tags = _twin(Run.set_tags)
delete_tag = _twin(Run.delete_tag)
note = _twin(Run.note)
log_figure = _twin(Run.log_figure)
log_table = _twin(Run.log_table)
log_text = _twin(Run.log_text)
log_dict = _twin(Run.log_dict)
log_image = _twin(Run.log_image)
log_model = _twin(Run.log_model)
log_artifact = _twin(Run.log_artifact)
log_artifacts = _twin(Run.log_artifacts)


def _run_to_log_to() -> Run:
    current = active_runs.current()
    if current is None:
        with _process.lock:
            project = Project.locate()
            current = active_runs.current() or _step_of(project)
            if current is None:
                started = start_run()
                name = project.runs.name_of(started.id)
                _log.warning("MLOps Lab: no run was active, so %s was started.", name)
                return started
    return _handle(current)


def _handle(opened: OpenRun) -> Run:
    if opened.handle is None:
        opened.handle = Run(Project.open(opened.runs.root), opened.id, opened)
    handle: Run = opened.handle
    return handle


def _step_of(project: Project) -> OpenRun | None:
    """Give the run of the pipeline step that this process is, noting it the first time."""
    run_id = os.environ.get("MLOPS_LAB_RUN")
    if not run_id or not _ID.fullmatch(run_id):
        return None
    step = _process.step
    if step is None or step.id != run_id or step.pid != os.getpid():
        capture = Capture(project.runs, run_id, Source(), lambda: _wanted(project))
        step = OpenRun(project.runs, run_id, run_id[:8], adopted=True, capture=capture)
        _process.step, _process.taken = step, False
    step.ended = False
    return step


def _adopt(
    project: Project,
    step: OpenRun,
    name: str | None,
    experiment: str | None,
    params: Mapping[str, Any] | None,
    tags: Mapping[str, Any] | None,
) -> Run:
    """Take over the run that the pipeline's executor has started for this step."""
    labels = dict(tags or {})
    if name is not None:
        labels.setdefault("name", label(name, "A run's name"))
    if experiment is not None:
        _log.warning(
            "MLOps Lab: this is a step of a pipeline, so its run stays in the pipeline's "
            "experiment, not in %r.",
            experiment,
        )
    if params:
        project.runs.log_params(step.id, params)
    if labels:
        project.runs.set_tags(step.id, labels)
    active_runs.add(step)
    return Run(project, step.id, step)


def _resume(
    project: Project,
    resume: Run | str,
    source: Source,
    params: Mapping[str, Any] | None,
    tags: Mapping[str, Any],
    steps: int | None,
) -> Run:
    record = project.runs.get(resume.id if isinstance(resume, Run) else resume)
    already = active_runs.opened(record.id)
    if already is not None:
        run = Run(project, record.id, already)
    else:
        left = active_runs.left_open(source.path, record.parent)
        project.runs.resume(record.id, steps=steps)
        run = _opened(project, record.id, record.name, source, record.parent)
        _end_left_open(left)
    if params:
        project.runs.log_params(record.id, params)
    if tags:
        project.runs.set_tags(record.id, tags)
    return run


def _opened(
    project: Project, run_id: str, name: str | None, source: Source, parent: str | None
) -> Run:
    # A child ran in what its parent ran in: a sweep of a hundred asks git once.
    known = parent is not None and active_runs.opened(parent) is not None
    opened = OpenRun(
        project.runs,
        run_id,
        name or project.runs.name_of(run_id),
        origin=source.path,
        parent=parent,
        capture=None if known else Capture(project.runs, run_id, source, lambda: _wanted(project)),
    )
    active_runs.add(opened)
    return Run(project, run_id, opened)


def _wanted(project: Project) -> Wanted:
    tracking = project.settings.tracking
    return Wanted(tracking.environment, tracking.notebook, tracking.diff_kb)


def _parent(project: Project, parent: Run | str | None, step: OpenRun | None) -> str | None:
    if isinstance(parent, Run):
        return parent.id
    if parent is not None:
        return project.runs.get(parent).id
    nested = active_runs.nested_in()
    if nested is not None and nested.runs is project.runs:
        return nested.id
    return None if step is None else step.id


def _end_left_open(runs: Iterable[OpenRun]) -> None:
    for left in runs:
        active_runs.end(left, "finished")
        _log.warning("MLOps Lab: %s was still open and is finished now.", left.name)


def _refuse_id_as_name(project: Project, name: str | None) -> None:
    if isinstance(name, str) and _ID.fullmatch(name) and project.runs.find(name) is not None:
        raise InvalidInput(
            f"{name!r} is the id of a run that exists. To go on with it: "
            f'lab.start_run(resume="{name}").'
        )
