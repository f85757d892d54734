"""``mlops-lab audit``: what was decided, by whom, and whether the log still says so."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from mlops_lab.cli.command import LabGroup, Session, pass_session
from mlops_lab.cli.output import age, console, glyph, print_table, say, write_json

__all__ = ["audit"]

_SPAN = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class _Since(click.ParamType[datetime]):
    """A time: a date, or how long ago."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from mlops_lab.expressions.dates import parse_date_us

        if isinstance(value, datetime):
            return value
        span = _SPAN.fullmatch(value.strip())
        try:
            if span:
                ago = timedelta(seconds=int(span[1]) * _SECONDS[span[2]])
                return datetime.now(UTC) - ago
            return datetime.fromtimestamp(parse_date_us(value) / 1e6, UTC)
        except (ValueError, OverflowError, OSError):
            self.fail(f"{value!r} is no time: 7d, 12h, or a date such as 2026-11-01.", param, ctx)


@click.group(
    cls=LabGroup,
    examples=[
        ("mlops-lab audit show --kind model --since 7d", "what became of models this week"),
        ("mlops-lab audit verify", "was the log changed after it was written?"),
    ],
)
def audit() -> None:
    """Read what was decided, and check that nobody has changed it."""


@audit.command(
    examples=[
        ("mlops-lab audit show", "the newest 20 decisions"),
        ("mlops-lab audit show --kind model.approve --by ivo", "what somebody approved"),
        ("mlops-lab audit show --since 2026-11-01 -n 1000", "all of a month"),
    ]
)
@click.option(
    "--kind", metavar="KIND", help="Such as model.approve, or model for all of its kinds."
)
@click.option("--by", metavar="NAME", help="Whose decisions.")
@click.option("--since", type=_Since(), metavar="TIME", help="Such as 7d, 12h or 2026-11-01.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@pass_session
def show(
    session: Session, kind: str | None, by: str | None, since: datetime | None, limit: int
) -> int:
    """Show decisions as sentences, the newest first."""
    from mlops_lab.governance.audit import count, entries

    project = session.project()
    project.access.require(project.identity, "decisions:read")
    found = entries(project.store, kind=kind, by=by, since=since, limit=limit)
    total = count(project.store, kind=kind, by=by, since=since)
    if session.as_json:
        write_json({"decisions": found, "total": total})
        return 0
    if not found:
        chosen = kind or by or since
        say("No decision matches." if chosen else "Nothing has been decided yet.")
        return 0
    print_table(
        console(),
        [
            ("n", {"justify": "right"}),
            ("age", {"justify": "right"}),
            ("decision", {"no_wrap": False}),
        ],
        [(str(entry.n), age(entry.at), entry.sentence) for entry in found],
    )
    if total > len(found):
        console().print(f"{limit} of {total:,} decisions; -n shows more", style="dim")
    return 0


@audit.command(
    examples=[
        ("mlops-lab audit verify", "exit code 5 when a line was changed, removed or moved"),
        ("mlops-lab audit verify --json", "for programs"),
    ]
)
@pass_session
def verify(session: Session) -> int:
    """Check that every decision still is what was written.

    A line that was changed, removed, added or moved is named, and the exit code is 5. The lines are
    chained, not signed: who may write the project's files can write a new line that fits, or the
    whole log anew together with its index, and neither is seen.
    """
    from mlops_lab.governance.audit import count
    from mlops_lab.governance.audit import verify as verify_log

    project = session.project()
    project.access.require(project.identity, "decisions:read")
    faults = verify_log(project.store)
    total = count(project.store)
    if session.as_json:
        write_json({"decisions": total, "faults": faults})
    elif not faults:
        say(f"Every line follows from the one before: {total:,} decisions.")
        say("That shows changes, not who wrote a line: the lines are chained, not signed.")
    else:
        print_table(
            console(),
            ["", ("line", {"justify": "right"}), ("what", {"no_wrap": False})],
            [
                (glyph("warning" if fault.torn else "failed"), str(fault.line), fault.message)
                for fault in faults
            ],
        )
        if any(not fault.torn for fault in faults):
            say(
                "Until the log is put right from a backup, nothing is promoted. "
                "Reading and logging go on."
            )
    return 5 if faults else 0
