"""Datasets and their versions, for a terminal and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlops_lab.cli.output import age, glyph, number, print_table, size

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_lab.compute import Cells, ColumnProfile, Profile
    from mlops_lab.data.diff import DatasetDiff
    from mlops_lab.data.records import DatasetRecord, VersionRecord
    from mlops_lab.data.suite_run import SuiteReport

__all__ = [
    "print_datasets",
    "print_diff",
    "print_reports",
    "print_version",
    "print_versions",
    "version_document",
    "version_facts",
    "version_line",
]

_MOST_COLUMNS = 60
_MOST_FILES = 12
_MOST_SAMPLE = 5
_MOST_EXAMPLES = 10
_RIGHT = {"justify": "right"}


def version_facts(version: VersionRecord) -> dict[str, Any]:
    """What a list says about each version, for programs."""
    return {
        "ref": version.ref,
        "name": version.name,
        "version": version.version,
        "digest": version.digest,
        "kind": version.kind,
        "file": version.file,
        "files": version.files,
        "size_bytes": version.size_bytes,
        "rows": version.rows,
        "columns": version.columns,
        "note": version.note,
        "author": version.author,
        "created_at": version.created_at,
        "run_id": version.run_id,
        "aliases": version.aliases,
        "is_latest": version.is_latest,
        "state": version.state,
        "checks": [
            {"suite": one.suite, "state": one.state, "failed": one.failed} for one in version.checks
        ],
    }


def version_document(
    version: VersionRecord,
    profile: Profile | None,
    reports: Sequence[SuiteReport],
    entries: Sequence[tuple[str, int]],
) -> dict[str, Any]:
    """Everything about a version, for programs."""
    return {
        **version_facts(version),
        "source": dict(version.source),
        "profile": None if profile is None else profile.to_json(),
        "reports": [one.to_json() for one in reports],
        "entries": [{"path": path, "size_bytes": count} for path, count in entries],
    }


def version_line(version: VersionRecord) -> str:
    """A version in a few words: ``flights@3: 84,194 rows, 16 columns, 1.2 MB``."""
    facts = [size(version.size_bytes)]
    if version.files != 1:
        facts.insert(0, f"{version.files:,} files")
    if version.rows is not None:
        facts.insert(0, f"{version.columns:,} column{'s' * (version.columns != 1)}")
        facts.insert(0, f"{version.rows:,} row{'s' * (version.rows != 1)}")
    return f"{version.ref}: {', '.join(facts)}"


def print_datasets(target: Console, datasets: Sequence[DatasetRecord]) -> None:
    """Show all datasets, newest state of each."""
    print_table(
        target,
        [
            "",
            "dataset",
            ("versions", _RIGHT),
            ("latest", _RIGHT),
            ("rows", _RIGHT),
            ("size", _RIGHT),
            "aliases",
            ("changed", _RIGHT),
        ],
        [
            (
                _state(one.state),
                one.name,
                f"{one.versions:,}",
                "none" if one.latest is None else str(one.latest),
                _count(one.rows),
                size(one.size_bytes),
                ", ".join(f"{alias} {version}" for alias, version in one.aliases.items()),
                age(one.updated_at),
            )
            for one in datasets
        ],
    )


def print_versions(target: Console, versions: Sequence[VersionRecord]) -> None:
    """Show the versions of a dataset, newest first."""
    print_table(
        target,
        [
            "",
            "version",
            "aliases",
            ("rows", _RIGHT),
            ("size", _RIGHT),
            ("made", _RIGHT),
            "by",
            ("", {"overflow": "ellipsis"}),
        ],
        [
            (
                _state(one.state),
                one.ref,
                ", ".join((*(["latest"] if one.is_latest else []), *one.aliases)),
                _count(one.rows),
                size(one.size_bytes),
                age(one.created_at),
                one.author,
                _remark(one),
            )
            for one in versions
        ],
    )


def print_version(
    target: Console,
    version: VersionRecord,
    profile: Profile | None,
    reports: Sequence[SuiteReport],
    entries: Sequence[tuple[str, int]],
) -> None:
    """Show one version."""
    from rich.text import Text

    names = ", ".join((*(["latest"] if version.is_latest else []), *version.aliases))
    target.print(Text.assemble((version_line(version), "bold"), "  ", (names, "magenta")))
    run = f"run {version.run_id[:8]}" if version.run_id else ""
    facts = [_origin(version), f"by {version.author}", age(version.created_at), run]
    target.print("   " + " · ".join(fact for fact in facts if fact), markup=False)
    target.print(f"   {version.digest}", markup=False, style="dim")
    if version.note:
        target.print(f"   {version.note}", markup=False)
    if reports:
        target.print()
        print_reports(target, reports)
    if profile is not None:
        target.print()
        _print_profile(target, profile)
    if version.is_tree:
        target.print()
        rows = [(path, size(count)) for path, count in entries[:_MOST_FILES]]
        print_table(target, ["file", ("size", _RIGHT)], rows)
        if len(entries) > _MOST_FILES:
            target.print(f"{len(entries) - _MOST_FILES:,} more files", style="dim")


def print_reports(target: Console, reports: Sequence[SuiteReport]) -> None:
    """Show what suites found: what failed in full, what passed as a number."""
    from rich.text import Text

    for report in reports:
        target.print(Text.assemble(_state(report.state), "  ", report.sentence))
        for one in report.checks:
            if one.state == "passed":
                continue
            mark = glyph("blocked" if one.severity == "block" else "warned")
            style = "bold red" if one.severity == "block" else ""
            target.print(Text.assemble("   ", mark, "  ", (one.sentence, style)))
            if one.sample is not None and one.sample.rows:
                _print_sample(target, one.sample, one.failed)


def print_diff(target: Console, diff: DatasetDiff) -> None:
    """Show how two versions differ."""
    for i, line in enumerate(repr(diff).splitlines()):
        target.print(line, markup=False, style="bold" if i == 0 else "")
    keyed = diff.keyed
    if keyed is not None and keyed.examples.rows:
        target.print()
        _print_cells(target, keyed.examples, _MOST_EXAMPLES)


def _print_profile(target: Console, profile: Profile) -> None:
    print_table(
        target,
        [
            "column",
            ("type", {"max_width": 24}),
            ("missing", _RIGHT),
            ("distinct", _RIGHT),
            ("min", {"max_width": 20, **_RIGHT}),
            ("median", {"max_width": 20, **_RIGHT}),
            ("max", {"max_width": 20, **_RIGHT}),
            ("most frequent", {"overflow": "ellipsis"}),
        ],
        [_column_row(one) for one in profile.columns[:_MOST_COLUMNS]],
    )
    if len(profile.columns) > _MOST_COLUMNS:
        left = len(profile.columns) - _MOST_COLUMNS
        target.print(f"{left:,} more columns; --json has all", style="dim")


def _column_row(column: ColumnProfile) -> Sequence[Any]:
    ordered = column.kind in ("number", "time")
    about = "~" if column.approximate else ""
    listed = [
        (value, n / column.count)
        for value, n in column.top[:3]
        if column.kind in ("category", "boolean") and n >= 0.01 * column.count
    ]
    return (
        column.name,
        column.type,
        f"{100 * column.missing_share:.3g}%" if column.missing else "",
        "" if column.distinct is None else f"{about}{column.distinct:,}",
        _value(column.min) if ordered else "",
        _value(column.quantiles.get("p50")) if ordered else "",
        _value(column.max) if ordered else "",
        ", ".join(f"{_value(value)} {share:.0%}" for value, share in listed),
    )


def _print_sample(target: Console, sample: Cells, failed: int) -> None:
    from rich.text import Text

    rows = [[_exact(value) for value in row] for row in sample.rows[:_MOST_SAMPLE]]
    widths = [
        min(40, max(len(name), *(len(row[i]) for row in rows)))
        for i, name in enumerate(sample.columns)
    ]
    for style, row in (("dim", list(sample.columns)), *(("", row) for row in rows)):
        cells = (cell[:width].ljust(width) for cell, width in zip(row, widths, strict=True))
        target.print(Text("      " + "  ".join(cells).rstrip(), style=style), soft_wrap=True)
    if failed > len(rows):
        target.print(Text(f"      and {failed - len(rows):,} more", style="dim"))


def _print_cells(target: Console, cells: Cells, most: int) -> None:
    rows = [[_exact(value) for value in row] for row in cells.rows[:most]]
    print_table(target, list(cells.columns), rows)


def _state(state: str | None) -> Any:
    return glyph(state) if state else ""


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return number(value)


def _exact(value: Any) -> str:
    """Evidence: as it is, not rounded."""
    return "" if value is None else str(value)


def _remark(version: VersionRecord) -> str:
    failed = [f"{one.suite} {one.state}" for one in version.checks if one.state != "passed"]
    return ", ".join([*failed, version.note] if version.note else failed)


def _origin(version: VersionRecord) -> str:
    """Where it came from, in a few words."""
    for kind, value in version.source.items():
        text = " ".join(str(value).split())
        return f"from {kind} {text if len(text) <= 60 else text[:59] + '…'}"
    return ""
