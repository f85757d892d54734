"""Widgets of others (ipywidgets, anywidgets): their saved state, shown without a kernel.

Their front ends run in a sandboxed frame. Of ipywidgets' own the programs are ours to build and
known by their hash; an anywidget brings its program in its state, which the frame imports from
memory: only a report that holds one allows that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import InvalidInput
from mlops_lab.reports.code import digest
from mlops_lab.reports.frame import NO_LOOKUPS

if TYPE_CHECKING:
    from mlops_lab.reports.writer import Writer

__all__ = ["FRAME_SCRIPT", "needs_imports", "write_widget_state"]

# The frame waits for its program, its style and its state: the page holds them once for all frames.
FRAME_SCRIPT: Final = (
    '"use strict";const tell=()=>parent.postMessage({mlopsLabHeight:'
    "document.documentElement.getBoundingClientRect().height},'*');"
    "new ResizeObserver(tell).observe(document.documentElement);"
    "addEventListener('message',event=>{if(event.source!==parent)return;"
    "const given=event.data&&event.data.mlopsLabWidget;if(!given)return tell();"
    "const fail=error=>{document.body.textContent="
    "'This widget cannot be drawn: '+(error&&error.message||error);};"
    "window.mlopsLabReport={add:(name,show)=>"
    "show(given.state,given.model,document.body).catch(fail)};"
    "for(const [kind,text] of [['style',given.style],['script',given.code]]){"
    "const one=document.createElement(kind);one.textContent=text;document.head.append(one);}});"
)

MODULES: Final = {
    "@jupyter-widgets/base": ("2.",),
    "@jupyter-widgets/controls": ("2.",),
    "@jupyter-widgets/output": ("1.",),
    "anywidget": ("0.", "~0."),
}
"""The modules whose front ends are built into ``widgets.js``, with their versions."""

MOST_BYTES: Final = 3_000_000
_REFERENCE: Final = "IPY_MODEL_"


def needs_imports(states: Mapping[str, Any]) -> bool:
    """Whether one of the models brings its program in its state."""
    return any("_esm" in _fields(model) for model in states.values())


def write_widget_state(states: Mapping[str, Any], model: str, out: Writer) -> None:
    """Write a widget from the saved states of a notebook's widgets.

    Parameters
    ----------
    states
        ``{id: {"model_name", "model_module", "model_module_version", "state", "buffers"?}}``.
    model
        The id of the one to show.

    Raises
    ------
    InvalidInput
        It is made with a library whose front end no report has, or is far too large.
    """
    import json

    needed = _reachable(states, model)
    for one in needed.values():
        module, version = one.get("model_module"), str(one.get("model_module_version"))
        known = MODULES.get(str(module))
        if known is None or not version.removeprefix("^").startswith(known):
            raise InvalidInput(
                f"the widget is made with {module} {version}, whose front end no report has: give "
                "a picture or a chart of it. Reports show ipywidgets 8 and anywidgets."
            )
    size = len(json.dumps(needed, default=str))
    if size > MOST_BYTES:
        raise InvalidInput(
            f"the widget's state has {size / 1e6:.1f} MB; up to {MOST_BYTES / 1e6:.0f} MB can be "
            "shown."
        )
    out.widget(_page(imports=needs_imports(needed)), needed, model, _words(needed[model]))
    out.imports |= needs_imports(needed)


def _page(*, imports: bool) -> str:
    from mlops_lab.reports.code import module_script

    allowed = [digest(FRAME_SCRIPT), digest(module_script("widgets").source)]
    allowed += ["blob:"] if imports else []
    policy = (
        f"default-src 'none'; script-src {' '.join(allowed)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; media-src data: blob:; font-src data:; form-action 'none'; "
        "base-uri 'none'"
    )
    return (
        '<!doctype html><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">{NO_LOOKUPS}'
        f"<body><script>{FRAME_SCRIPT}</script></body>"
    )


def _reachable(states: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The models that a widget is made of: itself, and what their fields refer to."""
    found: dict[str, Any] = {}
    waiting = [model]
    while waiting:
        one = waiting.pop()
        if one in found or not isinstance(states.get(one), Mapping):
            continue
        found[one] = states[one]
        waiting += _references(_fields(states[one]))
    if model not in found:
        raise InvalidInput("the widget's state was not saved with the notebook.")
    return found


def _references(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value.removeprefix(_REFERENCE)] if value.startswith(_REFERENCE) else []
    if isinstance(value, Mapping):
        return [one for item in value.values() for one in _references(item)]
    if isinstance(value, list | tuple):
        return [one for item in value for one in _references(item)]
    return []


def _fields(model: Any) -> Mapping[str, Any]:
    state = model.get("state") if isinstance(model, Mapping) else None
    return state if isinstance(state, Mapping) else {}


def _words(model: Mapping[str, Any]) -> str:
    name = str(_fields(model).get("_view_name") or model.get("model_name") or "Widget")
    described = _fields(model).get("description")
    return f"{name.removesuffix('View')}: {described}" if described else name.removesuffix("View")
