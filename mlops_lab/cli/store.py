"""``mlops-lab store``: look after what the project keeps on disk."""

from __future__ import annotations

import click

from mlops_lab.cli.command import LabGroup, Session, pass_session
from mlops_lab.cli.output import age, console, glyph, print_table, say, shown, size, write_json

__all__ = ["store"]


@click.group(
    cls=LabGroup,
    examples=[
        ("mlops-lab store status", "how much there is"),
        ("mlops-lab store verify", "is every byte what was written?"),
        ("mlops-lab store gc", "what is no longer needed by anything?"),
    ],
)
def store() -> None:
    """Look after what the project keeps on disk."""


@store.command(examples=[("mlops-lab store status", "sizes, writers, what waits to be folded")])
@pass_session
def status(session: Session) -> int:
    """Show how much the store holds and how the index is doing."""
    from datetime import UTC, datetime, timedelta

    now = session.project().store.status()
    if session.as_json:
        write_json(now)
        return 0
    set_aside = f"{now.rejected:,} set aside" if now.rejected else "none set aside"
    strange = f", {now.newer:,} of a newer program" if now.newer else ""
    folded = age(datetime.now(UTC) - timedelta(seconds=now.age_s)) if now.age_s < 1e9 else "never"
    rows = [
        ("store", f"{shown(now.path)}{'  (read-only)' if now.read_only else ''}"),
        ("writers", f"{now.writers_alive} alive now"),
        (
            "journals",
            f"{now.journals:,} file{'s' * (now.journals != 1)}, {size(now.journal_bytes)}",
        ),
        ("lines", f"{now.lines:,} folded, {set_aside}{strange}"),
        ("not folded", size(now.unfolded_bytes)),
        ("decisions", f"{now.decisions:,}"),
        ("index", f"{now.index.name}, {size(now.index_bytes)}, complete {folded}"),
        ("locks", now.locks or ("on " + now.network if now.network else "work")),
    ]
    print_table(console(), [("", {"style": "dim"}), ""], rows)
    return 0


@store.command(
    examples=[
        ("mlops-lab store fold", "bring the index up to date"),
        ("mlops-lab store fold --rebuild", "make it again from the journals"),
    ]
)
@click.option(
    "--rebuild", is_flag=True, help="Throw the index away first. Nothing is lost: it is a copy."
)
@pass_session
def fold(session: Session, rebuild: bool) -> int:
    """Bring the index up to date. Readers do this by themselves."""
    kept = session.project().store
    report = kept.rebuild() if rebuild else kept.fold(wait_s=10.0, force=True)
    if session.as_json:
        write_json(report)
        return 0
    tail = f", {report.rejected:,} set aside" if report.rejected else ""
    if report.missed:
        say("Another process is folding; the index will be up to date without us.")
    else:
        say(f"{report.lines:,} line{'s' * (report.lines != 1)} moved into the index{tail}.")
    return 0


@store.command(examples=[("mlops-lab store verify", "reads everything: minutes for large stores")])
@pass_session
def verify(session: Session) -> int:
    """Check the chain of decisions, the bytes of every object, and what was set aside.

    The exit code is 5 when something is not as it was written.
    """
    problems = session.project().store.verify()
    if session.as_json:
        write_json({"problems": problems})
    elif not problems:
        say("Everything is as it was written: decisions, objects, journals.")
    else:
        print_table(
            console(),
            ["", "where", ("what", {"no_wrap": False})],
            [(glyph("failed"), one.where, one.message) for one in problems],
        )
    return 5 if problems else 0


_SHOWN = 20


@store.command(
    examples=[
        ("mlops-lab store gc", "what could go, and how much that is; nothing happens to it"),
        ("mlops-lab store gc --apply", "move it into .mlops/trash, empty what is a week old"),
    ]
)
@click.option("--apply", is_flag=True, help="Do it. Without, it is only said.")
@click.option(
    "--older-than",
    type=click.FloatRange(min=1.0),
    default=14.0,
    show_default=True,
    metavar="DAYS",
    help="Leave what is younger; it may be on its way into a version.",
)
@pass_session
def gc(session: Session, apply: bool, older_than: float) -> int:
    """Find the objects that nothing needs, and with --apply move them into the trash.

    What a version, a run or a model needs stays, and so does what was deleted less than 14 days
    ago.
    """
    project = session.project()
    if apply:
        project.access.require(project.identity, "store:collect")
    report = project.store.collect(apply=apply, older_than_s=older_than * 86_400)
    if session.as_json:
        write_json(report)
        return 0
    if report.items:
        print_table(
            console(),
            [("size", {"justify": "right"}), ("object", {}), ("what", {"no_wrap": False})],
            [
                (size(one.size_bytes), one.digest[:15], one.what or "nothing speaks of it")
                for one in report.items[:_SHOWN]
            ],
        )
        if len(report.items) > _SHOWN:
            say(f"… and {len(report.items) - _SHOWN:,} more")
    n = len(report.items)
    what = f"{n:,} object{'s' * (n != 1)}, {size(report.size_bytes)}"
    kept = f"{report.kept:,} stay ({size(report.kept_bytes)})"
    young = f", {report.young:,} of them only for being young" if report.young else ""
    if not n:
        say(f"Nothing to collect: {kept}{young}.")
    elif apply:
        say(f"Moved {what} into {shown(report.trash or '')}; {kept}{young}.")
    else:
        say(f"{what} could go; {kept}{young}. To do it: mlops-lab store gc --apply")
    if report.emptied_bytes:
        say(f"Deleted {size(report.emptied_bytes)} that had been in the trash for a week.")
    return 0
