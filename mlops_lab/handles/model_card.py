"""How models look in a notebook: pure functions from records to text and HTML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from mlops_lab.handles.card import age, short_number, size_text
from mlops_lab.handles.html import CELL, FONT, GLYPHS, MUTED, NUMBER, isolated
from mlops_lab.handles.table import Mark
from mlops_lab.markup import printable
from mlops_lab.registry.package import PackageFacts
from mlops_lab.registry.records import Judgement, ModelVersion
from mlops_lab.registry.signature import Field, Signature

__all__ = [
    "UNSAFE",
    "file_card",
    "file_line",
    "format_mark",
    "judgement_mark",
    "model_card",
    "model_line",
]

_ROWS: Final = 12
_RED: Final = "var(--jp-error-color1, #c62828)"
UNSAFE: Final = "unsafe: loading it runs code that it brings along"


def model_line(version: ModelVersion) -> str:
    """Say a version in one line: ``<Model late@6 (champion) sklearn · 88 kB · 10 of 10 gates>``."""
    judged = version.judgement
    parts = [
        *(["UNSAFE pickle"] if version.unsafe else [version.flavor]),
        size_text(version.size_bytes),
        *([f"{judged.passed} of {judged.total} gates, {judged.outcome}"] if judged else []),
        *([version.state] if version.state != "ready" else []),
    ]
    named = f" ({', '.join(version.aliases)})" if version.aliases else ""
    return printable(f"<Model {version.ref}{named} {' · '.join(parts)}>")


def model_card(version: ModelVersion, facts: Mapping[str, Any]) -> str:
    """Draw a version as HTML: what it is, who judged it, its metrics, what it takes.

    Parameters
    ----------
    version
        The version.
    facts
        What was known when it was registered; empty when that cannot be read.
    """
    run = facts.get("run") or {}
    said = [
        version.flavor,
        size_text(version.size_bytes),
        f"{version.created_at:%Y-%m-%d %H:%M} UTC ({age(version.created_at)})",
        version.author,
        *([f"run {run.get('name') or version.run_id[:8]}"] if version.run_id else []),
        *(_inputs(facts)),
        *(_latency(facts.get("latency_ms"))),
    ]
    chips = "".join(
        '<span style="border:1px solid var(--jp-border-color2, #ccc);border-radius:2px;'
        f'padding:0 4px;margin-left:6px">{isolated(alias)}</span>'
        for alias in version.aliases
    )
    blocks = [
        f'<div><b dir="auto">{isolated(version.name)}</b> {version.version}{chips} '
        f'<code style="{MUTED}">{escape(version.digest[3:11])}</code></div>',
        *([_unsafe()] if version.unsafe else []),
        f'<div style="{MUTED}">{" · ".join(isolated(fact) for fact in said)}</div>',
    ]
    if version.judgement is not None:
        blocks.append(_judgement(version.judgement))
    if version.note:
        blocks.append(f'<div style="margin-top:4px">“{isolated(version.note, 400)}”</div>')
    tables = [_metrics(facts.get("metrics") or {}), _signature(_read_signature(facts))]
    shown = "".join(f"<div>{table}</div>" for table in tables if table)
    if shown:
        blocks.append(
            f'<div style="display:flex;flex-wrap:wrap;gap:4px 32px;margin-top:8px">{shown}</div>'
        )
    return f'<div style="{FONT}">{"".join(blocks)}</div>'


def file_line(name: str, facts: PackageFacts) -> str:
    """Say a model file in one line: ``<ModelFile 'late.skops' Pipeline · sklearn · 88 kB>``."""
    kind = f"UNSAFE {facts.flavor}" if facts.unsafe else facts.flavor
    parts = [*([facts.estimator] if facts.estimator else []), kind, size_text(facts.size_bytes)]
    return printable(f"<ModelFile {name!r} {' · '.join(parts)}>")


def file_card(name: str, facts: PackageFacts) -> str:
    """Draw a model file as HTML."""
    said = [facts.estimator, facts.flavor, size_text(facts.size_bytes), *_latency(facts.latency_ms)]
    blocks = [
        f'<div><b dir="auto">{isolated(name)}</b></div>',
        *([_unsafe()] if facts.unsafe else []),
        f'<div style="{MUTED}">{" · ".join(isolated(one) for one in said if one)}</div>',
        f"<div>{_signature(facts.signature)}</div>",
    ]
    return f'<div style="{FONT}">{"".join(blocks)}</div>'


def judgement_mark(judgement: Judgement | None) -> Mark | None:
    """What the gates said with its glyph and colour; None for a version that nobody judged."""
    if judgement is None:
        return None
    glyph, colour = GLYPHS.get(judgement.outcome, ("?", MUTED))
    return Mark(glyph, colour, f"{judgement.passed} of {judgement.total}")


def format_mark(flavor: str, unsafe: bool) -> Mark | str:
    """The format; an unsafe one in red."""
    return Mark("⚠", _RED, f"{flavor}, unsafe") if unsafe else flavor


def _unsafe() -> str:
    return f'<div style="color:{_RED};font-weight:600" role="alert">⚠ {UNSAFE}</div>'


def _judgement(judged: Judgement) -> str:
    glyph, colour = GLYPHS.get(judged.outcome, ("?", MUTED))
    head = (
        f'<div style="margin-top:4px"><span style="color:{colour}">{glyph}</span> '
        f"{isolated(judged.outcome)}, {judged.passed} of {judged.total} gates"
        f"{f' in {isolated(judged.run_name)}' if judged.run_name else ''}</div>"
    )
    lines = "".join(
        f'<div style="{MUTED}">{isolated(sentence, 300)}</div>' for sentence in judged.sentences[:4]
    )
    return head + lines


def _metrics(metrics: Mapping[str, Any]) -> str:
    rows = []
    for key, found in metrics.items():
        last = found.get("last") if isinstance(found, Mapping) else found
        shown = short_number(float(last)) if isinstance(last, int | float) else str(last)
        goal = found.get("goal") if isinstance(found, Mapping) else None
        mark = {"max": " ↑", "min": " ↓"}.get(str(goal), "")
        rows.append((f"{isolated(key, 40)}{mark}", CELL, isolated(shown), NUMBER))
    return _pairs("metric", "last", rows)


def _signature(signature: Signature | None) -> str:
    if signature is None:
        return ""
    fields = [
        *((field, "") for field in signature.inputs),
        *((field, "→ ") for field in signature.outputs),
    ]
    rows = [
        (f"{mark}{isolated(field.name, 40)}", CELL, isolated(_type(field), 60), CELL)
        for field, mark in fields
    ]
    # What comes out is what people look for below a long list of columns.
    if len(rows) > _ROWS:
        outputs = len(signature.outputs)
        rows = rows[: _ROWS - outputs] + rows[len(rows) - outputs :]
    left = len(fields) - len(rows)
    return _pairs("input", "type", rows, f"and {left:,} more columns" if left else "")


def _pairs(first: str, second: str, rows: list[tuple[str, str, str, str]], more: str = "") -> str:
    if not rows:
        return ""
    body = "".join(
        f'<tr><td style="{one}">{name}</td><td style="{two}">{value}</td></tr>'
        for name, one, value, two in rows[:_ROWS]
    )
    left = more or (f"and {len(rows) - _ROWS:,} more" if len(rows) > _ROWS else "")
    foot = f'<tr><td colspan="2" style="{CELL};{MUTED}">{left}</td></tr>' if left else ""
    return (
        f'<table style="{FONT};border-collapse:collapse;margin:0"><thead><tr>'
        f'<th style="{CELL};{MUTED};font-weight:400">{first}</th>'
        f'<th style="{rows[0][3]};{MUTED};font-weight:400">{second}</th></tr></thead>'
        f"<tbody>{body}{foot}</tbody></table>"
    )


def _type(field: Field) -> str:
    shape = ""
    if field.shape is not None and len(field.shape) > 1:
        shape = f" × {' × '.join('any' if n is None else str(n) for n in field.shape[1:])}"
    return f"{field.type}{shape}{', may be missing' if field.optional else ''}"


def _read_signature(facts: Mapping[str, Any]) -> Signature | None:
    data = facts.get("signature")
    return Signature.from_json(data) if isinstance(data, Mapping) else None


def _inputs(facts: Mapping[str, Any]) -> list[str]:
    names = [
        f"{one['name']}@{one['version']}"
        for one in facts.get("inputs") or ()
        if isinstance(one, Mapping) and one.get("version") is not None
    ]
    return [f"from {', '.join(names)}"] if names else []


def _latency(latency: Mapping[str, Any] | None) -> list[str]:
    p50 = (latency or {}).get("p50")
    return [f"{short_number(float(p50))} ms a row"] if isinstance(p50, int | float) else []
