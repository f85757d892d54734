"""The metric curves of a run in a notebook, live while it runs, still there without a kernel."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import uuid4

import anywidget
import traitlets

from mlops_lab.errors import LabError, NotFound
from mlops_lab.widgets.picture import curves_svg, curves_text
from mlops_lab.widgets.view import STATIC, VERSION, VIEW_MIME

if TYPE_CHECKING:
    from mlops_lab.project import Project
    from mlops_lab.tracking.records import History, RunRecord

__all__ = ["CurvesView", "read_curves"]

MOST_POINTS: Final = 300
"""Points per metric: as many as a chart has pixels to show."""
ALL_POINTS: Final = 6_000
"""Points of all metrics together: about 200 kB in the saved notebook."""
MOST_SERIES: Final = 120

_LOOK_S: Final = 0.5
_SHARE: Final = 0.1
"""Reading may take at most this share of the time: training comes first."""

log = logging.getLogger(__name__)


class CurvesView(anywidget.AnyWidget):
    """Curves that follow a run: the same view that JupyterLab's run view shows.

    While the run is open a background thread looks twice a second whether the project has grown and
    reads the curves again. What is shown is kept in the notebook's output, with a still picture: a
    saved notebook shows its curves without a kernel.

    Parameters
    ----------
    project
        The project that knows the run.
    run_id
        The run.
    keys
        The metrics to draw; by default all but the machine's own.
    """

    _esm = STATIC / "curves.js"
    _css = STATIC / "views.css"
    view: ClassVar[str] = "curves"

    series = traitlets.List(traitlets.Dict()).tag(sync=True)
    run = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    live = traitlets.Bool(False).tag(sync=True)
    planned = traitlets.Int(allow_none=True, default_value=None).tag(sync=True)
    origin_ms = traitlets.Float(allow_none=True, default_value=None).tag(sync=True)
    error = traitlets.Unicode(allow_none=True, default_value=None).tag(sync=True)
    x = traitlets.Enum(("step", "time"), "step").tag(sync=True)
    log_scale = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, project: Project, run_id: str, keys: Sequence[str] = ()) -> None:
        self._project = project
        self._run_id = run_id
        self._keys = tuple(keys)
        self._display_id = uuid4().hex
        self._shown = threading.Event()
        self._closed = threading.Event()
        super().__init__(**read_curves(project, run_id, self._keys))
        if self.live:
            follower = threading.Thread(
                target=self._follow, name=f"mlops-lab-curves-{run_id[:8]}", daemon=True
            )
            follower.start()

    def close(self) -> None:
        """Stop following, and take the view out of the page."""
        self._closed.set()
        super().close()

    def state(self) -> dict[str, Any]:
        """What the view shows, as it stands in the saved notebook."""
        names = ("series", "run", "live", "planned", "origin_ms", "error", "x", "log_scale")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        run = self.run or {}
        return curves_text(run.get("name", ""), run.get("status", ""), self.series)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        # What is saved is over by the time it is opened again.
        state = self.state() | {"live": False}
        still = {
            VIEW_MIME: {"view": self.view, "version": VERSION, "state": state},
            "image/svg+xml": curves_svg(self.series),
            "text/plain": repr(self),
        }
        return data | still, metadata

    def _ipython_display_(self) -> None:
        self._display(update=False)
        self._shown.set()

    def _display(self, *, update: bool) -> None:
        from IPython.display import display, update_display

        data, metadata = self._repr_mimebundle_()
        show: Callable[..., Any] = update_display if update else display
        show(data, metadata=metadata, raw=True, display_id=self._display_id)

    def _follow(self) -> None:
        """Keep up with the run until it has ended; runs in a thread of its own."""
        store = self._project.store
        seen = None
        pause = _LOOK_S
        while not self._closed.wait(pause):
            now = store.signature()
            if now == seen:
                continue
            began = time.perf_counter()
            try:
                state = read_curves(self._project, self._run_id, self._keys)
            except LabError as error:  # a busy store, for example: what is shown stays
                self.error = str(error)
                continue
            finally:
                pause = max(_LOOK_S, (time.perf_counter() - began) / _SHARE)
            seen = now
            with self.hold_sync():
                self.set_trait("error", None)
                for name, value in state.items():
                    self.set_trait(name, value)
            if not self.live:
                break
        if self._shown.is_set() and not self._closed.is_set():
            # Once, at the end: the notebook's output now holds all the curves.
            self._display(update=True)


def read_curves(project: Project, run_id: str, keys: Sequence[str] = ()) -> dict[str, Any]:
    """Read what the view shows of a run.

    Parameters
    ----------
    project, run_id, keys
        As of `CurvesView`.

    Raises
    ------
    NotFound
        The run has ended and has no such metric.
    """
    runs = project.runs
    # Before the look at the rest: only so can it wait for a run that was started just now.
    record = runs.get(run_id)
    with project.store.read():  # one look at the store for all of it
        goals = {metric.key: metric.goal for metric in runs.metrics(run_id)}
        known = [key for key in goals if not key.startswith("system/")]
        # A run that has only begun may still log what is asked for.
        missing = [key for key in keys if key not in goals]
        if missing and not record.is_open:
            raise NotFound(f"{record.name} has no metric {missing[0]!r}; it has {known}.")
        chosen = [key for key in keys if key in goals] if keys else known
        chosen = chosen[:MOST_SERIES]
        points = max(20, min(MOST_POINTS, ALL_POINTS // max(1, len(chosen))))
        histories = [runs.history(run_id, key, points=points) for key in chosen]
    return {
        "series": [_series(history, goals[history.key]) for history in histories],
        "run": {"id": record.id, "name": record.name, "status": record.status},
        "live": record.is_open,
        "planned": record.planned_steps,
        "origin_ms": _ms(record),
    }


def _series(history: History, direction: str) -> dict[str, Any]:
    return {
        "key": history.key,
        "steps": list(history.steps),
        "times_ms": [time_us // 1000 for time_us in history.times_us],
        "values": [_number(value) for value in history.values],
        "n": history.n,
        "downsampled": history.downsampled,
        "direction": direction,
    }


def _number(value: float) -> float | str:
    """JSON has no word for numbers that are not finite: ours are strings, as everywhere."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _ms(record: RunRecord) -> float | None:
    return None if record.started_at is None else record.started_at.timestamp() * 1000
