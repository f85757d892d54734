"""``mlops-lab sql``: read-only SQL over the project's tables."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from mlops_lab.cli.command import LabCommand, Session, pass_session
from mlops_lab.cli.output import console, print_table, say, write_json
from mlops_lab.errors import InvalidInput

if TYPE_CHECKING:
    from mlops_lab.store.sandbox import SqlResult

__all__ = ["sql"]

_WIDEST = 60


@click.command(
    cls=LabCommand,
    examples=[
        ('mlops-lab sql "select name, status from runs"', "one query"),
        ("mlops-lab sql - < report.sql", "from a file"),
        ("mlops-lab sql \"from metrics where key = 'auc'\" --json", "for programs"),
    ],
)
@click.argument("query")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="How many rows at most.",
)
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0.1, 3600), default=30.0, show_default=True,
    metavar="SECONDS", help="When to give up.",
)  # fmt: skip
@pass_session
def sql(session: Session, query: str, limit: int, timeout_s: float) -> int:
    """Ask with one read-only query in DuckDB's SQL; `-` reads it from stdin.

    Of runs: runs, params, metrics, history, tags, artifacts, cells, notes, inputs, gates,
    experiments. Of data: datasets, dataset_versions. Of models: models, model_versions,
    model_aliases, model_alias_history, logged_models, judgements, approvals. Of all: lineage with
    nodes and edges, decisions. `describe runs` lists the columns of one.

    Times are UTC. The query sees nothing else: no files, no network.
    """
    from mlops_lab.store.sandbox import run_sql_in_child

    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise InvalidInput("The query is empty; such as: select name, status from runs")
    result = run_sql_in_child(session.project().store, text, timeout_s=timeout_s, max_rows=limit)
    names = [str(name) for name in result.columns]
    rows = _rows(result)
    if session.as_json:
        write_json(
            {
                "columns": names,
                "rows": [list(row) for row in rows],
                "truncated": result.truncated,
            }
        )
        return 0
    target = console()
    cells = [[_cell(value, cut=target.is_terminal) for value in row] for row in rows]
    numeric = [
        all(isinstance(row[i], int | float | None) for row in rows) for i in range(len(names))
    ]
    columns = [
        (name, {"justify": "right" if is_number and rows else "left"})
        for name, is_number in zip(names, numeric, strict=True)
    ]
    print_table(target, columns, cells)
    if result.truncated:
        say(f"The first {len(rows):,} rows; --limit shows more.", err=True)
    return 0


def _rows(result: SqlResult) -> list[tuple[Any, ...]]:
    columns = [column.to_pylist() for column in result.arrow.columns]
    return list(zip(*columns, strict=True))


def _cell(value: Any, *, cut: bool) -> str:
    text = "" if value is None else str(value)
    one_line = " ".join(text.split()) if "\n" in text else text
    return one_line[: _WIDEST - 1] + "…" if cut and len(one_line) > _WIDEST else one_line
