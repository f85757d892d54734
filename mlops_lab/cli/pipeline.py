"""``mlops-lab pipeline``: run notebooks headlessly, and look at what would and did run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_lab.cli.ci import check_writable, for_ci, write_for_ci
from mlops_lab.cli.command import LabGroup, Session, pass_session
from mlops_lab.cli.output import console, duration, glyph, print_table, say, shown, write_json
from mlops_lab.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_lab.orchestration.results import PipelineResult, Plan, PlannedStep, Promotion
    from mlops_lab.project import Project

__all__ = ["pipeline", "show_result"]


@click.group(
    cls=LabGroup,
    examples=[
        ("mlops-lab pipeline run pipelines/flight-delay.yaml", "run it, with live progress"),
        ("mlops-lab pipeline list", "which there are, and what is wrong with them"),
    ],
)
def pipeline() -> None:
    """Run notebooks as pipelines, with gates."""


@pipeline.command(
    examples=[
        ("mlops-lab pipeline run pipelines/flight-delay.yaml", "run all steps, then the gates"),
        ("mlops-lab pipeline run flight-delay -p seed=3 -p train.l2=1", "with other params"),
        ("mlops-lab pipeline run flight-delay --dry-run", "only check it and show the plan"),
        ("mlops-lab pipeline run flight-delay --junit gates.xml", "in CI"),
    ],
)
@click.argument("file", metavar="FILE")
@click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="A param of the pipeline, or of one step: train.max_depth=6. Repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Check everything and show the plan; run nothing.")
@for_ci("steps and gates")
@click.option("--run-id", hidden=True, metavar="ID", help="The id that the run should have.")
@pass_session
def run(
    session: Session,
    file: str,
    params: Sequence[str],
    dry_run: bool,
    junit: Path | None,
    summary: Path | None,
    run_id: str | None,
) -> int:
    """Run the notebooks of FILE in the order of its graph, then its gates.

    FILE is a path, or a bare name below pipelines/. Ctrl-C stops the run in good order; a second
    one stops it at once. The exit code is 0 when all gates passed, 3 when one rejected, 4 when the
    model waits for an approval, 1 when a step failed.
    """
    project = _project_of(session, file)
    given = read_params(params)
    check_writable(junit, summary)
    target = console(stderr=session.as_json)
    if dry_run:
        planned = project.pipelines.run(file, given, dry_run=True)
        if session.as_json:
            write_json(planned.to_json())
        elif planned.plan is not None:
            _show_plan(target, planned.plan)
        return planned.exit_code
    result = run_shown(project, file, given, target, run_id=run_id)
    try:
        if session.as_json:
            write_json(result.to_json())
        else:
            show_result(target, result)
    finally:
        # Whatever became of the terminal: programs wait for these.
        write_reports(result, junit, summary)
    return result.exit_code


@pipeline.command(name="list", examples=[("mlops-lab pipeline list", "all below pipelines/")])
@pass_session
def list_(session: Session) -> int:
    """List the project's pipelines, with what is wrong in them."""
    files = session.project().pipelines.list()
    if session.as_json:
        write_json(
            [
                {
                    "path": one.path,
                    "name": one.name,
                    "steps": one.steps,
                    "gates": one.gates,
                    "faults": [str(fault) for fault in one.faults],
                }
                for one in files
            ]
        )
        return 0
    if not files:
        say("No pipelines yet: they are YAML files below pipelines/. `mlops-lab demo` makes some.")
        return 0
    rows = [
        (
            glyph("ok" if one.steps else "failed"),
            one.name,
            " → ".join(one.steps) or "–",
            str(one.gates),
            one.path,
        )
        for one in files
    ]
    print_table(console(), ["", "pipeline", "steps", ("gates", {"justify": "right"}), "file"], rows)
    for one in files:
        for fault in one.faults:
            say(str(fault))
    return 0


@pipeline.command(
    examples=[
        ("mlops-lab pipeline show flight-delay", "what it would run"),
        ("mlops-lab pipeline show a1b2c3d4", "what a run of it did"),
    ],
)
@click.argument("what", metavar="FILE|RUN")
@pass_session
def show(session: Session, what: str) -> int:
    """Show a pipeline's steps and gates, or what became of one run of it."""
    project = _project_of(session, what)
    if _is_run_id(what):
        try:
            project.pipelines.resolve(what)  # a pipeline may be called "face"
        except NotFound:
            from mlops_lab.cli.run import show_run

            return show_run(session, what)
    plan = project.pipelines.plan(what)
    if session.as_json:
        write_json(plan.to_json())
    else:
        _show_plan(console(), plan)
    return 0


@pipeline.command(examples=[("mlops-lab pipeline cancel a1b2c3d4", "any unique prefix of the id")])
@click.argument("run_id", metavar="RUN")
@pass_session
def cancel(session: Session, run_id: str) -> int:
    """Ask a running pipeline to stop; it ends killed, and keeps what it has done."""
    asked = session.project().pipelines.cancel(run_id)
    if session.as_json:
        write_json({"run_id": asked})
    else:
        say(f"{asked[:8]} was asked to stop.")
    return 0


@pipeline.command(
    examples=[("mlops-lab pipeline schema > pipeline.schema.json", "for completion in an editor")],
)
@pass_session
def schema(session: Session) -> int:
    """Print the JSON Schema of pipeline files."""
    from mlops_lab.orchestration.model import json_schema

    write_json(json_schema())
    return 0


# --- what the demo uses as well -------------------------------------------------------------------


def run_shown(
    project: Project,
    file: str | Path,
    params: dict[str, Any],
    target: Console,
    *,
    run_id: str | None = None,
) -> PipelineResult:
    """Run a pipeline and show how it goes on."""
    from mlops_lab.cli.progress import progress

    goals = project.settings.goals
    with progress(target, goals) as listener:
        return project.pipelines.run(file, params, run_id=run_id, listener=listener)


def show_result(target: Console, result: PipelineResult) -> None:
    """What a run came to, below its progress: one sentence, and where to look."""
    from rich.text import Text

    from mlops_lab.cli.progress import verdict

    mark = glyph(result.status, result.outcome)
    words = verdict(result.status, result.outcome)
    target.print()
    target.print(Text.assemble(mark, "  ", (words, "bold"), f" · {duration(result.duration_s)}"))
    # A gate's sentence stands above already; a policy's stands nowhere else.
    if result.reason and (result.outcome is None or _is_refused(result)):
        target.print(f"   {result.reason}", markup=False)
    for step in result.steps.values():
        if step.error is not None and step.executed is not None:
            target.print(f"   executed notebook: {shown(step.executed)}", markup=False)
            target.print(
                f"   mlops-lab run show {(step.run_id or '')[:8]}", markup=False, style="dim"
            )
    if result.status == "finished" and result.run_id:
        target.print(f"   mlops-lab run show {result.run_id[:8]}", markup=False, style="dim")
    if result.promotion is not None:
        _show_promotion(target, result.promotion)
    if result.deployment is not None:
        state = result.deployment.state
        mark = glyph("passed" if state in ("deployed", "unchanged") else state)
        target.print(Text.assemble(mark, "  ", result.deployment.sentence))


def _is_refused(result: PipelineResult) -> bool:
    return result.promotion is not None and result.promotion.state == "refused"


def _show_promotion(target: Console, promotion: Promotion) -> None:
    """What became of the model: the last line, and for an approver the one to type."""
    from rich.text import Text

    ref = f"{promotion.model}@{promotion.version}"
    if promotion.state == "waiting":
        line = f'   mlops-lab model approve {ref} --alias {promotion.alias} -m "…"'
        target.print(line, markup=False, style="dim")
    sentence = promotion.sentence
    if promotion.state == "refused":
        sentence = f"{promotion.model} {promotion.version} does not become {promotion.alias}"
    words = {"promoted": "passed", "refused": "rejected"}.get(promotion.state, promotion.state)
    target.print(Text.assemble(glyph(words), "  ", sentence))


def write_reports(result: PipelineResult, junit: Path | None, summary: Path | None) -> None:
    """Write what CI reads."""
    from mlops_lab.orchestration import summary as texts

    write_for_ci(
        junit,
        lambda: texts.junit(result),
        summary,
        lambda: texts.markdown(result),
    )


def read_params(texts: Sequence[str]) -> dict[str, str]:
    """``-p`` options as a mapping; the pipeline's own types decide what the text means.

    >>> read_params(["seed=3", "train.kind=a=b"])
    {'seed': '3', 'train.kind': 'a=b'}
    """
    params: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][\w.]*", name.strip()):
            raise InvalidInput(f"-p {text!r} is not NAME=VALUE, such as -p seed=3.")
        params[name.strip()] = value
    return params


def _is_run_id(what: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{4,32}", what)) and not Path(what).exists()


def _project_of(session: Session, file: str) -> Project:
    """The project that was named, else the one around the file, else the one around us."""
    from mlops_lab.project import Project

    path = Path(file)
    if session.directory is None and "MLOPS_LAB_PROJECT" not in os.environ and path.is_file():
        found = Project.find(path.absolute())
        if found is not None:
            return found
        raise NotFound(
            f"{file} belongs to no project: there is no mlops.toml above it. Make one with "
            f"`mlops-lab init`, in the folder that holds your notebooks."
        )
    return session.project()


def _own_settings(plan: Plan, step: PlannedStep) -> Iterator[str]:
    """What holds for one step only: its params, tries and time."""
    from mlops_lab.orchestration.params import as_text

    for name, value in step.params.items():
        if name not in plan.params or plan.params[name] != value:
            yield f"{name} {as_text(value)}"
    if step.retries:
        yield f"retries {step.retries}"
    if step.timeout_s is not None:
        yield f"timeout {duration(step.timeout_s)}"


def _show_plan(target: Console, plan: Plan) -> None:
    from rich.text import Text

    from mlops_lab.orchestration.params import as_text

    target.print(Text.assemble((plan.name, "bold"), "  ", (plan.path, "dim")))
    if plan.params:
        told = ", ".join(f"{name} {as_text(value)}" for name, value in plan.params.items())
        target.print(f"   {told}", markup=False, style="dim")
    rows = [
        (
            str(place),
            step.name,
            step.notebook,
            ", ".join(step.inputs.values()) or "–",
            ", ".join(step.outputs) or "–",
            ", ".join(_own_settings(plan, step)),
        )
        for place, step in enumerate(plan.steps, 1)
    ]
    target.print()
    wide = {"no_wrap": False}
    print_table(target, ["", "step", "notebook", ("inputs", wide), "outputs", ("", wide)], rows)
    if plan.gates:
        target.print()
        target.print("gates", style="dim")
        for gate in plan.gates:
            target.print(f" ○  {gate}", markup=False)
    for word, planned in (("promote", plan.promote), ("deploy", plan.deploy)):
        if planned is not None:
            target.print()
            target.print(word, style="dim")
            target.print(f" ○  {planned}", markup=False)
    for warning in plan.warnings:
        target.print(f"! {warning}", style="yellow", markup=False)
