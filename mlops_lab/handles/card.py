"""How a run looks in a notebook: pure functions from records to text and HTML.

Whatever people named or wrote is escaped here; the colours are JupyterLab's with fallbacks, so a
card is at home in light and dark and in a plain page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from mlops_lab.handles.html import CELL, FONT, GLYPHS, MUTED, NUMBER, isolated
from mlops_lab.markup import printable
from mlops_lab.tracking.records import (
    ArtifactRecord,
    MetricSummary,
    NoteRecord,
    ParamRecord,
    RunRecord,
)

__all__ = [
    "age",
    "artifact_table",
    "duration",
    "metric_table",
    "param_table",
    "run_card",
    "run_line",
    "short_number",
    "size_text",
]

_ROWS: Final = 12


def run_line(run: RunRecord, metrics: Sequence[MetricSummary]) -> str:
    """Say a run in one line: ``<Run gbm-6 (a1b2c3d4) running · auc 0.702 · 41 s>``."""
    parts = [run.outcome or run.status]
    if run.lifecycle == "deleted":
        parts.append("deleted")
    shown = [metric for metric in metrics if not metric.key.startswith("system/")]
    chosen = next((metric for metric in shown if not metric.guessed), shown[0] if shown else None)
    if chosen is not None:
        parts.append(f"{chosen.key} {short_number(chosen.last)}")
    parts.append(duration(run.duration_s))
    said = f"<Run {run.name} ({run.id[:8]}) {' · '.join(parts)}>"
    return printable(said)


def run_card(
    run: RunRecord,
    *,
    params: Sequence[ParamRecord],
    metrics: Sequence[MetricSummary],
    tags: Mapping[str, str],
    artifacts: Sequence[ArtifactRecord],
    notes: Sequence[NoteRecord],
) -> str:
    """Draw a run as HTML: what it is, then what came of it, then what it was given."""
    glyph, colour = GLYPHS[run.outcome or run.status]
    origin = run.source.get("pipeline") or run.source.get("notebook") or run.source.get("program")
    facts = [
        run.status if run.outcome is None else f"{run.status}, {run.outcome}",
        *(["deleted"] if run.lifecycle == "deleted" else []),
        run.experiment,
        f"{run.started_at:%Y-%m-%d %H:%M} UTC ({age(run.started_at)})",
        duration(run.duration_s),
        *([str(origin)] if origin else []),
        *([run.author] if run.author else []),
        *([f"{run.children} child run{'s' * (run.children > 1)}"] if run.children else []),
    ]
    head = (
        f'<div><span style="color:{colour}" title="{escape(run.status)}">{glyph}</span> '
        f'<b dir="auto">{isolated(run.name)}</b>{" ★" if run.starred else ""} '
        f'<code style="{MUTED}">{run.id[:8]}</code></div>'
        f'<div style="{MUTED}">{" · ".join(isolated(fact) for fact in facts)}</div>'
    )
    blocks = [head]
    why = run.reason or (
        f"{run.error.get('name')}: {run.error.get('message')}" if run.error else ""
    )
    if why:
        blocks.append(f'<div style="margin-top:4px">{isolated(why, 400)}</div>')
    shown = {key: value for key, value in tags.items() if not key.startswith("mlops.")}
    if shown:
        labels = (
            '<span style="border:1px solid var(--jp-border-color2, #ccc);border-radius:2px;'
            f'padding:0 4px;margin-right:4px">{isolated(key)}: {isolated(value)}</span>'
            for key, value in list(shown.items())[:_ROWS]
        )
        blocks.append(f'<div style="margin-top:4px">{"".join(labels)}</div>')
    blocks += [f'<div style="{MUTED}">“{isolated(note.text, 300)}”</div>' for note in notes[-3:]]
    # What the program itself keeps is there, but nobody looks for it here.
    kept = [artifact for artifact in artifacts if not artifact.path.startswith("mlops/")]
    tables = [
        table
        for table in (
            metric_table(metrics) if metrics else "",
            param_table(params) if params else "",
            artifact_table(kept) if kept else "",
        )
        if table
    ]
    if tables:
        columns = "".join(f"<div>{table}</div>" for table in tables)
        blocks.append(
            f'<div style="display:flex;flex-wrap:wrap;gap:4px 32px;margin-top:8px">{columns}</div>'
        )
    return f'<div style="{FONT}">{"".join(blocks)}</div>'


def metric_table(metrics: Sequence[MetricSummary]) -> str:
    """Draw metrics with last and best."""
    rows = [
        [
            (
                f"{isolated(m.key)} {'↑' if m.goal == 'max' else '↓'}{'?' if m.guessed else ''}",
                CELL,
            ),
            (short_number(m.last), NUMBER),
            ("–" if m.best is None else short_number(m.best), NUMBER),
            (f"{m.best_step:,}" if m.best_step is not None else "–", NUMBER),
            (f"{m.n:,}", NUMBER),
        ]
        for m in metrics
    ]
    return _table(["metric", "last", "best", "at step", "n"], rows)


def param_table(params: Sequence[ParamRecord]) -> str:
    """Draw params with their values; one that was changed says so."""
    rows = [
        [
            (isolated(p.key), CELL),
            (f"<code>{isolated(p.value)}</code>{' (changed)' if p.changed else ''}", CELL),
        ]
        for p in params
    ]
    return _table(["param", "value"], rows)


def artifact_table(artifacts: Sequence[ArtifactRecord]) -> str:
    """Draw artifacts with kind and size."""
    rows = [
        [(isolated(a.path), CELL), (isolated(a.kind), CELL), (size_text(a.size), NUMBER)]
        for a in artifacts
    ]
    return _table(["artifact", "kind", "size"], rows)


def short_number(value: float) -> str:
    """Show a number with as few digits as it needs.

    Examples
    --------
    >>> [short_number(x) for x in (0.70212, 12431.0, 0.000012, float("nan"), 2.0)]
    ['0.7021', '12,431', '1.2e-05', 'NaN', '2']
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.1f}"
    short = f"{value:.4g}"
    # 0.99998 is not 1: where rounding would say so, two more digits.
    return f"{value:.6g}" if float(short).is_integer() else short


def duration(seconds: float) -> str:
    """Show a length of time.

    Examples
    --------
    >>> [duration(s) for s in (0.0044, 36.2, 64, 4000, 280_000)]
    ['4.4 ms', '36.2 s', '1:04', '1:06:40', '3 d 5 h']
    """
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def age(at: datetime, now: datetime | None = None) -> str:
    """Show how long ago something was.

    Examples
    --------
    >>> noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    >>> age(datetime(2026, 11, 21, 11, 46, tzinfo=UTC), noon)
    '14 min ago'
    """
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    if seconds < 10:
        return "now"
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit} ago"
    days = int(seconds // 86_400)
    return "yesterday" if days == 1 else f"{days} d ago"


def _table(titles: Sequence[str], rows: Sequence[Sequence[tuple[str, str]]]) -> str:
    heads = "".join(
        f'<th style="{CELL if i == 0 else style};{MUTED};font-weight:400">{title}</th>'
        for i, (title, (_, style)) in enumerate(
            zip(titles, rows[0] if rows else [("", CELL)] * len(titles), strict=True)
        )
    )
    body = "".join(
        "<tr>" + "".join(f'<td style="{style}">{value}</td>' for value, style in row) + "</tr>"
        for row in rows[:_ROWS]
    )
    more = (
        f'<tr><td colspan="{len(titles)}" style="{CELL};{MUTED}">'
        f"showing {_ROWS} of {len(rows):,}</td></tr>"
        if len(rows) > _ROWS
        else ""
    )
    return (
        f'<table style="{FONT};border-collapse:collapse;margin:0">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}{more}</tbody></table>"
    )


def size_text(size: int) -> str:
    """Show a number of bytes.

    Examples
    --------
    >>> [size_text(n) for n in (17, 312_774, 1_100_000_000)]
    ['17 B', '313 kB', '1.1 GB']
    """
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"
