"""``mlops-lab alert``: what monitors found, and what is decided about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mlops_lab.cli.command import LabGroup, Session, pass_session
from mlops_lab.cli.output import age, console, number, print_table, say, write_json

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_lab.monitoring.alerts import AlertRecord

__all__ = ["alert", "print_alerts"]

_COMMENT = "Why, in a sentence; kept in the decision log."
_MESSAGE = ("-m", "--comment", "comment")


@click.group(
    cls=LabGroup,
    examples=[
        ("mlops-lab alert list", "what is open, the most pressing first"),
        ("mlops-lab alert show 3f0a9c2e", "why, and what was decided"),
        ('mlops-lab alert acknowledge 3f0a9c2e -m "looking into it"', "say that you do"),
    ],
)
def alert() -> None:
    """Look at alerts and settle them."""


@alert.command(
    name="list",
    examples=[
        ("mlops-lab alert list", "all that are not resolved"),
        ("mlops-lab alert list --status all --monitor delay", "all of a monitor"),
    ],
)
@click.option(
    "--status",
    type=click.Choice(["open", "all", "acknowledged", "muted", "resolved"]),
    default="open",
    show_default=True,
    help="open is whatever is not resolved.",
)
@click.option("--monitor", metavar="NAME", help="Only this monitor's.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@pass_session
def list_(session: Session, status: str, monitor: str | None, limit: int) -> int:
    """List alerts, the most pressing first."""
    from mlops_lab.monitoring.pages import alerts_page

    monitors = session.project().monitors
    found = monitors.alerts(status=status, monitor=monitor)
    if session.as_json:
        write_json(alerts_page(found[:limit], len(monitors.waiting())))
        return 0
    if not found:
        say("Nothing alarms." if status in ("open", "all") else f"No alert is {status}.")
        return 0
    print_alerts(console(), found[:limit])
    if len(found) > limit:
        say(f"and {len(found) - limit:,} more: -n {len(found)}")
    return 0


@alert.command(examples=[("mlops-lab alert show 3f0a9c2e", "any unique prefix of its id")])
@click.argument("id", metavar="ALERT")
@pass_session
def show(session: Session, id: str) -> int:
    """Show an alert: why it was raised, what was like it, what was decided."""
    from rich.text import Text

    from mlops_lab.cli.monitor import state_glyph
    from mlops_lab.monitoring.pages import alert_page

    detail = session.project().monitors.detail(id)
    if session.as_json:
        write_json(alert_page(detail))
        return 0
    one, target = detail.record, console()
    target.print(Text.assemble(state_glyph(one.severity), "  ", (one.sentence, "bold")))
    facts = [one.status, one.monitor, one.label, f"opened {age(one.opened_at)}"]
    facts += [f"impact {number(one.impact)}"] if one.impact is not None else []
    facts += [f"until {one.muted_until:%Y-%m-%d %H:%M} UTC"] if one.status == "muted" else []
    target.print(f"   {' · '.join(facts)}", markup=False, style="dim")
    for section in detail.sections:
        target.print()
        target.print(section.title, markup=False, style="dim")
        for line in section.lines:
            target.print(f" {line}", markup=False)
    if detail.similar:
        target.print()
        target.print("the same cause before", style="dim")
        print_alerts(target, detail.similar)
    target.print()
    target.print("what happened", style="dim")
    print_table(
        target,
        ["", "", "", ("", {"overflow": "ellipsis"})],
        [
            (f"{event.at:%Y-%m-%d %H:%M}", event.by or "", event.what, event.comment)
            for event in detail.history
        ],
    )
    if not one.is_over:
        verb = "acknowledge" if one.status == "open" else "resolve"
        line = f'   mlops-lab alert {verb} {one.id[:8]} -m "…"'
        target.print(line, markup=False, style="dim")
    return 0


@alert.command(
    examples=[('mlops-lab alert acknowledge 3f0a9c2e -m "the new timetable"', "you look after it")]
)
@click.argument("id", metavar="ALERT")
@click.option(*_MESSAGE, default="", help=_COMMENT)
@pass_session
def acknowledge(session: Session, id: str, comment: str) -> int:
    """Say that you look after an alert: it waits for nobody, unless it gets worse."""
    return _done(session, session.project().monitors.acknowledge(id, comment))


@alert.command(
    examples=[
        ("mlops-lab alert mute 3f0a9c2e 7d", "for a week"),
        ('mlops-lab alert mute 3f0a9c2e 2026-12-24 -m "the sensor"', "until a day"),
    ]
)
@click.argument("id", metavar="ALERT")
@click.argument("until", metavar="UNTIL")
@click.option(*_MESSAGE, default="", help=_COMMENT)
@pass_session
def mute(session: Session, id: str, until: str, comment: str) -> int:
    """Have an alert say nothing UNTIL a time: 7d, 12h, 2w, or a date."""
    return _done(session, session.project().monitors.mute(id, until, comment))


@alert.command(examples=[('mlops-lab alert resolve 3f0a9c2e -m "mended"', "it is over")])
@click.argument("id", metavar="ALERT")
@click.option(*_MESSAGE, default="", help=_COMMENT)
@pass_session
def resolve(session: Session, id: str, comment: str) -> int:
    """Say that an alert is over; it comes back when a later chunk alarms."""
    return _done(session, session.project().monitors.resolve(id, comment))


@alert.command(examples=[('mlops-lab alert reopen 3f0a9c2e -m "it was not"', "take it back")])
@click.argument("id", metavar="ALERT")
@click.option(*_MESSAGE, default="", help=_COMMENT)
@pass_session
def reopen(session: Session, id: str, comment: str) -> int:
    """Take back that an alert was resolved, acknowledged or muted."""
    return _done(session, session.project().monitors.reopen(id, comment))


def print_alerts(target: Console, found: Sequence[AlertRecord]) -> None:
    """A line for each alert."""
    from mlops_lab.cli.monitor import state_glyph

    print_table(
        target,
        ["", "alert", "monitor", "since", "status", ("impact", {"justify": "right"}), ""],
        [
            (
                state_glyph(one.severity),
                one.id[:8],
                one.monitor,
                one.label,
                one.status,
                number(one.impact),
                one.sentence,
            )
            for one in found
        ],
    )


def _done(session: Session, record: AlertRecord) -> int:
    from mlops_lab.monitoring.pages import alert_row

    if session.as_json:
        write_json(alert_row(record))
    else:
        until = f" until {record.muted_until:%Y-%m-%d %H:%M} UTC" if record.muted_until else ""
        say(f"{record.id[:8]} is {record.status}{until}: {record.sentence}")
    return 0
