"""An executed notebook: what it says and shows, and its code only for who asks for it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import InvalidInput

if TYPE_CHECKING:
    from mlops_lab.reports.writer import Writer

__all__ = ["VIEW_MIME", "WIDGET_MIME", "write_notebook", "write_output"]

VIEW_MIME: Final = "application/vnd.mlops-lab.view+json"
WIDGET_MIME: Final = "application/vnd.jupyter.widget-view+json"
STATE_MIME: Final = "application/vnd.jupyter.widget-state+json"

_PICTURES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_MOST_TEXT: Final = 20_000


def write_notebook(notebook: Any, out: Writer) -> None:
    """Write the cells of a notebook: Markdown and outputs, in their order.

    Parameters
    ----------
    notebook
        As nbformat 4 has it.

    Raises
    ------
    InvalidInput
        It is no such notebook.
    """
    cells = notebook.get("cells") if isinstance(notebook, Mapping) else None
    if not isinstance(cells, list):
        raise InvalidInput("it is no notebook of format 4.")
    metadata = notebook.get("metadata")
    widgets = _widget_state(metadata if isinstance(metadata, Mapping) else {})
    shown = 0
    for cell in cells:
        if not isinstance(cell, Mapping):
            continue
        if cell.get("cell_type") == "markdown":
            out.markdown(joined(cell.get("source")), below=3)
            shown += 1
        elif cell.get("cell_type") == "code":
            shown += _code_cell(cell, out, widgets)
    if not shown:
        out.told("It shows nothing: it has neither text nor outputs.")


def _code_cell(cell: Mapping[str, Any], out: Writer, widgets: Mapping[str, Any]) -> int:
    found = cell.get("outputs")
    outputs = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    source = joined(cell.get("source"))
    if out.options.code and source.strip():
        out.preformatted(source, kind="code")
    for one in _merged(outputs):
        with out.guarded("An output could not be shown"):
            write_output(one, out, widgets)
    return len(outputs)


def _merged(outputs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A program that prints line by line left many pieces of one text."""
    found: list[Mapping[str, Any]] = []
    for one in outputs:
        last = found[-1] if found else {}
        if one.get("output_type") == "stream" and last.get("output_type") == "stream":
            found[-1] = {**last, "text": joined(last.get("text")) + joined(one.get("text"))}
        else:
            found.append(one)
    return found


def write_output(
    output: Mapping[str, Any], out: Writer, widgets: Mapping[str, Any] | None = None
) -> None:
    """Write one output of a cell: the richest form of it that a report can show.

    Parameters
    ----------
    output
        As nbformat 4 has it.
    widgets
        The states of the notebook's widgets by their id.
    """
    kind = output.get("output_type")
    if kind == "stream":
        _printed(joined(output.get("text")), out)
    elif kind == "error":
        lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
        out.preformatted(_COLOUR.sub("", "\n".join(map(str, lines)))[-_MOST_TEXT:], kind="error")
    elif kind in ("display_data", "execute_result", "update_display_data"):
        data = output.get("data")
        _bundle(data if isinstance(data, Mapping) else {}, out, widgets or {})


def _bundle(data: Mapping[str, Any], out: Writer, widgets: Mapping[str, Any]) -> None:
    from mlops_lab.reports.items.chart import write_chart
    from mlops_lab.reports.views import write_saved_view
    from mlops_lab.reports.widgets import write_widget_state

    if isinstance(data.get(VIEW_MIME), Mapping) and write_saved_view(data[VIEW_MIME], out):
        return
    view = data.get(WIDGET_MIME)
    if isinstance(view, Mapping) and view.get("model_id") in widgets:
        write_widget_state(widgets, str(view["model_id"]), out)
        return
    chart = next((key for key in data if key.startswith("application/vnd.vega")), None)
    if chart is not None and isinstance(data[chart], Mapping):
        write_chart(data[chart], out)
        return
    for media in _PICTURES:
        if media in data:
            out.picture(base64.b64decode(joined(data[media])), media, _words(data))
            return
    if "image/svg+xml" in data:
        drawn = joined(data["image/svg+xml"]).encode("utf-8", "replace")
        out.picture(drawn, "image/svg+xml", _words(data))
    elif "text/markdown" in data:
        out.markdown(joined(data["text/markdown"]), below=3)
    elif "text/html" in data:
        out.page(joined(data["text/html"]), "Output, as HTML", whole=False)
    elif "text/plain" in data:
        _printed(joined(data["text/plain"]), out)


def _printed(words: str, out: Writer) -> None:
    # A progress bar wrote each of its states over the one before.
    lines = [line.rsplit("\r", 1)[-1] for line in _COLOUR.sub("", words).rstrip("\r\n").split("\n")]
    whole = "\n".join(lines).rstrip()
    if not whole:
        return
    out.preformatted(whole[:_MOST_TEXT])
    if len(whole) > _MOST_TEXT:
        out.told(f"The first {_MOST_TEXT:,} of {len(whole):,} characters.")


def _words(data: Mapping[str, Any]) -> str:
    told = joined(data.get("text/plain"))
    return "Figure" if not told or told.startswith("<") else told[:200]


def _widget_state(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    saved = metadata.get("widgets")
    kept = saved.get(STATE_MIME) if isinstance(saved, Mapping) else None
    state = kept.get("state") if isinstance(kept, Mapping) else None
    return state if isinstance(state, Mapping) else {}


def joined(text: Any) -> str:
    """Give a text that nbformat may have kept as lines."""
    return "".join(map(str, text)) if isinstance(text, list) else str(text or "")
