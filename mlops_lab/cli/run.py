"""``mlops-lab run``: find runs, show one, settle them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from mlops_lab.cli.command import LabGroup, Session, pass_session
from mlops_lab.cli.output import age, console, duration, glyph, number, print_table, say, write_json
from mlops_lab.cli.run_page import print_run, run_document, run_facts
from mlops_lab.errors import Conflict, NotFound

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_lab.project import Project
    from mlops_lab.tracking.goals import Goal
    from mlops_lab.tracking.records import RunRecord
    from mlops_lab.tracking.rows import RowFacts

__all__ = ["run", "show_run"]


@click.group(
    cls=LabGroup,
    examples=[
        ('mlops-lab run list "best(auc) > 0.7"', "find runs"),
        ("mlops-lab run best auc", "the best one by a metric"),
        ("mlops-lab run show a1b2c3d4", "everything about one"),
    ],
)
def run() -> None:
    """Find, show and settle runs."""


@run.command(
    name="list",
    examples=[
        ("mlops-lab run list", "the newest 20"),
        ("mlops-lab run list \"status = 'failed' and started > now - 7d\"", "last week's failures"),
        ('mlops-lab run list --order-by "best(auc) desc" -n 5', "the best five"),
    ],
)
@click.argument("where", metavar="[WHERE]", required=False)
@click.option(
    "--order-by", metavar="EXPRESSION", help="Such as 'best(auc) desc'.  [default: newest first]"
)
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("-a", "--all", "every", is_flag=True, help="Child runs as well.")
@click.option("--deleted", is_flag=True, help="The deleted ones instead.")
@pass_session
def list_(
    session: Session,
    where: str | None,
    order_by: str | None,
    limit: int,
    every: bool,
    deleted: bool,
) -> int:
    """List runs; WHERE is an expression such as best(auc) > 0.7 and params.seed = 3."""
    from mlops_lab.tracking.records import ANY

    project = session.project()
    page = project.runs.search(
        where, order_by=order_by, limit=limit, parent=ANY if every else None, deleted=deleted
    )
    rows = _rows(project, page.items)
    if session.as_json:
        write_json({"runs": [_row_document(row) for row in rows], "total": page.total})
        return 0
    if not rows:
        say(
            "No run matches."
            if where
            else "No runs yet: start one in a notebook, or `mlops-lab demo`."
        )
        return 0
    from mlops_lab.tracking.rows import list_goal

    goal = list_goal(rows, project.settings.goals)
    target = console()
    _print_rows(target, rows, goal)
    if page.total > len(rows):
        target.print(f"{len(rows)} of {page.total:,}; -n shows more", style="dim")
    return 0


@run.command(examples=[("mlops-lab run show a1b2c3d4", "any unique prefix of the id")])
@click.argument("run_id", metavar="RUN")
@pass_session
def show(session: Session, run_id: str) -> int:
    """Show one run: params, metrics, steps, gates, artifacts, and why it ended."""
    return show_run(session, run_id)


def show_run(session: Session, run_id: str) -> int:
    """What ``run show`` does."""
    project = session.project()
    record = project.runs.get(run_id)
    if session.as_json:
        write_json(run_document(project, record))
    else:
        print_run(console(), project, record)
    return 0


@run.command(
    examples=[
        ("mlops-lab run best auc", "by its goal: highest"),
        ("mlops-lab run best log_loss \"experiment = 'flight-delay'\"", "among some"),
    ]
)
@click.argument("metric")
@click.argument("where", metavar="[WHERE]", required=False)
@pass_session
def best(session: Session, metric: str, where: str | None) -> int:
    """Show the run with the best value of METRIC.

    Best is what mlops.toml says in [goals]; without a goal it is guessed from the name.
    """
    from mlops_lab.tracking.goals import goal_of_metric
    from mlops_lab.tracking.records import ANY

    project = session.project()
    goal = goal_of_metric(metric, project.settings.goals)
    value = f"best(`{metric}`)" if "`" not in metric else f"best({metric})"
    has = f"{value} is not null"
    direction = "asc" if goal.direction == "min" else "desc"
    page = project.runs.search(
        f"({where}) and {has}" if where else has,
        order_by=f"{value} {direction}",
        limit=1,
        parent=ANY,
    )
    if not page.items:
        among = f" among those with {where}" if where else ""
        raise NotFound(f"No run has the metric {metric!r}{among}.")
    record = page.items[0]
    if session.as_json:
        write_json(run_document(project, record))
        return 0
    guess = " (guessed; [goals] in mlops.toml decides)" if goal.guessed else ""
    low = "lowest" if goal.direction == "min" else "highest"
    say(f"Best {metric} of {page.total:,} run{'s' * (page.total != 1)}, the {low}{guess}:")
    say()
    print_run(console(), project, record)
    return 0


@run.command(
    examples=[
        ("mlops-lab run close a1b2c3d4", "killed: nobody will end it any more"),
        ("mlops-lab run close a1b2c3d4 --status finished", "it did finish"),
    ]
)
@click.argument("run_id", metavar="RUN")
@click.option(
    "--status",
    type=click.Choice(["killed", "finished", "failed"]),
    default="killed",
    show_default=True,
)
@pass_session
def close(session: Session, run_id: str, status: Any) -> int:
    """End a run that nobody will end any more, such as one that came from another machine.

    To stop a pipeline that is running: mlops-lab pipeline cancel.
    """
    project = session.project()
    record = project.runs.get(run_id)
    process = project.pipelines.process_of(record.id)
    if process is not None:
        # Closed, it would go on all the same, and nobody could cancel it any more.
        raise Conflict(
            f"{record.name} is running in process {process}; "
            f"`mlops-lab pipeline cancel {record.id[:8]}` stops it."
        )
    project.runs.close(record.id, status)
    if session.as_json:
        write_json({"run_id": record.id, "status": status})
    else:
        say(f"{record.name} ({record.id[:8]}) is {status}.")
    return 0


@run.command(
    examples=[
        ("mlops-lab run delete a1b2c3d4 b2c3d4e5", "several; `run restore` brings them back"),
    ]
)
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True)
@pass_session
def delete(session: Session, run_ids: Sequence[str]) -> int:
    """Delete runs with their child runs. Nothing is thrown away: `run restore` brings them back."""
    project = session.project()
    records = [project.runs.get(one) for one in run_ids]
    deleted = project.runs.delete([record.id for record in records])
    if session.as_json:
        write_json({"deleted": deleted})
        return 0
    say(f"Deleted {_told(records, deleted)}.")
    say(
        f"`mlops-lab run restore {' '.join(record.id[:8] for record in records)}` brings them back."
    )
    return 0


@run.command(examples=[("mlops-lab run restore a1b2c3d4", "with its child runs")])
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True)
@pass_session
def restore(session: Session, run_ids: Sequence[str]) -> int:
    """Bring deleted runs back, with their child runs."""
    project = session.project()
    records = [project.runs.get(one) for one in run_ids]
    restored = project.runs.restore([record.id for record in records])
    gone = [
        artifact.path
        for run_id in restored
        for artifact in project.runs.artifacts(run_id)
        if not project.store.objects.exists(artifact.digest)
    ]
    if session.as_json:
        write_json({"restored": restored, "gone": gone})
        return 0
    say(f"Restored {_told(records, restored)}.")
    if gone:
        names = ", ".join(gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
        say(
            f"Without {names}: `mlops-lab store gc` has taken what deleted runs had kept. "
            "For 7 days after that the bytes are in .mlops/trash."
        )
    return 0


def _told(records: Sequence[RunRecord], settled: Sequence[str]) -> str:
    names = ", ".join(f"{record.name} ({record.id[:8]})" for record in records)
    below = len(settled) - len({record.id for record in records})
    children = "" if below < 1 else f" and {below} child run{'s' * (below != 1)}"
    return names + children


def _rows(project: Project, records: Sequence[RunRecord]) -> list[RowFacts]:
    from mlops_lab.tracking.rows import read_rows

    with project.store.read() as cursor:
        return read_rows(cursor, records, project.settings.goals)


def _print_rows(target: Console, rows: Sequence[RowFacts], goal: Goal | None) -> None:
    def value(row: RowFacts) -> str:
        metric = row.metric(goal.key) if goal is not None else None
        return number(metric.last) if metric is not None else ""

    arrow = {"max": "↑", "min": "↓"}
    name = f"{goal.key} {arrow[goal.direction]}" if goal is not None else ""
    print_table(
        target,
        [
            "",
            ("run", {"min_width": 12}),
            ("id", {"min_width": 8}),
            "experiment",
            (name, {"justify": "right"}),
            ("took", {"justify": "right"}),
            ("started", {"justify": "right"}),
            ("", {"overflow": "ellipsis"}),
        ],
        [
            (
                glyph(row.record.status, row.record.outcome),
                f"{row.record.name}{' ★' if row.record.starred else ''}",
                row.record.id[:8],
                row.record.experiment,
                value(row),
                duration(row.record.duration_s),
                age(row.record.started_at),
                _why(row.record),
            )
            for row in rows
        ],
    )


def _why(record: RunRecord) -> str:
    if record.outcome:
        return f"gates {record.outcome}"
    if record.reason:
        return record.reason.splitlines()[0]
    return "" if record.status == "finished" else record.status


def _row_document(row: RowFacts) -> dict[str, Any]:
    return {
        **run_facts(row.record),
        "params": dict(row.params),
        "metrics": {metric.key: metric.last for metric in row.metrics},
        "tags": dict(row.tags),
    }
