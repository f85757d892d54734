"""``mlops-lab trigger``: what starts pipelines by itself, and looking whether something has."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from mlops_lab.cli.command import LabGroup, Session, pass_session
from mlops_lab.cli.output import age, console, glyph, print_table, say, write_json

if TYPE_CHECKING:
    from mlops_lab.orchestration.triggers.finder import PipelineTriggers
    from mlops_lab.orchestration.triggers.manager import Round
    from mlops_lab.project import Project

__all__ = ["trigger"]

_MARKS = {"new": "scheduled", "quiet": "hint", "held": "waiting", "ready": "running"}
_WAIT_S = 0.5


@click.group(
    cls=LabGroup,
    examples=[
        ("mlops-lab trigger list", "what is watched, and why nothing starts"),
        ("mlops-lab trigger run", "start what something has happened for"),
    ],
)
def trigger() -> None:
    """Start pipelines by themselves: on schedules, alerts, new data and changed code."""


@trigger.command(
    examples=[
        ("mlops-lab trigger run", "look once: in cron, or as a step of CI"),
        ("mlops-lab trigger run --wait", "and wait for what was started, as a step of CI"),
        ("mlops-lab trigger run --watch", "go on looking, where no Jupyter Server does"),
        ("mlops-lab trigger run --dry-run", "only say what would start"),
    ]
)
@click.option("--once", is_flag=True, help="Look once.  [default]")
@click.option("--watch", is_flag=True, help="Go on looking until Ctrl-C.")
@click.option("--dry-run", is_flag=True, help="Say what would start; decide and start nothing.")
@click.option("--wait", is_flag=True, help="Wait until what was started has ended.")
@pass_session
def run(session: Session, once: bool, watch: bool, dry_run: bool, wait: bool) -> int:
    """Start the pipelines that something has happened for.

    Each start is a decision, so any number of these and of Jupyter Servers may look at the same
    time: one of them starts. The first look at a new trigger notes what is there, and starts
    nothing. With --wait the exit code is the worst of the runs': 0 done, 4 waits for approval,
    3 a gate rejected, 1 a step failed.
    """
    if watch and (once or dry_run or wait):
        raise click.UsageError("--watch goes on: it has no --once, --dry-run or --wait.")
    project = session.project()
    if watch:
        return _watch(session, project)
    found = project.triggers.look(dry_run=dry_run)
    if session.as_json:
        from mlops_lab.orchestration.triggers.pages import round_page

        write_json(round_page(found))
    else:
        _say(found, set(), dry_run=dry_run)
        if not (found.started or found.problems or found.deployed):
            say("Nothing has happened that would start a pipeline. `mlops-lab trigger list`")
    ids = [one.run_id for one in found.started]
    return _wait_for(project, ids, quiet=session.as_json) if wait else 0


@trigger.command(
    name="list",
    examples=[
        ("mlops-lab trigger list", "of all pipelines"),
        ("mlops-lab trigger list --json", "with what they have started, for programs"),
    ],
)
@pass_session
def list_(session: Session) -> int:
    """List the triggers: what each waits for, when the next start is, what the last ones were."""
    found = session.project().triggers.list()
    if session.as_json:
        from mlops_lab.orchestration.triggers.pages import triggers_page

        write_json(triggers_page(found))
        return 0
    if not found:
        say('No triggers yet: `triggers: [{schedule: "0 3 * * mon"}]` in a pipeline\'s file.')
        return 0
    for one in found:
        _show(one)
    return 0


def _show(one: PipelineTriggers) -> None:
    from rich.text import Text

    target = console()
    target.print(Text.assemble((one.name, "bold"), "  ", (one.path, "dim")))
    for fault in one.faults:
        target.print(f"   {fault}", markup=False)
    if one.standings:
        wide = {"overflow": "fold"}
        rows = [
            (
                glyph(_MARKS.get(each.state, each.state)),
                each.trigger.text,
                f"{each.look.next_at:%a %d %b %H:%M} UTC"
                if each.look is not None and each.look.next_at is not None
                else "–",
                each.sentence or "nothing came",
            )
            for each in one.standings
        ]
        print_table(target, ["", "trigger", "next", ("", wide)], rows)
    if one.history.starts:
        rows = [
            (
                glyph(each.status or "scheduled", each.outcome),
                each.run_id[:8],
                age(each.at),
                each.sentence,
            )
            for each in one.history.starts[:5]
        ]
        print_table(target, ["", "started", "", ("because", {"overflow": "fold"})], rows)
    target.print()


def _watch(session: Session, project: Project) -> int:
    """Look until Ctrl-C, and say each problem once."""
    from mlops_lab.errors import StoreBusy
    from mlops_lab.orchestration.triggers.manager import Problem, Round
    from mlops_lab.orchestration.triggers.pages import round_page
    from mlops_lab.orchestration.triggers.watching import Pulse, watch

    known: set[tuple[str, str]] = set()

    def look() -> None:
        try:
            found = project.triggers.look()
        except StoreBusy as error:  # the next look is soon
            found = Round(problems=(Problem(project.root.name, error.message),))
        if session.as_json:
            if found.started or found.deployed:
                write_json(round_page(found))
        else:
            _say(found, known)

    if not session.as_json:
        say(f"Looking at the triggers of {project.root}; Ctrl-C ends it.")
    watch(look, Pulse(project.store.dir), threading.Event())
    return 0


def _say(found: Round, known: set[tuple[str, str]], *, dry_run: bool = False) -> None:
    """Tell what was started, and of the problems those that were not told yet."""
    for one in found.started:
        what = "would start" if dry_run else f"run {one.run_id[:8]}"
        say(f"{one.name}: {what}: {one.sentence}")
    for deployment in found.deployed:
        say(f"{deployment.sentence}.")
    now = {(one.pipeline, one.sentence) for one in found.problems}
    for pipeline, sentence in sorted(now - known):
        say(f"{pipeline}: {sentence}")
    known.clear()
    known.update(now)


def _wait_for(project: Project, ids: Sequence[str], *, quiet: bool) -> int:
    """Wait for runs to end; the exit code that the worst of them would have had."""
    codes = [0]
    for run_id in ids:
        record = project.runs.get(run_id)
        while record.status in ("scheduled", "running"):
            time.sleep(_WAIT_S)
            record = project.runs.get(run_id)
        codes.append(_code(record))
        if not quiet:
            said = record.reason or ("gates passed" if record.outcome else "done")
            say(f"run {run_id[:8]} {record.status}: {said}")
    # A failure says less than a model that was refused; both say more than one that waits.
    return next((code for code in (1, 130, 3, 4) if code in codes), 0)


def _code(record: Any) -> int:
    if record.status != "finished":
        return 130 if record.status == "killed" else 1
    return {"rejected": 3, "waiting": 4}.get(record.outcome or "", 0)
