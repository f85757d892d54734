"""The drift explorer in a notebook: live beside a kernel, still readable without one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

import traitlets

from mlops_lab.errors import InvalidInput, LabError, NotFound
from mlops_lab.monitoring.pages import alert_row, monitor_row, window_page
from mlops_lab.monitoring.records import Evaluation
from mlops_lab.monitoring.yaml_text import monitor_yaml
from mlops_lab.project import Project
from mlops_lab.widgets.drift_picture import drift_svg, drift_text
from mlops_lab.widgets.drift_saved import NOT_DRAWN, saved_evaluation
from mlops_lab.widgets.view import STATIC, Answered, HostedView, me_of

__all__ = ["DriftExplorer"]

_NOTHING: Final[dict[str, Any]] = {
    "column": None,
    "from": None,
    "until": None,
    "alert": None,
    "measure": "effect",
    "segment": None,
    "part": "features",
}
_MOST_ALERTS: Final = 200


class _Handle(Protocol):
    """The handle of an evaluation: it stands above this layer."""

    @property
    def record(self) -> Evaluation: ...

    def monitor_yaml(self, name: str = ...) -> str: ...


class DriftExplorer(HostedView):
    """What changed, when, where and what it cost, as JupyterLab shows it.

    Performance, features and incidents on one time axis; brushing a range recomputes everything in
    the browser at once, and then asks this half for the certified values. What a person decides
    about an alert is decided as the kernel's own identity. The notebook's output keeps what was
    read, with a still picture.

    Parameters
    ----------
    what
        An evaluation of `mlops_lab.drift`, or the name of a monitor, whose last check is shown; by
        default the project's first monitor, one that alarms before the others.
    project
        The project of the monitor, by default that of this process.

    Examples
    --------
    >>> lab.DriftExplorer(lab.drift("flights@2", "predictions@9"))  # doctest: +SKIP
    >>> lab.DriftExplorer("delay")  # doctest: +SKIP
    """

    _esm = STATIC / "drift.js"
    _css = STATIC / "drift-view.css"
    view = "drift"

    evaluation = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    alerts = traitlets.List(traitlets.Dict(), allow_none=True, default_value=None).tag(sync=True)
    monitor = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    yaml = traitlets.Unicode(allow_none=True, default_value=None).tag(sync=True)
    reports = traitlets.Bool(False).tag(sync=True)
    loaded = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self, what: _Handle | Evaluation | str | None = None, *, project: Project | None = None
    ) -> None:
        self._record: Evaluation | None = None
        self._handle: _Handle | None = None
        self._name: str | None = None
        self._project = project
        if isinstance(what, str):
            self._name = what
        elif isinstance(what, Evaluation):
            self._record = what
        elif what is not None:
            self._handle = what
            self._record = _record_of(what)
        if what is None or self._name is not None:
            self._project = project or Project.locate(create=False)
        elif project is None:
            self._project = _project()
        if what is None:
            self._name = _first(self._monitors())
        super().__init__(self._project, {"selection": _NOTHING, **self._read()})

    def refresh(self) -> None:
        """Read the monitor's last check and its alerts again."""
        try:
            self._set(self._read())
        except LabError as error:
            self.error = str(error)

    def state(self) -> dict[str, Any]:
        """What the view shows, as it stands in the saved notebook: at most 300 kB.

        Where that is too little, the features that say least lose their counts, then go.
        """
        chosen = self.selection.get("column")
        evaluation = self.evaluation
        return {
            "evaluation": None
            if evaluation is None
            else saved_evaluation(evaluation, first=chosen if isinstance(chosen, str) else None),
            "alerts": None if self.alerts is None else self.alerts[:_MOST_ALERTS],
            "monitor": None if self.monitor is None else {**self.monitor, "running": None},
            "yaml": self.yaml,
            "loaded": True,
            "updated_ms": self.updated_ms,
            "selection": {**self.selection, "segment": None},
        }

    def picture(self) -> str:
        """The sentence, the matrix and the course of performance, in a still SVG."""
        return drift_svg(self.evaluation)

    def __repr__(self) -> str:
        return drift_text(self.evaluation, self._name)

    # ------------------------------------------------------------------ reading

    def _monitors(self) -> Any:
        if self._project is None:
            raise InvalidInput("There is no project here, so no monitor either.")
        return self._project.monitors

    def _read(self) -> dict[str, Any]:
        """Everything that is shown, read at one moment."""
        values: dict[str, Any] = {"error": None, "loaded": True}
        if self._name is not None:
            values |= self._read_monitor(self._name)
        else:
            values["yaml"] = self._yaml()
        record = self._record
        values["evaluation"] = None if record is None else drawn(record)
        values["me"] = None if self._project is None else me_of(self._project)
        values["updated_ms"] = time.time() * 1000
        return values

    def _read_monitor(self, name: str) -> dict[str, Any]:
        monitors = self._monitors()
        row = monitor_row(monitors.get(name))
        try:
            self._record = monitors.evaluation(name)
        except NotFound:  # it was never checked: that is told with a button
            self._record = None
        return {
            "monitor": {
                key: row[key] for key in ("name", "model", "schedule", "next_at", "running")
            },
            "alerts": [alert_row(one) for one in monitors.alerts(monitor=name)],
            "yaml": monitors.text(name) or None,
        }

    def _yaml(self) -> str | None:
        """The file of the monitor that looked, or of one that would look the same."""
        record = self._record
        if self._handle is not None:
            return self._handle.monitor_yaml("my-monitor")
        if record is None:
            return None
        kept = "" if record.monitor is None or self._project is None else self._text(record.monitor)
        return kept or monitor_yaml(record, None, record.monitor or "my-monitor")

    def _text(self, name: str) -> str:
        try:
            text: str = self._monitors().text(name)
        except LabError:  # its file is gone since
            return ""
        return text

    # ------------------------------------------------------------------ what is asked for

    def do(self, request: Mapping[str, Any]) -> Answered:
        """Compute a window, check the monitor, or decide about an alert."""
        verb = request.get("verb")
        if verb == "window":
            return self._window(request)
        if self._name is None:
            raise InvalidInput("No monitor stands behind this evaluation.")
        monitors = self._monitors()
        if verb == "check":
            told = str(monitors.check(self._name).evaluation.summary.sentence)
        else:
            told = self._decide(monitors, str(verb), request)
        self.refresh()
        return told

    def _window(self, request: Mapping[str, Any]) -> Answered:
        first, last = str(request.get("from")), str(request.get("until"))
        segment, column = request.get("segment"), request.get("column")
        for name, value in (("segment", segment), ("column", column)):
            if not (value is None or isinstance(value, str)):
                raise InvalidInput(f"The {name} of a window is a text; got {value!r}.")
        if self._record is None:
            raise NotFound("There is no evaluation to look into.")
        if self._record.live is not None:
            found = self._record.window(first, last, segment)
        elif self._name is not None:
            found = self._monitors().window(self._name, first, last, segment=segment, column=column)
        else:
            found = self._record.window(first, last, segment)
        return "", window_page(found)

    def _decide(self, monitors: Any, verb: str, request: Mapping[str, Any]) -> str:
        alert, comment = str(request.get("alert")), str(request.get("comment") or "").strip()
        match verb:
            case "acknowledge":
                monitors.acknowledge(alert, comment)
                return "It is acknowledged."
            case "mute":
                monitors.mute(alert, str(request.get("until") or "7d"), comment)
                return "It is muted."
            case "resolve":
                monitors.resolve(alert, comment)
                return "It is resolved."
            case "reopen":
                monitors.reopen(alert, comment)
                return "It is open again."
        raise InvalidInput(f"The drift explorer knows no {verb!r}.")


def drawn(record: Evaluation) -> dict[str, Any]:
    """An evaluation as JSON, without what no picture shows."""
    found = record.to_json()
    found["columns"] = [
        {key: value for key, value in column.items() if key not in NOT_DRAWN}
        for column in found["columns"]
    ]
    return found


def _record_of(what: Any) -> Evaluation:
    record = getattr(what, "record", None)
    if not isinstance(record, Evaluation):
        raise InvalidInput(
            "DriftExplorer shows an evaluation of lab.drift(…) or a monitor by its name; "
            f"got {type(what).__name__}."
        )
    return record


def _project() -> Project | None:
    """The project of this process, where there is one: two frames need none."""
    try:
        return Project.locate(create=False)
    except LabError:
        return None


def _first(monitors: Any) -> str | None:
    """The monitor to begin with: one that alarms, else one that was checked."""
    urgency = {"alert": 0, "warn": 1, "quality": 2, "ok": 3, "small": 3, "never": 4, "invalid": 5}
    records = sorted(monitors.list(), key=lambda one: urgency.get(one.state, 4))
    return records[0].name if records else None
