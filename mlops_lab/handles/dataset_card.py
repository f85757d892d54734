"""How a dataset's version looks in a notebook: pure functions from records to text and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mlops_lab.data.records import CheckSummary, VersionRecord
from mlops_lab.handles.card import age, short_number, size_text
from mlops_lab.handles.html import CELL, FONT, GLYPHS, MUTED, NUMBER, isolated
from mlops_lab.handles.table import Mark
from mlops_lab.markup import printable

if TYPE_CHECKING:
    from mlops_lab.compute import ColumnProfile, Profile

__all__ = ["dataset_card", "dataset_line", "state_mark"]

_COLUMNS: Final = 30
_BARS: Final = "▁▂▃▄▅▆▇█"
_BINS: Final = 12

_STATES: Final = {
    "passed": GLYPHS["passed"],
    "warned": ("!", GLYPHS["waiting"][1]),
    "blocked": GLYPHS["rejected"],
}


def dataset_line(version: VersionRecord) -> str:
    """Say a version in one line: ``<Dataset flights@3 (train) 20,197 rows · 313 kB · passed>``."""
    parts = [
        *([f"{version.rows:,} rows"] if version.rows is not None else []),
        *([f"{version.files:,} files"] if version.files > 1 else []),
        size_text(version.size_bytes),
        *([version.state] if version.state else []),
        *([] if version.is_latest else ["not the latest"]),
    ]
    named = f" ({', '.join(version.aliases)})" if version.aliases else ""
    said = f"<Dataset {version.ref}{named} {' · '.join(parts)}>"
    return printable(said)


def state_mark(state: str | None) -> Mark | None:
    """A state with its glyph and colour; None for no state."""
    return None if state is None else Mark(*_STATES[state], state)


def dataset_card(version: VersionRecord, profile: Profile | None) -> str:
    """Draw a version as HTML: what it is, what suites say of it, and its columns."""
    facts = [
        *([f"{version.rows:,} rows × {version.columns:,} columns"] if version.rows is not None
          and version.columns is not None else []),
        *([f"{version.files:,} files"] if version.files > 1 else [version.file]),
        size_text(version.size_bytes),
        f"{version.created_at:%Y-%m-%d %H:%M} UTC ({age(version.created_at)})",
        *([version.author] if version.author else []),
        *([f"from {version.source['path']}"] if "path" in version.source else []),
        *([f"made by run {version.run_id[:8]}"] if version.run_id else []),
    ]  # fmt: skip
    chips = "".join(
        '<span style="border:1px solid var(--jp-border-color2, #ccc);border-radius:2px;'
        f'padding:0 4px;margin-left:6px">{isolated(alias)}</span>'
        for alias in (*version.aliases, *(["latest"] if version.is_latest else []))
    )
    blocks = [
        f'<div><b dir="auto">{isolated(version.name)}</b> {version.version}{chips} '
        f'<code style="{MUTED}">{version.digest[3:11]}</code></div>',
        f'<div style="{MUTED}">{" · ".join(isolated(fact) for fact in facts)}</div>',
    ]
    if version.note:
        blocks.append(f'<div style="margin-top:4px">“{isolated(version.note, 400)}”</div>')
    if version.checks:
        blocks.append(_checks(version.checks))
    if profile is not None and profile.columns:
        blocks.append(_profile(profile))
    return f'<div style="{FONT}">{"".join(blocks)}</div>'


def _checks(checks: Sequence[CheckSummary]) -> str:
    said = []
    for one in checks:
        glyph, colour = _STATES[one.state]
        failed = f", {one.failed} failed" if one.failed else ""
        said.append(
            f'<span style="margin-right:12px"><span style="color:{colour}">{glyph}</span> '
            f"{isolated(one.suite)} {one.state}{failed}</span>"
        )
    return f'<div style="margin-top:4px">{"".join(said)}</div>'


def _profile(profile: Profile) -> str:
    titles = ("column", "type", "missing", "distinct", "", "typical")
    styles = (CELL, CELL, NUMBER, NUMBER, CELL, CELL)
    heads = "".join(
        f'<th style="{style};{MUTED};font-weight:400">{title}</th>'
        for title, style in zip(titles, styles, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{style}">{value}</td>'
            for value, style in zip(_column(column), styles, strict=True)
        )
        + "</tr>"
        for column in profile.columns[:_COLUMNS]
    )
    left = len(profile.columns) - _COLUMNS
    more = f'<div style="{MUTED}">and {left:,} more columns</div>' if left > 0 else ""
    return (
        f'<div style="overflow-x:auto;margin-top:8px"><table style="{FONT};'
        f'border-collapse:collapse;margin:0"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{more}"
    )


def _column(column: ColumnProfile) -> tuple[str, ...]:
    missing = f"{column.missing_share:.1%}" if column.missing else "–"
    distinct = "–"
    if column.distinct is not None:
        distinct = f"{'≈ ' if column.approximate else ''}{column.distinct:,}"
    return (
        isolated(column.name, 40),
        f'<span style="{MUTED}">{isolated(column.type.lower(), 24)}</span>',
        missing,
        distinct,
        _histogram(column),
        isolated(_typical(column), 60),
    )


def _typical(column: ColumnProfile) -> str:
    if column.kind in ("number", "time") and column.min is not None:
        ends = [
            short_number(end) if isinstance(end, int | float) else _time(str(end))
            for end in (column.min, column.quantiles.get("p50", ""), column.max)
        ]
        return " … ".join(end for end in ends if end)
    return ", ".join(str(value) for value, _ in column.top[:3])


def _time(text: str) -> str:
    """A time as short as it can be said.

    >>> _time("2013-01-01T00:00:00Z"), _time("2013-01-01T05:15:00")
    ('2013-01-01', '2013-01-01 05:15:00')
    """
    return text.removesuffix("Z").removesuffix("T00:00:00").replace("T", " ")


def _histogram(column: ColumnProfile) -> str:
    """A few bars of text, so that it is at home everywhere."""
    if column.histogram is None or not column.histogram.counts:
        return ""
    counts = column.histogram.counts
    step = max(1, -(-len(counts) // _BINS))
    sums = [sum(counts[at : at + step]) for at in range(0, len(counts), step)]
    highest = max(sums) or 1
    bars = "".join(
        _BARS[min(len(_BARS) - 1, round((len(_BARS) - 1) * count / highest))] for count in sums
    )
    return f'<span style="{MUTED};font-family:monospace" aria-hidden="true">{bars}</span>'
