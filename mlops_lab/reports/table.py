"""Tables of a report: plain HTML that can be read and printed, and which the page lets you sort."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from mlops_lab.handles.card import short_number
from mlops_lab.handles.table import Mark
from mlops_lab.reports.html import Html, text

__all__ = ["MOST_COLUMNS", "MOST_ROWS", "Cells", "table_html"]

MOST_ROWS: Final = 1_000
"""More nobody reads in a page; the data itself has them."""
MOST_COLUMNS: Final = 60
MOST_CELLS: Final = 30_000
"""About 1 MB of HTML: a wide table has fewer rows."""
MOST_CHARACTERS: Final = 300
ON_PAPER: Final = 100
"""Rows that are printed; the style sheet leaves out the same."""

_SEARCHABLE: Final = 12
"""From so many rows on the page offers a search."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Rows as they are shown, and how many there are of what they show.

    Parameters
    ----------
    titles
        The columns' names.
    rows
        Values: numbers stand to the right, None is a dash, `Html` stands as it is.
    total
        Rows of the whole table, by default those given.
    columns
        Columns of the whole table, by default those given.
    remark
        What else is to be said of it.
    """

    titles: Sequence[object]
    rows: Sequence[Sequence[object]]
    total: int | None = None
    columns: int | None = None
    remark: str = ""

    def cut(self) -> Cells:
        """Keep what a page can show."""
        titles = tuple(self.titles[:MOST_COLUMNS])
        most = min(MOST_ROWS, MOST_CELLS // max(1, len(titles)))
        rows = [row[: len(titles)] for row in self.rows[:most]]
        total = len(self.rows) if self.total is None else self.total
        columns = len(self.titles) if self.columns is None else self.columns
        return Cells(titles, rows, total, columns, self.remark)


def table_html(cells: Cells, *, caption: str = "", tools: bool = True) -> str:
    """Write a table, with a sentence about what was left out.

    Parameters
    ----------
    cells
        What is in it.
    caption
        Its name, which stands above it.
    tools
        Whether the page lets the reader sort and search it.
    """
    shown = cells.cut()
    right = [_is_numeric(shown.rows, at) for at in range(len(shown.titles))]
    heads = "".join(
        f'<th scope="col"{" class=n" * numeric}>{text(title, 100)}</th>'
        for title, numeric in zip(shown.titles, right, strict=True)
    )
    days = [_is_days(shown.rows, at) for at in range(len(shown.titles))]
    body = "".join(f"<tr>{''.join(map(_cell, row, right, days))}</tr>" for row in shown.rows)
    said = [sentence for sentence in (cut_sentence(shown), shown.remark) if sentence]
    foot = f'<p class="jp-MlopsLab-report-told">{text(" ".join(said))}</p>' if said else ""
    if len(shown.rows) > ON_PAPER:
        paper = f"On paper: the first {ON_PAPER} of {len(shown.rows):,} rows of the file."
        foot += f'<p class="jp-MlopsLab-report-told jp-mod-paper">{paper}</p>'
    above = f"<caption>{text(caption, 200)}</caption>" if caption else ""
    search = " data-search" if len(shown.rows) >= _SEARCHABLE else ""
    offered = f" data-sort{search}" if tools and len(shown.rows) > 1 else ""
    return (
        f'<div class="jp-MlopsLab-report-table"{offered}><div class="jp-MlopsLab-report-scroll" '
        f'role="region" tabindex="0" aria-label="{text(caption or "Table", 200)}">'
        f"<table>{above}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        f"{foot}</div>"
    )


def cut_sentence(cells: Cells) -> str:
    """Say what a table leaves out; nothing when it is whole.

    Examples
    --------
    >>> cut_sentence(Cells(("a",), [(1,), (2,)], total=12_431))
    'The first 2 of 12,431 rows.'
    """
    rows, columns = len(cells.rows), len(cells.titles)
    total = cells.total if cells.total is not None else rows
    wide = cells.columns if cells.columns is not None else columns
    if total > rows and wide > columns:
        return f"The first {rows:,} of {total:,} rows and {columns:,} of {wide:,} columns."
    if total > rows:
        return f"The first {rows:,} of {total:,} rows."
    return f"The first {columns:,} of {wide:,} columns." if wide > columns else ""


def _cell(value: object, numeric: bool, day: bool) -> str:
    if isinstance(value, date) and not _is_missing(value):
        shown = plain(value)
        return f"<td class=t>{text(shown[:10] if day else shown)}</td>"
    mark = " class=n" if numeric else ""
    if isinstance(value, Html):
        order = "" if value.order is None else f' data-v="{text(value.order)}"'
        return f"<td{mark}{order}>{value.markup}</td>"
    if isinstance(value, Mark):
        glyph = f'<span style="color:{text(value.colour)}">{text(value.glyph)}</span>'
        return f"<td{mark}>{glyph} {text(value.text, MOST_CHARACTERS)}</td>"
    shown = plain(value)
    # What was rounded to be read is sorted by what it is.
    exact = _number(value)
    order = "" if exact is None or shown.replace(",", "") == str(exact) else f' data-v="{exact!r}"'
    return f"<td{mark}{order}>{text(shown, MOST_CHARACTERS)}</td>"


def plain(value: object) -> str:
    """Give a value as it is read.

    Examples
    --------
    >>> [plain(value) for value in (None, -0.70212, True, 12431, "x", float("nan"))]
    ['–', '−0.7021', 'true', '12,431', 'x', 'NaN']
    """
    if value is None or _is_missing(value):
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    number = _number(value)
    if number is not None:
        return short_number(number).replace("-", "−")
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds").removesuffix("+00:00")
    if isinstance(value, date):
        return value.isoformat()
    if type(value).__name__ in ("bool", "bool_"):
        return "true" if value else "false"
    return str(value)


def _is_missing(value: object) -> bool:
    """Whether it is one of pandas' words for nothing; NaN itself is a number and says so."""
    return type(value).__name__ in ("NaTType", "NAType")


def _is_days(rows: Sequence[Sequence[object]], at: int) -> bool:
    """Whether all times of a column are midnights: it holds dates, in a type for times."""
    return all(
        value.time() == time() and not getattr(value, "nanosecond", 0)
        for value in (row[at] for row in rows)
        if isinstance(value, datetime) and not _is_missing(value)
    )


def _is_numeric(rows: Sequence[Sequence[object]], at: int) -> bool:
    values = [row[at] for row in rows if row[at] is not None and not _is_missing(row[at])]
    return bool(values) and all(
        _number(value) is not None or (isinstance(value, Html) and isinstance(value.order, float))
        for value in values
    )


def _number(value: Any) -> float | int | None:
    """A number of Python's or numpy's, as Python's; None for anything else."""
    if isinstance(value, bool | str) or type(value).__name__ in ("bool_", "bool"):
        return None
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else None
    if isinstance(value, float):
        return value
    if type(value).__name__ == "Decimal" or type(value).__module__ == "numpy":
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return int(number) if math.isfinite(number) and _whole(value, number) else number
    return None


def _whole(value: Any, number: float) -> bool:
    return number == int(number) and abs(number) < 1 << 53 and "int" in type(value).__name__
