"""What a text names: ``run:a1b2``, ``model:flight-delay@2``, ``dataset:flights@3``, a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import InvalidInput, LabError, NotFound
from mlops_lab.expressions.suggest import nearest
from mlops_lab.names import parse_reference

if TYPE_CHECKING:
    from mlops_lab.project import Project

__all__ = ["KINDS", "is_reference", "resolve", "resolve_loosely"]

KINDS: Final = ("run", "model", "dataset", "monitor", "alert", "pipeline")
"""What can stand before the colon."""

_REFERENCE: Final = re.compile(rf"({'|'.join(KINDS)}):(\S{{1,300}})")
_RUN: Final = re.compile(r"[0-9a-f]{4,32}")


def is_reference(text: str) -> bool:
    """Whether a text says of what kind the thing is that it names.

    Examples
    --------
    >>> is_reference("model:flight-delay@2"), is_reference("flight-delay@2"), is_reference("run: x")
    (True, False, False)
    """
    return _REFERENCE.fullmatch(text.strip()) is not None


def resolve(project: Project, text: str) -> Any:
    """Give the handle of what a text names.

    Parameters
    ----------
    project
        Whose things they are.
    text
        ``kind:name``; see `KINDS`.

    Raises
    ------
    NotFound
        There is no such thing.
    InvalidInput
        It names nothing.
    """
    found = _REFERENCE.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(
            f"{text!r} names nothing: a run's id, {', '.join(f'{kind}:…' for kind in KINDS[1:])}."
        )
    kind, name = found[1], found[2]
    match kind:
        case "run":
            from mlops_lab.handles.run import Run

            return Run(project, project.runs.get(name).id)
        case "model":
            from mlops_lab.handles.model import Model

            return Model(project, project.models.get(name).ref)
        case "dataset":
            from mlops_lab.handles.dataset import Dataset

            return Dataset(project, project.datasets.get(name).ref)
        case "pipeline":
            return _last_run_of(project, name)
        case "monitor":
            from mlops_lab.handles.monitor import Monitor

            return Monitor(project, project.monitors.get(name).name)
    from mlops_lab.handles.monitor import Alert

    return Alert(project, project.monitors.alert(name).id)


def resolve_loosely(project: Project, text: str) -> Any:
    """Give the thing that a person names on the command line, where the kind may be left out.

    A run's id or the beginning of it, ``flight-delay@champion``, ``flights@3``, a file.

    Raises
    ------
    NotFound
        Nothing is called so; the message says what can be named.
    InvalidInput
        Two things are called so; the message says how to tell them apart.
    """
    if is_reference(text):
        return resolve(project, text)
    path = Path(text).expanduser()
    if path.suffix and path.is_file():
        return path.absolute()
    candidates = []
    if _RUN.fullmatch(text):
        candidates.append("run")
    try:
        name = parse_reference(text, "A model or dataset").name
    except InvalidInput:
        pass
    else:
        candidates += [*(["model"] if project.models.exists(name) else [])]
        candidates += [*(["dataset"] if project.datasets.has(name) else [])]
        candidates += [*(["monitor"] if _is_monitor(project, text) else [])]
    found, why = [], None
    for kind in candidates:
        try:
            found.append((kind, resolve(project, f"{kind}:{text}")))
        except LabError as error:
            why = error
    if len(found) > 1:
        told = " or ".join(f"{kind}:{text}" for kind, _ in found)
        raise InvalidInput(f"{text} is more than one thing: say {told}.")
    if found:
        return found[0][1]
    if why is not None:
        raise why
    near = _nearest(project, text)
    hint = f" Did you mean {near}?" if near else ""
    raise NotFound(
        f"Nothing here is called {text!r}.{hint} A report shows a run (its id), "
        "model:NAME@VERSION, dataset:NAME@VERSION, monitor:NAME, alert:ID, pipeline:NAME (its "
        "last run), or a file."
    )


def _last_run_of(project: Project, name: str) -> Any:
    """The newest run of a pipeline, by the pipeline's name."""
    from mlops_lab.handles.run import Run

    quoted = name.replace("'", "''")
    page = project.runs.search(f"kind = 'pipeline' and experiment = '{quoted}'", limit=1)
    if not page.items:
        near = nearest(name, [one.name for one in project.pipelines.list()])
        hint = f"Did you mean {near}? " if near and near != name else ""
        raise NotFound(
            f"No pipeline called {name!r} has run here. {hint}`mlops-lab pipeline list` says which "
            "there are."
        )
    return Run(project, page.items[0].id)


def _nearest(project: Project, text: str) -> str | None:
    """What could have been meant, as it is to be typed."""
    kind, colon, name = text.partition(":")
    if colon:
        meant = nearest(kind, KINDS)
        return None if meant is None else f"{meant}:{name}"
    name, at, which = text.partition("@")
    known = [one.name for one in project.models.list()]
    known += [one.name for one in project.datasets.list()]
    known += [one.name for one in project.monitors.list()]
    meant = nearest(name, known)
    return None if meant is None else f"{meant}{at}{which}"


def _is_monitor(project: Project, name: str) -> bool:
    return (project.root / "monitors" / f"{name}.yaml").is_file()
