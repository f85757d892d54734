"""``mlops-lab monitor``: check whether it is still true, here, in CI, or for a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_lab.cli.ci import check_writable, for_ci, write_for_ci
from mlops_lab.cli.command import LabGroup, Session, pass_session
from mlops_lab.cli.output import Column, age, console, glyph, number, print_table, say, write_json

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_lab.monitoring.results import Check, MonitorRecord

__all__ = ["monitor", "state_glyph"]

_GLYPHS = {"warn": "warning", "alert": "failed", "quality": "blocked", "small": "skipped"}
_GLYPHS |= {"never": "scheduled", "invalid": "failed", "info": "hint"}


@click.group(
    cls=LabGroup,
    examples=[
        ("mlops-lab monitor list", "how all of them stand"),
        ("mlops-lab monitor check delay", "look at the data now"),
        ("mlops-lab monitor show delay", "what the last check saw"),
    ],
)
def monitor() -> None:
    """Watch data and models: is it still true?"""


@monitor.command(
    examples=[
        ("mlops-lab monitor check delay", "exit code 1 while an alert waits for somebody"),
        ("mlops-lab monitor check delay --fail-on warn", "or a warning"),
        ("mlops-lab monitor check delay --junit delay.xml --summary out.md", "in CI"),
    ]
)
@click.argument("name")
@click.option(
    "--fail-on",
    type=click.Choice(["alert", "warn", "never"]),
    default="alert",
    show_default=True,
    help="From which severity on an open alert of this monitor makes the exit code 1.",
)
@for_ci("open alerts and columns")
@click.option("--run-id", hidden=True, metavar="ID", help="The id that the run should have.")
@pass_session
def check(
    session: Session,
    name: str,
    fail_on: str,
    junit: Path | None,
    summary: Path | None,
    run_id: str | None,
) -> int:
    """Look at the data of the monitor NAME now, and open, change and end its alerts.

    The exit code is 0 when no alert of it waits for somebody, 1 when one does, 2 when its file has
    faults or its data is not there. An alert that was acknowledged, muted or resolved does not
    fail a check.
    """
    from mlops_lab.orchestration.monitoring import check_as_run

    project = session.project()
    check_writable(junit, summary)
    target = console(stderr=session.as_json)
    with _Shown(target) as shown:
        found = check_as_run(
            project.monitors, project.runs, project.access, name, run_id=run_id, progress=shown
        )
    try:
        if session.as_json:
            write_json(_as_json(found, fail_on))
        else:
            _show_check(target, found)
    finally:
        # Whatever became of the terminal: programs wait for these.
        from mlops_lab.monitoring import summary as texts

        write_for_ci(
            junit,
            lambda: texts.junit(found, fail_on),
            summary,
            lambda: texts.markdown(found),
        )
    return 1 if found.failing(fail_on) else 0


@monitor.command(name="list", examples=[("mlops-lab monitor list", "all below monitors/")])
@pass_session
def list_(session: Session) -> int:
    """List the monitors as they stand, with what is wrong in their files."""
    from mlops_lab.monitoring.pages import monitors_page

    records = session.project().monitors.list()
    if session.as_json:
        write_json(monitors_page(records))
        return 0
    if not records:
        say(
            "No monitors yet: they are YAML files below monitors/. "
            "lab.drift(…).monitor_yaml() drafts one."
        )
        return 0
    right = {"justify": "right"}
    print_table(
        console(),
        ["", "monitor", "checked", ("alerts", right), "next", ("", {"overflow": "ellipsis"})],
        [
            (
                state_glyph(one.state),
                one.name,
                age(one.last.at) if one.last else "never",
                str(one.open_alerts) if one.open_alerts else "–",
                f"{one.next_at:%a %H:%M} UTC" if one.next_at else "–",
                one.sentence,
            )
            for one in records
        ],
    )
    for one in records:
        for fault in one.file.faults:
            say(str(fault))
    return 0


@monitor.command(
    examples=[
        ("mlops-lab monitor show delay", "the last check, and what is open"),
        ("mlops-lab monitor show delay --json", "all of it, for programs"),
    ]
)
@click.argument("name")
@pass_session
def show(session: Session, name: str) -> int:
    """Show how the monitor NAME stands: what is open, its columns, its last checks."""
    from mlops_lab.monitoring.pages import monitor_page

    monitors = session.project().monitors
    record = monitors.get(name)
    checks = monitors.evaluations(record.name, limit=100)
    deliveries = monitors.deliveries(record.name, limit=20)
    if session.as_json:
        write_json(monitor_page(record, monitors.text(name), checks, deliveries))
        return 0
    target = console()
    _show_record(target, record)
    for fault in record.file.faults:
        target.print(f"   {fault}", markup=False)
    if record.last is not None:
        from mlops_lab.cli.alert import print_alerts

        _show_columns(target, monitors.evaluation(record.name))
        found = monitors.alerts(status="open", monitor=record.name)
        if found:
            target.print()
            print_alerts(target, found)
        target.print()
        target.print("checks", style="dim")
        print_table(
            target,
            ["", "run", "when", "data until", "", ("", {"overflow": "ellipsis"})],
            [
                (
                    state_glyph(one.state),
                    one.run_id[:8],
                    age(one.at),
                    f"{one.until:%Y-%m-%d}" if one.until else "–",
                    f"{one.alerts} open" if one.alerts else "",
                    one.sentence,
                )
                for one in checks[:10]
            ],
        )
    for one in deliveries[:5]:
        if not one.ok:
            target.print(f"   {one.channel}: {one.sentence}", markup=False, style="yellow")
    return 0


@monitor.command(
    examples=[("mlops-lab monitor schema > monitor.schema.json", "for completion in an editor")]
)
@pass_session
def schema(session: Session) -> int:
    """Print the JSON Schema of monitors' files."""
    from mlops_lab.monitoring.model import json_schema

    write_json(json_schema())
    return 0


def state_glyph(state: str) -> Any:
    """The mark of a monitor's state, or of an alert's severity."""
    return glyph(_GLYPHS.get(state, state))


class _Shown:
    """Progress on one line of a terminal; silent elsewhere."""

    def __init__(self, target: Console) -> None:
        self._target = target
        self._status: Any = None

    def __enter__(self) -> _Shown:
        if self._target.is_terminal:
            self._status = self._target.status("looking")
            self._status.start()
        return self

    def __call__(self, share: float, what: str) -> None:
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(f"{share:.0%} · {what}"))

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()


def _as_json(found: Check, fail_on: str) -> dict[str, Any]:
    from mlops_lab.monitoring.pages import alert_row

    return {
        "run_id": found.run_id,
        "monitor": found.monitor,
        "state": found.state,
        "sentence": found.evaluation.summary.sentence,
        "failing": [one.id for one in found.failing(fail_on)],
        "opened": [alert_row(one) for one in found.opened],
        "updated": [alert_row(one) for one in found.updated],
        "resolved": [alert_row(one) for one in found.resolved],
        "deliveries": [
            {
                "channel": one.channel,
                "on": one.event,
                "alert": one.alert,
                "ok": one.ok,
                "tries": one.tries,
                "sentence": one.sentence,
            }
            for one in found.deliveries
        ],
        "evaluation": found.evaluation.to_json(),
    }


def _show_check(target: Console, found: Check) -> None:
    from rich.text import Text

    target.print(
        Text.assemble(
            state_glyph(found.state),
            "  ",
            (found.monitor, "bold"),
            f"  {found.evaluation.summary.sentence}",
        )
    )
    for word, ones in (
        ("opened", found.opened),
        ("goes on", found.updated),
        ("over", found.resolved),
    ):
        for one in ones:
            target.print(
                Text.assemble(
                    ("   " + word.ljust(8), "dim"),
                    state_glyph("ok" if word == "over" else one.severity),
                    f" {one.sentence} ",
                    (one.id[:8], "dim"),
                )
            )
    for note in found.evaluation.notes:
        target.print(f"   {note}", markup=False, style="dim")
    for delivery in found.deliveries:
        style = "dim" if delivery.ok else "yellow"
        target.print(f"   {delivery.channel}: {delivery.sentence}", markup=False, style=style)
    if found.waiting:
        first = found.waiting[0].id[:8]
        target.print(f"   mlops-lab alert show {first}", markup=False, style="dim")


def _show_record(target: Console, record: MonitorRecord) -> None:
    from rich.text import Text

    spec = record.file.spec
    target.print(
        Text.assemble(
            state_glyph(record.state), "  ", (record.name, "bold"), ("  " + record.file.path, "dim")
        )
    )
    target.print(f"   {record.sentence}", markup=False)
    if spec is None:
        return
    facts = [f"{spec.watched} against {spec.reference}"]
    facts += [spec.model] if spec.model else []
    facts += [f"by {spec.cut}"] if spec.cut else []
    facts += [f"{spec.schedule.text} ({spec.schedule.timezone})"] if spec.schedule else []
    facts += [one.label for one in spec.channels]
    target.print(f"   {' · '.join(facts)}", markup=False, style="dim")


def _show_columns(target: Console, evaluation: Any) -> None:
    """The columns with a letter for each chunk, the most pressing first."""
    right = {"justify": "right"}
    rank = {"a": 0, "q": 0, "w": 1}
    columns = sorted(
        evaluation.columns, key=lambda one: min((rank.get(c, 2) for c in one.states), default=2)
    )
    target.print()
    shown: list[Column] = ["column", "kind", ("effect", right), ("natural", right), "chunks"]
    print_table(
        target,
        shown,
        [
            (
                one.name,
                one.kind,
                number(one.effect[-1] if one.effect else None),
                number(one.natural),
                one.states[-60:].replace("o", "·").replace("w", "!").replace("a", "▲"),
            )
            for one in columns[:30]
        ],
    )
    if len(columns) > 30:
        target.print(f"   and {len(columns) - 30:,} more", style="dim")
