"""``mlops-lab model score``: a whole table through a model, in bounded memory."""

from __future__ import annotations

from dataclasses import asdict

import click

from mlops_lab.cli.bar import bar
from mlops_lab.cli.command import LabCommand, Session, pass_session
from mlops_lab.cli.output import duration, say, shown, write_json

__all__ = ["score"]


@click.command(
    cls=LabCommand,
    examples=[
        ("mlops-lab model score flight-delay@champion flights@4 scores.parquet", "into a file"),
        ("mlops-lab model score flight-delay@6 march.csv dataset:scores", "into a dataset"),
        (
            "mlops-lab model score late@2 \"from 'trips/*.parquet' where day > 3\" s.parquet",
            "SQL: what to score",
        ),
    ],
)
@click.argument("ref", metavar="NAME[@VERSION]")
@click.argument("source", metavar="DATA")
@click.argument("target", metavar="TARGET")
@click.option(
    "--keep",
    multiple=True,
    metavar="COLUMN",
    help="Write only this column of DATA beside the answers.  Repeatable.  [default: all]",
)
@click.option("--keep-none", is_flag=True, help="Write the answers alone.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="COLUMN",
    help="Of a model that takes an array: a column of its own, in order.  Repeatable.",
)
@click.option(
    "--backend",
    type=click.Choice(["auto", "sklearn", "onnx"]),
    default="auto",
    show_default=True,
    help="What runs the model; auto chooses as an endpoint does.",
)
@click.option("--run-id", hidden=True, metavar="ID", help="The id that the run should have.")
@pass_session
def score(
    session: Session,
    ref: str,
    source: str,
    target: str,
    keep: tuple[str, ...],
    keep_none: bool,
    columns: tuple[str, ...],
    backend: str,
    run_id: str | None,
) -> int:
    """Score all rows of DATA with a model, and write them to TARGET.

    DATA is a dataset's version, a file or folder, or SQL. TARGET is a .parquet file, or
    dataset:NAME, which gets a version with its lineage. It takes a bounded amount of memory.
    """
    from mlops_lab.orchestration.executor import process_facts

    if keep and keep_none:
        raise click.UsageError("--keep names what to write, --keep-none writes none of it.")
    project = session.project()
    with bar(session, "scoring", count="rows", then="writing") as progress:
        scored = project.scorer.score(
            ref,
            source,
            target,
            columns=columns or None,
            keep=() if keep_none else keep or None,
            backend=backend,
            run_id=run_id,
            facts=process_facts(),
            progress=progress,
        )
    if session.as_json:
        write_json(asdict(scored) | {"path": None if scored.path is None else str(scored.path)})
        return 0
    where = shown(scored.path) if scored.path is not None else scored.dataset
    say(f"{scored.model} scored {scored.rows:,} rows into {where} ({duration(scored.duration_s)}).")
    return 0
