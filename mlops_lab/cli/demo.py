"""``mlops-lab demo``: the example project, run end to end in front of the user."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_lab.cli.command import LabCommand, Session, pass_session
from mlops_lab.cli.output import console, duration, glyph, number, shown, write_json
from mlops_lab.cli.pipeline import run_shown, show_result
from mlops_lab.errors import Conflict

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_lab.orchestration.results import PipelineResult
    from mlops_lab.project import Project

__all__ = ["demo"]


@click.command(
    cls=LabCommand,
    examples=[
        ("mlops-lab demo", "in ./flight-delay, then JupyterLab"),
        ("mlops-lab demo /tmp/try --no-lab", "elsewhere, without JupyterLab"),
    ],
)
@click.argument(
    "directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False)
)
@click.option(
    "--no-lab", is_flag=True, help="Do not open JupyterLab at the end; so do LAB=0 and CI."
)
@pass_session
def demo(session: Session, directory: Path | None, no_lab: bool) -> int:
    """Make the example project in DIR, run it end to end, and open JupyterLab on it.

    Real flights, three notebooks, a pipeline with gates: it trains a model that passes, then one
    that peeks at the future and is refused. In a DIR that holds the example already nothing is
    overwritten: it runs again. It takes about a minute.
    """
    began = time.monotonic()
    target = console(stderr=session.as_json)
    project, made = _project(directory)
    _introduce(target, project, made)
    good = _chapter(target, project, "A model that should pass", "flight-delay")
    if good.status != "finished":
        if session.as_json:
            write_json({"directory": str(project.root), "passing": good.to_json()})
        return good.exit_code
    leak = _chapter(
        target, project, "The same notebooks, with a column that is known only later", "leak"
    )
    refused = leak.outcome == "rejected"
    code = 0 if good.outcome == "passed" and refused else (leak.exit_code or good.exit_code or 1)
    if leak.exit_code == 130:
        code = 130
    if session.as_json:
        write_json(
            {
                "directory": str(project.root),
                "made": made,
                "passing": good.to_json(),
                "leaking": leak.to_json(),
                "seconds": round(time.monotonic() - began, 1),
            }
        )
    else:
        _conclude(target, project, good, leak, time.monotonic() - began)
    if code == 0 and not session.as_json and _wants_lab(no_lab):
        _open_lab(target, project)
    return code


def _project(directory: Path | None) -> tuple[Project, bool]:
    """The example in the folder that was asked for, and whether it was made just now."""
    from mlops_lab import example
    from mlops_lab.project import Project

    folder = (directory or Path(example.NAME)).expanduser().absolute()
    if example.is_example(folder):
        return Project.open(folder), False
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    if folder.exists():
        raise Conflict(
            f"{shown(folder)} holds something else, and the demo overwrites nothing. Give it a new "
            f"folder: `mlops-lab demo {shown(folder)}-example`."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Project.open(example.create(folder.parent, folder.name)), True


def _introduce(target: Console, project: Project, made: bool) -> None:
    from rich.text import Text

    target.print()
    target.print(Text.assemble(("Will this flight arrive late?", "bold"), "  MLOps Lab's example"))
    word = "made in" if made else "found in"
    target.print(
        f"Flights from New York in 2013, three notebooks, six gates; {word} {shown(project.root)}",
        markup=False,
        style="dim",
    )


def _chapter(target: Console, project: Project, title: str, name: str) -> PipelineResult:
    target.print()
    if not target.is_terminal:
        target.print(f"## {title}", markup=False)
    else:
        target.rule(title, align="left", style="dim", characters="─")
    result = run_shown(project, f"pipelines/{name}.yaml", {}, target)
    show_result(target, result)
    return result


def _conclude(
    target: Console,
    project: Project,
    good: PipelineResult,
    leak: PipelineResult,
    seconds: float,
) -> None:
    from rich.text import Text

    target.print()
    if target.is_terminal:
        target.rule("What happened", align="left", style="dim", characters="─")
    else:
        target.print("## What happened")
    for result in (good, leak):
        # The one that was to be refused was refused: as expected, so no alarm.
        words = _sentence(result)
        target.print(Text.assemble(glyph(result.status, result.outcome), "  ", words))
    if leak.outcome != "rejected":
        target.print("The leaking model should have been refused.", style="red")
    _comparison(target, {"flight-delay": good, "leak": leak})
    target.print()
    target.print("executed notebooks", style="dim")
    for path in _executed(project, good) + _executed(project, leak):
        target.print(f" {shown(path)}", markup=False, soft_wrap=True)
    target.print()
    where = shown(project.root)
    target.print("next", style="dim")
    for command, purpose in (
        (f"jupyter lab --notebook-dir {where}", "the sidebar has both runs"),
        (f"mlops-lab --project {where} run show {good.run_id[:8]}", "everything about the first"),
        (
            f"mlops-lab --project {where} pipeline run flight-delay -p train.estimator=logistic",
            "another model",
        ),
    ):
        target.print(Text.assemble(f" {command}", (f"   {purpose}", "dim")), soft_wrap=True)
    target.print()
    target.print(f"{duration(seconds)} in all", style="dim")


def _executed(project: Project, result: PipelineResult) -> list[Path]:
    """Copies of the executed notebooks that can be opened: the store's own have no suffix."""
    import shutil

    folder = project.root / "work" / "executed" / result.name
    paths = []
    for step in result.steps.values():
        if step.executed is not None:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{step.name}.ipynb"
            path.unlink(missing_ok=True)
            shutil.copyfile(step.executed, path)
            paths.append(path)
    return paths


def _sentence(result: PipelineResult) -> str:
    rejected = [gate.sentence for gate in result.gates if gate.state == "rejected"]
    if result.outcome == "rejected":
        return f"{result.name}: refused, {'; '.join(rejected)}"
    if result.outcome == "passed":
        return f"{result.name}: all {len(result.gates)} gates passed"
    return f"{result.name}: {result.status}"


def _comparison(target: Console, results: Mapping[str, PipelineResult]) -> None:
    """What the gates looked at, side by side."""
    from rich.text import Text

    from mlops_lab.cli.output import print_table

    first = next(iter(results.values()))
    rows = []
    for place, gate in enumerate(first.gates):
        cells = [Text(gate.expression)]
        for result in results.values():
            found = result.gates[place] if place < len(result.gates) else None
            if found is None:
                cells.append(Text(""))
                continue
            style = "bold red" if found.state == "rejected" else ""
            value = number(found.left)
            cells.append(Text.assemble((value, style), " ", glyph(found.state)))
        rows.append(cells)
    if rows:
        names = [(name, {"justify": "right"}) for name in results]
        target.print()
        print_table(target, ["gate", *names], rows)


def _wants_lab(no_lab: bool) -> bool:
    return not no_lab and os.environ.get("LAB") != "0" and not os.environ.get("CI")


def _open_lab(target: Console, project: Project) -> None:
    """Become JupyterLab: its signals, its output and its exit code are this process's from here."""
    from mlops_lab.example import START

    arguments = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={project.root}",
        f"--LabApp.default_url=/lab/tree/{START}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    target.print()
    target.print(f"Opening JupyterLab on {shown(project.root)}; Ctrl-C ends it.", markup=False)
    project.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, arguments)  # noqa: S606 - no shell, our own interpreter
