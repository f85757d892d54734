"""Our own views in a report: the state that they were saved with, drawn as everywhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.widgets.drift_picture import drift_svg, drift_text
from mlops_lab.widgets.models_picture import models_svg, models_text
from mlops_lab.widgets.picture import curves_svg, curves_text

if TYPE_CHECKING:
    from mlops_lab.reports.writer import Writer

__all__ = ["is_view", "write_curves", "write_drift", "write_registry", "write_saved_view"]

VERSION: Final = 1
_NAME: Final = re.compile(r"[a-z]{1,20}")

_NOBODY: Final[Mapping[str, Any]] = {
    "me": None,
    "error": None,
    "request": None,
    "answer": None,
    "opens": [],
    "inserts": False,
    "place": "notebook",
}
"""What a view knows of its host where there is none."""

_DRIFT: Final[Mapping[str, Any]] = {
    "alerts": None,
    "yaml": None,
    "updated_ms": None,
    "selection": {
        "column": None,
        "from": None,
        "until": None,
        "alert": None,
        "measure": "effect",
        "segment": None,
        "part": "features",
    },
}
"""What the drift view looks at when nobody has chosen anything yet."""


def is_view(thing: Any) -> bool:
    """Whether a widget is one of our views, which say by themselves what they show."""
    return (
        isinstance(getattr(type(thing), "view", None), str)
        and callable(getattr(thing, "state", None))
        and type(thing).__module__.startswith("mlops_lab.")
    )


def write_saved_view(saved: Mapping[str, Any], out: Writer) -> bool:
    """Write a view from what a notebook has saved of it; False when we know no such view.

    Parameters
    ----------
    saved
        ``{"view", "version", "state"}``.
    """
    name, state = saved.get("view"), saved.get("state")
    if not isinstance(name, str) or not isinstance(state, Mapping):
        return False
    if saved.get("version") != VERSION or not _NAME.fullmatch(name):
        return False
    match name:
        case "curves":
            write_curves(state, out)
        case "registry":
            write_registry(state, out)
        case "drift":
            write_drift(state, out)
        case _:
            return False
    return True


def write_curves(state: Mapping[str, Any], out: Writer) -> None:
    """Write the metric curves of a run."""
    run = state.get("run") or {}
    series = list(state.get("series") or ())
    words = curves_text(str(run.get("name", "")), str(run.get("status", "")), series)
    out.view("curves", {**state, "live": False}, words, curves_svg(series))


def write_registry(state: Mapping[str, Any], out: Writer) -> None:
    """Write the registry browser as it was looked at."""
    models = state.get("models") or {"models": [], "queue": []}
    still = models_svg(models, state.get("pages") or {})
    out.view("registry", {**state, **_NOBODY}, models_text(models), still)


def write_drift(state: Mapping[str, Any], out: Writer) -> None:
    """Write the drift view: what is brushed in it is computed again from its counts."""
    evaluation = state.get("evaluation") or {}
    nobody = {**_NOBODY, "monitor": None, "reports": False, "loaded": True}
    out.view("drift", {**_DRIFT, **state, **nobody}, drift_text(evaluation), drift_svg(evaluation))
