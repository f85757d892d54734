"""How an evaluation looks in a notebook: its sentence, its incidents, then a small matrix."""

from __future__ import annotations

from html import escape
from typing import Final

from mlops_lab.handles.html import CELL, FONT, MUTED, NUMBER, isolated
from mlops_lab.markup import printable
from mlops_lab.monitoring.headlines import SYMBOLS
from mlops_lab.monitoring.records import STATES, ColumnEvaluation, Evaluation, Incident
from mlops_lab.wording import counted, number

__all__ = ["evaluation_card", "evaluation_text"]

_INCIDENTS: Final = 8
_COLUMNS: Final = 20
_CHUNKS: Final = 60

_MARKS: Final = {"ok": "✓", "warn": "△", "alert": "▲", "quality": "◆", "small": "–"}
_COLOURS: Final = {
    "ok": "var(--jp-mlops-finished, #28752c)",
    "warn": "var(--jp-mlops-waiting, #8a5300)",
    "alert": "var(--jp-mlops-failed, #c62828)",
    "quality": "var(--jp-mlops-quality, #7b5bb5)",
    "small": "var(--jp-mlops-killed, #6b6f73)",
    "info": "var(--jp-mlops-killed, #6b6f73)",
}
_GLYPHS: Final = {"alert": "▲", "warn": "△", "info": "·"}

# Drift ÷ natural range: greys inside of it, one hue above.
_DRIFT: Final = (
    "var(--jp-mlops-drift-0, #f1f2f4)",
    "var(--jp-mlops-drift-1, #dfe1e5)",
    "var(--jp-mlops-drift-2, #c3c7cd)",
    "var(--jp-mlops-drift-3, #fac48c)",
    "var(--jp-mlops-drift-4, #e0720f)",
    "var(--jp-mlops-drift-5, #9c3a00)",
)


def evaluation_text(evaluation: Evaluation) -> str:
    """Say an evaluation in a few lines."""
    size = _size(evaluation)
    lines = [
        f"<Evaluation {evaluation.title}: {size} · {evaluation.summary.state}>",
        f"  {evaluation.summary.sentence}",
    ]
    for one in evaluation.alerts[:_INCIDENTS]:
        going = "open" if one.open else "over"
        lines.append(
            f"  {_GLYPHS[one.severity]} {_when(one, evaluation)} · {going} · {one.sentence}"
        )
    if len(evaluation.alerts) > _INCIDENTS:
        lines.append(f"  … and {len(evaluation.alerts) - _INCIDENTS:,} more, in alerts")
    return "\n".join(printable(line) for line in lines)


def evaluation_card(evaluation: Evaluation) -> str:
    """Draw an evaluation as HTML."""
    summary = evaluation.summary
    colour = _COLOURS[summary.state]
    blocks = [
        f'<div><span style="color:{colour}">{_MARKS[summary.state]}</span> '
        f"<b>{isolated(summary.sentence, 600)}</b></div>",
        f'<div style="{MUTED}">{isolated(evaluation.title, 200)} · {_size(evaluation)} · '
        f"{isolated(evaluation.chunking.told, 200)}</div>",
    ]
    if evaluation.alerts:
        blocks.append(_incidents(evaluation))
    if evaluation.columns and evaluation.chunks:
        blocks.append(_matrix(evaluation))
    for note in evaluation.notes[:6]:
        blocks.append(f'<div style="{MUTED}">{isolated(note, 400)}</div>')
    return f'<div style="{FONT}">{"".join(blocks)}</div>'


def _size(evaluation: Evaluation) -> str:
    rows = counted(evaluation.current.rows, "row")
    columns = counted(len(evaluation.columns), "column")
    if len(evaluation.chunks) < 2:
        return f"{rows}, {columns}"
    by = evaluation.chunking.by
    noun = by if by in ("hour", "day", "week", "month") else "chunk"
    return f"{rows}, {counted(len(evaluation.chunks), noun)}, {columns}"


def _when(incident: Incident, evaluation: Evaluation) -> str:
    labels = {chunk.key: chunk.label for chunk in evaluation.chunks}
    return labels.get(incident.first, incident.first)


def _incidents(evaluation: Evaluation) -> str:
    rows = []
    for one in evaluation.alerts[:_INCIDENTS]:
        colour = _COLOURS[one.severity]
        rows.append(
            f'<tr><td style="{CELL};color:{colour}" title="{one.severity}">'
            f'{_GLYPHS[one.severity]}</td><td style="{CELL};white-space:nowrap">'
            f'{isolated(_when(one, evaluation))}</td><td style="{CELL}">{escape(one.kind)}</td>'
            f'<td style="{CELL}">{"open" if one.open else "over"}</td>'
            f'<td style="{CELL}">{isolated(one.sentence, 400)}</td></tr>'
        )
    more = len(evaluation.alerts) - _INCIDENTS
    rest = (
        f'<div style="{MUTED}">and {more:,} more, in <code>.alerts</code></div>' if more > 0 else ""
    )
    return f'<table style="margin-top:8px;border-collapse:collapse">{"".join(rows)}</table>{rest}'


def _matrix(evaluation: Evaluation) -> str:
    """Columns by chunks: how far each effect is above what is natural, worst columns first."""
    ranked = sorted(evaluation.columns, key=_badness, reverse=True)
    first = max(0, len(evaluation.chunks) - _CHUNKS)
    labels = [chunk.label for chunk in evaluation.chunks]
    rows = []
    for column in ranked[:_COLUMNS]:
        cells = "".join(_cell(column, place, labels[place]) for place in range(first, len(labels)))
        last = next((one for one in reversed(column.effect) if one is not None), None)
        rows.append(
            f'<tr><td style="{CELL}">{isolated(column.name, 40)}</td>'
            f'<td style="{CELL};{MUTED}">{escape(column.kind)}</td>'
            f'<td style="{CELL};white-space:nowrap;line-height:1">{cells}</td>'
            f'<td style="{NUMBER}">{SYMBOLS[column.measure]} {number(last)}</td></tr>'
        )
    hidden = len(ranked) - _COLUMNS
    told = f"; {hidden:,} more columns in <code>.df()</code>" if hidden > 0 else ""
    cut = f"the last {_CHUNKS} of {len(labels):,} chunks; " if first else ""
    return (
        f'<table style="margin-top:8px;border-collapse:collapse">{"".join(rows)}</table>'
        f'<div style="{MUTED}">{cut}grey: within what is natural; orange: above it; ▲ alert, '
        f"△ warning, ◆ data quality{told}</div>"
    )


def _badness(column: ColumnEvaluation) -> tuple[int, int, int, float]:
    states = column.states
    return (
        states.count("a"),
        states.count("q"),
        states.count("w"),
        max((one for one in column.effect if one is not None), default=0.0),
    )


def _cell(column: ColumnEvaluation, place: int, label: str) -> str:
    letter, effect = column.states[place], column.effect[place]
    mark = {"a": "▲", "w": "△", "q": "◆"}.get(letter, "")
    ground = _COLOURS["quality"] if letter == "q" else _ground(column, place)
    said = f"{label}: {SYMBOLS[column.measure]} {number(effect)}, {STATES[letter]}"
    dim = ";opacity:.4" if letter in "sh-" else ""
    ink = "#fff" if letter == "q" else "var(--jp-mlops-drift-ink, #000)"
    return (
        f'<span title="{escape(said, quote=True)}" style="display:inline-block;width:9px;'
        f"height:13px;margin-right:1px;font-size:8px;line-height:13px;text-align:center;"
        f'overflow:hidden;vertical-align:top;color:{ink};background:{ground}{dim}">{mark}</span>'
    )


def _ground(column: ColumnEvaluation, place: int) -> str:
    effect = column.effect[place]
    if effect is None:
        return "transparent"
    natural = column.natural_at(place)
    usual = max(column.warn, natural or 0.0)
    ratio = effect / usual if usual else 0.0
    if ratio <= 1:
        return _DRIFT[0 if ratio < 0.4 else 1 if ratio < 0.75 else 2]
    return _DRIFT[3 if ratio < 1.12 else 4 if ratio < 1.4 else 5]
