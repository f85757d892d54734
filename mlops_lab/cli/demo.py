"""``mlops-lab demo``: the example project, run end to end in front of the user."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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

    Real flights, five notebooks, a pipeline with gates: data arrives and is checked, a model passes
    and becomes champion, then one that peeks at the future and one that has seen too little are
    refused. At last the year goes on: the champion answers week by week, a monitor watches it, and
    alerts train the next one. In a DIR that holds the example already nothing is overwritten: it
    runs again. It takes some ten minutes.
    """
    began = time.monotonic()
    target = console(stderr=session.as_json)
    project, made = _project(directory)
    _introduce(target, project, made)
    results: dict[str, PipelineResult] = {}
    for chapter in _CHAPTERS:
        result = results[chapter.pipeline] = _play(target, project, chapter)
        if result.status != "finished":
            if session.as_json:
                write_json({"directory": str(project.root), "pipelines": _documents(results)})
            return result.exit_code
    odd = [one for one in _CHAPTERS if one.is_odd(results[one.pipeline], made)]
    if session.as_json:
        write_json(
            {
                "directory": str(project.root),
                "made": made,
                "pipelines": _documents(results),
                "seconds": round(time.monotonic() - began, 1),
            }
        )
    else:
        _conclude(target, project, results, odd, time.monotonic() - began)
    if odd:
        return results[odd[0].pipeline].exit_code or 1
    if not session.as_json and _wants_lab(no_lab):
        _open_lab(target, project)
    return 0


@dataclass(frozen=True, slots=True)
class _Chapter:
    """One pipeline of the story, and what its gates should say."""

    title: str
    pipeline: str
    outcome: str | None

    def is_odd(self, result: PipelineResult, made: bool) -> bool:
        """Whether it came out otherwise than it must.

        In a project that is not new, the model that should pass meets a champion that has learnt
        from a whole year: then it may be refused.
        """
        must = self.outcome if made or self.outcome == "rejected" else None
        return must is not None and result.outcome != must


_CHAPTERS: Final = (
    _Chapter("The weeks arrive, and a model that should pass", "flight-delay", "passed"),
    _Chapter("The same notebooks, with a column that is known only later", "leak", "rejected"),
    _Chapter("A model that has seen two weeks of January", "january", "rejected"),
    _Chapter("The year after: is the champion still right?", "year", None),
)


_MANY: Final = 4
"""Versions of a dataset that are told before they are cut."""


def _documents(results: Mapping[str, PipelineResult]) -> dict[str, Any]:
    return {name: result.to_json() for name, result in results.items()}


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
        "Flights from New York in 2013, five notebooks, ten gates, a monitor; "
        f"{word} {shown(project.root)}",
        markup=False,
        style="dim",
    )


def _play(target: Console, project: Project, chapter: _Chapter) -> PipelineResult:
    _head(target, chapter.title)
    result = run_shown(project, f"pipelines/{chapter.pipeline}.yaml", {}, target)
    show_result(target, result)
    return result


def _head(target: Console, title: str) -> None:
    target.print()
    if target.is_terminal:
        target.rule(title, align="left", style="dim", characters="─")
    else:
        target.print(f"## {title}", markup=False)


def _conclude(
    target: Console,
    project: Project,
    results: Mapping[str, PipelineResult],
    odd: Sequence[_Chapter],
    seconds: float,
) -> None:
    from rich.text import Text

    _head(target, "What happened")
    for result in results.values():
        # What was to be refused was refused: as expected, so no alarm.
        words = _sentence(result)
        target.print(Text.assemble(glyph(result.status, result.outcome), "  ", words))
    for chapter in odd:
        should = "have passed" if chapter.outcome == "passed" else "have been refused"
        target.print(f"{chapter.pipeline} should {should}.", style="red")
    _comparison(target, results)
    _data(target, project)
    _models(target, project)
    _alerts(target, project)
    target.print()
    if reports := _reports(project, results):
        target.print("report", style="dim")
    for path in reports:
        target.print(f" {shown(path)}", markup=False, soft_wrap=True)
    target.print("executed notebooks", style="dim")
    for result in results.values():
        for path in _executed(project, result):
            target.print(f" {shown(path)}", markup=False, soft_wrap=True)
    target.print()
    where = shown(project.root)
    first = next(iter(results.values()))
    target.print("next", style="dim")
    for command, purpose in (
        (f"jupyter lab --notebook-dir {where}", "the sidebar has runs, data and models"),
        (f"mlops-lab --project {where} run show {first.run_id[:8]}", "everything about the first"),
        (f"mlops-lab --project {where} model show flight-delay", "who is champion, and why"),
        (f"mlops-lab --project {where} monitor show delay", "is it still right?"),
        (f"mlops-lab --project {where} audit show", "every decision, and who took it"),
        (
            f"mlops-lab --project {where} pipeline run flight-delay -p train.estimator=logistic",
            "another challenger",
        ),
    ):
        target.print(Text.assemble(f" {command}", (f"   {purpose}", "dim")), soft_wrap=True)
    target.print()
    target.print(f"{duration(seconds)} in all", style="dim")


def _data(target: Console, project: Project) -> None:
    """The versions that arrived, and what is wrong with those that a check blocks."""
    from rich.text import Text

    from mlops_lab.cli.output import print_table

    rows = []
    for dataset in project.datasets.list():
        versions = list(reversed(project.datasets.versions(dataset.name)))
        for place, version in enumerate(versions):
            state = {"blocked": "rejected", "warned": "waiting"}.get(version.state or "", "passed")
            if _MANY < place < len(versions) - 1 and state == "passed":
                # A year of them: the first, the last, and what is wrong.
                if place == _MANY + 1:
                    rows.append((Text("  …"), "", ""))
                continue
            why = [
                check.sentence
                for summary in version.checks
                if summary.state == "blocked"
                for check in project.datasets.report(version.ref, summary.suite).checks
                if check.state != "passed"
            ]
            said = why or ([version.note] if version.note else [])
            rows.append(
                (
                    Text.assemble(glyph(state), " ", version.ref),
                    f"{version.rows:,}" if version.rows is not None else "",
                    "; ".join(said),
                )
            )
    if rows:
        target.print()
        print_table(
            target, ["data", ("rows", {"justify": "right"}), ("", {"no_wrap": False})], rows
        )


def _models(target: Console, project: Project) -> None:
    """Who is champion, and why the others are not."""
    from rich.text import Text

    from mlops_lab.cli.output import print_table

    rows = []
    for model in project.models.list():
        for version in reversed(project.models.versions(model.name)):
            judgement = version.judgement
            outcome = judgement.outcome if judgement else None
            why = "; ".join(judgement.sentences) if judgement else ""
            if judgement and outcome == "passed":
                why = f"{judgement.passed} of {judgement.total} gates passed"
            rows.append(
                (
                    Text.assemble(glyph("finished", outcome), f" {version.name} {version.version}"),
                    Text(", ".join(version.aliases), style="bold"),
                    why,
                )
            )
    if rows:
        target.print()
        print_table(target, ["model", "", ("", {"no_wrap": False})], rows)


def _alerts(target: Console, project: Project) -> None:
    """What the monitor has found in the year, the first first."""
    from rich.text import Text

    from mlops_lab.cli.output import print_table

    rows = [
        (
            Text.assemble(
                glyph("failed" if alert.severity == "alert" else "waiting"), " ", alert.label
            ),
            alert.kind,
            alert.sentence,
        )
        for alert in sorted(project.monitors.alerts(), key=lambda one: one.chunk or "")
        if alert.severity != "info"
    ]
    if rows:
        target.print()
        print_table(target, ["week", "alert", ("", {"no_wrap": False})], rows)


def _reports(project: Project, results: Mapping[str, PipelineResult]) -> list[Path]:
    """Copies of the reports that steps have left, where a browser finds them."""
    return [
        _copied(output, project.root / "work" / output.name)
        for result in results.values()
        for step in result.steps.values()
        for output in step.outputs.values()
        if isinstance(output, Path) and output.suffix == ".html"
    ]


def _executed(project: Project, result: PipelineResult) -> list[Path]:
    """Copies of the executed notebooks that can be opened: the store's own have no suffix."""
    folder = project.root / "work" / "executed" / result.name
    return [
        _copied(step.executed, folder / f"{step.name}.ipynb")
        for step in result.steps.values()
        if step.executed is not None
    ]


def _copied(kept: Path, path: Path) -> Path:
    import shutil

    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    shutil.copyfile(kept, path)
    return path


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
