"""A dataset version: what is in it, column by column, what suites say of it, where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import LabError
from mlops_lab.handles.card import short_number, size_text
from mlops_lab.handles.dataset import Dataset
from mlops_lab.reports.html import Html, text
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.lineage import write_graph
from mlops_lab.reports.table import Cells
from mlops_lab.reports.writer import Writer, time_html

if TYPE_CHECKING:
    from mlops_lab.compute import ColumnProfile, Profile

__all__ = ["KIND"]

MOST_COLUMNS: Final = 500
_MOST_FILES: Final = 50
_WIDTH: Final = 96
_HEIGHT: Final = 18


class DatasetItem(ItemKind):
    """One version of a dataset."""

    name = "a dataset version"
    gives = "a model (lab.model(…)), a dataset (lab.dataset(…))"
    rank = 20

    def takes(self, thing: Any) -> bool:
        """The handles of datasets."""
        return isinstance(thing, Dataset)

    def write(self, thing: Dataset, out: Writer) -> None:
        """Write what the dataset view shows."""
        record = thing.record
        out.heading(f"{record.name} {record.version}", glyph=record.state)
        chips = [*record.aliases, *(["latest"] if record.is_latest else [])]
        shape = None
        if record.rows is not None and record.columns is not None:
            shape = f"{record.rows:,} rows, {record.columns:,} columns"
        out.facts(
            [
                ("alias", ", ".join(chips)),
                ("table", shape),
                ("files", f"{record.files:,}" if record.files > 1 else record.file),
                ("size", size_text(record.size_bytes)),
                ("committed", time_html(record.created_at)),
                ("by", record.author),
                ("from", record.source.get("path")),
                ("content", record.digest[3:11]),
            ]
        )
        if record.note:
            out.quote(record.note)
        _write_checks(thing, out)
        profile = thing.profile
        if profile is not None and profile.columns:
            _write_profile(profile, out)
        elif len(thing.files) > 1:
            rows = [
                (name, Html(size_text(size), float(size))) for name, size in thing.files.items()
            ]
            out.table(Cells(("file", "size"), rows[:_MOST_FILES], len(rows)))
        write_graph(thing._project, record.node, f"{record.name} {record.version}", out, whole=True)

    def told(self, thing: Dataset) -> str:
        """By its reference."""
        return f"dataset {thing.ref}"


def _write_checks(thing: Dataset, out: Writer) -> None:
    """Write what each check of each suite said last."""
    for one in thing.checks:
        out.heading(f"Suite {one.suite}", 3, glyph=one.state)
        try:
            found = thing.report(one.suite)
        except LabError as error:
            out.notice(str(error))
            continue
        said = sorted(found.checks, key=lambda check: check.state == "passed")
        states = {"block": "blocked", "warn": "warned"}
        out.lines(
            [check.sentence for check in said],
            [check.state if check.state == "passed" else states[check.severity] for check in said],
        )


def _write_profile(profile: Profile, out: Writer) -> None:
    out.heading("Columns", 3)
    shown = profile.columns[:MOST_COLUMNS]
    rows = [
        (
            column.name,
            column.type.lower(),
            Html(f"{column.missing_share:.1%}" if column.missing else "–", column.missing_share),
            column.distinct,
            _histogram(column),
            _number(column, "min"),
            _number(column, "p50"),
            _number(column, "max"),
            _top(column),
        )
        for column in shown
    ]
    titles = (
        "column",
        "type",
        "missing",
        "distinct",
        "shape",
        "least",
        "middle",
        "most",
        "frequent",
    )
    out.table(Cells(titles, rows, len(profile.columns)))


def _number(column: ColumnProfile, which: str) -> Html | None:
    value = column.quantiles.get("p50") if which == "p50" else getattr(column, which)
    if value is None or column.kind not in ("number", "time"):
        return None
    if isinstance(value, int | float):
        return Html(text(short_number(value)), float(value))
    short = str(value).removesuffix("Z").removesuffix("T00:00:00").replace("T", " ")
    return Html(f"<time>{text(short)}</time>", str(value))


def _top(column: ColumnProfile) -> str | None:
    if column.kind not in ("category", "text", "boolean"):
        return None
    return ", ".join(f"{value} ({count:,})" for value, count in column.top[:3]) or None


def _histogram(column: ColumnProfile) -> Html | None:
    """How its values are spread, as a picture of 18 px."""
    if column.histogram is None or not column.histogram.counts:
        return None
    counts = column.histogram.counts
    highest, step = max(counts) or 1, _WIDTH / len(counts)
    bars = "".join(
        f'<rect x="{at * step:.1f}" y="{_HEIGHT - h:.1f}" width="{step - 0.6:.1f}" '
        f'height="{h:.1f}"/>'
        for at, count in enumerate(counts)
        if (h := _HEIGHT * count / highest)
    )
    return Html(
        f'<svg class="jp-MlopsLab-report-bars" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-hidden="true">{bars}</svg>'
    )


KIND = DatasetItem()
