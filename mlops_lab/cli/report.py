"""``mlops-lab report``: one HTML file of runs, models, data, monitors and files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from mlops_lab.cli.command import LabCommand, Session, pass_session
from mlops_lab.cli.output import say, size, write_json
from mlops_lab.errors import InvalidInput

__all__ = ["report"]


@click.command(
    cls=LabCommand,
    examples=[
        ("mlops-lab report a1b2c3d4 -o run.html", "a run; of a pipeline run also its gates"),
        ("mlops-lab report flight-delay@champion dataset:flights -o review.html", "several"),
        ("mlops-lab report monitor:delay -o drift.html --title 'Week 17'", "the last look"),
        ("mlops-lab report pipeline:flight-delay -o run.html --code", "its last run, with code"),
    ],
)
@click.argument("what", nargs=-1, required=True, metavar="WHAT...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="F.html",
    help="The file to write; one that is there is replaced.",
)
@click.option("--title", metavar="TEXT", help="What stands above it.  [default: the first item's]")
@click.option("--code", is_flag=True, help="Show the code of notebooks beside their outputs.")
@click.option("--run-id", hidden=True, help="The run that was scheduled for this.")
@pass_session
def report(
    session: Session,
    what: Sequence[str],
    output: Path | None,
    title: str | None,
    code: bool,
    run_id: str | None,
) -> int:
    """Write a report: one HTML file that opens anywhere, without a network and without a kernel.

    WHAT is a run's id, NAME@VERSION of a model or dataset, run:ID, model:NAME@VERSION,
    dataset:NAME@VERSION, monitor:NAME, alert:ID, pipeline:NAME for its last run, or a file such as
    an executed notebook. The exit code is 1 when something in it could not be shown.
    """
    from mlops_lab.reports.references import resolve_loosely
    from mlops_lab.reports.report import write_report
    from mlops_lab.reports.writer import Options

    project = session.project()
    if run_id is not None:
        from mlops_lab.reports.background import report_as_run

        page = report_as_run(project, what, run_id=run_id, title=title, code=code)
        for problem in page.problems:
            say(problem)
        return 0
    if output is None:
        raise InvalidInput("Say where the report goes: -o report.html")
    things = [resolve_loosely(project, one) for one in what]
    made = write_report(things, output, Options(project, code), title=title)
    for problem in made.problems:
        say(problem)
    if session.as_json:
        write_json(
            {
                "path": str(made.path),
                "title": made.title,
                "size_bytes": made.size_bytes,
                "problems": list(made.problems),
            }
        )
    else:
        say(f"{made.path}  {size(made.size_bytes)}")
    return 1 if made.problems else 0
