"""A pipeline while it runs: a live picture on a terminal, plain lines in CI."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_lab.cli.output import duration, glyph, number
from mlops_lab.orchestration.events import (
    CellFinished,
    CellStarted,
    ChampionFound,
    Event,
    GateDecided,
    PipelineFinished,
    PipelineStarted,
    StepFinished,
    StepRetried,
    StepStarted,
)
from mlops_lab.orchestration.results import GateRecord, verdict
from mlops_lab.tracking.goals import Direction

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = ["LinesProgress", "LiveProgress", "headline", "progress", "verdict"]

SLOW_CELL_S = 5.0
"""In plain lines a cell is worth one when it took this long."""

_BAR = 20


@contextmanager
def progress(
    console: Console, goals: Mapping[str, Direction]
) -> Iterator[LinesProgress | LiveProgress]:
    """The listener that fits where the output goes.

    Parameters
    ----------
    console
        Where to draw.
    goals
        The project's goals: which metrics are worth showing beside a step.
    """
    with ExitStack() as stack:
        if console.is_terminal and not console.is_dumb_terminal:
            yield stack.enter_context(LiveProgress(console, goals))
        else:
            yield LinesProgress(console, goals)


def headline(metrics: Mapping[str, float], goals: Mapping[str, Direction], most: int = 3) -> str:
    """The metrics that say most about a step: those with a goal first, in the goals' order."""
    chosen = [key for key in goals if key in metrics]
    chosen += [key for key in metrics if key not in chosen and "/" not in key]
    return " · ".join(f"{key} {number(metrics[key])}" for key in chosen[:most])


@dataclass(slots=True)
class _Row:
    """A step as it is shown."""

    name: str
    status: str = "scheduled"
    started: float = 0.0
    took_s: float = 0.0
    cell: int = 0
    cells: int = 0
    line: str = ""
    note: str = ""
    attempt: int = 1


class LinesProgress:
    """One line for each thing that happens: for logs."""

    def __init__(self, console: Console, goals: Mapping[str, Direction]) -> None:
        self._console = console
        self._goals = goals
        self._steps: tuple[str, ...] = ()

    def on_event(self, event: Event) -> None:
        """Print what an event is worth."""
        for line in self._lines(event):
            self._console.print(line, markup=False, soft_wrap=True)

    def _lines(self, event: Event) -> list[str]:
        match event:
            case PipelineStarted():
                self._steps = event.steps
                return [f"{event.name}: run {event.run_id}", *event.warnings]
            case StepStarted():
                again = f", try {event.attempt}" if event.attempt > 1 else ""
                return [f"{self._at(event.step)}: {event.notebook}{again}"]
            case ChampionFound():
                return [f"{event.step} has judged {event.ref} on the same inputs before"]
            case CellFinished() if event.duration_s >= SLOW_CELL_S and not event.failed:
                took = duration(event.duration_s)
                return [f"{self._at(event.step)}: cell {event.index} of {event.total} took {took}"]
            case StepRetried():
                return [f"{self._at(event.step)}: try {event.attempt} failed, {event.error}"]
            case StepFinished():
                return self._finished(event)
            case GateDecided():
                return [f"gate {event.gate.state}: {event.gate.sentence}"]
            case PipelineFinished():
                return [
                    f"{event.result.name}: {verdict(event.result.status, event.result.outcome)}"
                ]
            case _:
                return []

    def _finished(self, event: StepFinished) -> list[str]:
        result = event.result
        told = headline(result.metrics, self._goals)
        tail = f", {told}" if told and result.status == "finished" else ""
        took = f" in {duration(result.duration_s)}" if result.run_id else ""
        lines = [f"{self._at(event.step)}: {result.status}{took}{tail}"]
        if result.error is not None:
            lines.append(f"{self._at(event.step)}: {result.error}")
        return lines

    def _at(self, step: str) -> str:
        # A step that runs again with the champion in it is none of the pipeline's own.
        if step not in self._steps:
            return step
        return f"[{self._steps.index(step) + 1}/{len(self._steps)}] {step}"


class LiveProgress:
    """The steps as rows that fill themselves, with the cell that runs now; then the gates."""

    def __init__(self, console: Console, goals: Mapping[str, Direction]) -> None:
        from rich.live import Live

        self._console = console
        self._goals = goals
        self._rows: dict[str, _Row] = {}
        self._title = ""
        self._run_id = ""
        self._gates: dict[int, GateRecord] = {}
        self._began = time.monotonic()
        self._ended: float | None = None
        self._live = Live(
            get_renderable=self._draw, console=console, refresh_per_second=10, transient=False
        )

    def __enter__(self) -> LiveProgress:
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended = self._ended or time.monotonic()
        self._live.__exit__(None, None, None)

    def on_event(self, event: Event) -> None:
        """Change the picture."""
        match event:
            case PipelineStarted():
                self._title, self._run_id = event.name, event.run_id
                self._began = time.monotonic()
                self._rows = {name: _Row(name) for name in event.steps}
                for warning in event.warnings:
                    self._live.console.print(f"! {warning}", style="yellow", markup=False)
            case StepStarted():
                row = self._row(event.step)
                row.status, row.started, row.attempt = "running", time.monotonic(), event.attempt
                row.cell, row.cells, row.line = 0, 0, "starting the kernel"
            case CellStarted():
                row = self._row(event.step)
                row.cell, row.cells, row.line = event.index, event.total, event.source_line
            case StepRetried():
                self._row(event.step).note = f"try {event.attempt} of {event.tries} failed"
            case StepFinished():
                row, result = self._row(event.step), event.result
                row.status, row.took_s = result.status, result.duration_s
                row.note = str(result.error or headline(result.metrics, self._goals))
            case ChampionFound():
                row = self._row(f"{event.step} with {event.ref}")
                row.status, row.note = "finished", "judged before, on the same inputs"
            case GateDecided():
                self._gates[event.gate.index] = event.gate
            case PipelineFinished():
                self._ended = time.monotonic()
            case _:
                pass

    def _row(self, name: str) -> _Row:
        return self._rows.setdefault(name, _Row(name))

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        now = self._ended or time.monotonic()
        head = Table.grid(expand=True)
        head.add_column()
        head.add_column(justify="right")
        head.add_row(
            Text.assemble((self._title, "bold"), "  ", (self._run_id[:8], "dim")),
            Text(_clock(now - self._began), style="dim"),
        )
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(width=1)
        grid.add_column(no_wrap=True)
        grid.add_column(justify="right", no_wrap=True, min_width=6)
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for row in self._rows.values():
            grid.add_row(*self._cells(row, now))
        parts: list[RenderableType] = [head, Padding(grid, (0, 0, 0, 1))]
        if self._gates:
            parts.append(Text(""))
            parts.append(Text("gates", style="dim"))
            parts += [_gate(gate.state, gate.sentence) for gate in self._gates.values()]
        return Group(*parts)

    def _cells(self, row: _Row, now: float) -> tuple[RenderableType, ...]:
        from rich.text import Text

        if row.status == "scheduled":
            return Text("○", style="dim"), Text(row.name, style="dim"), Text(""), Text("")
        if row.status != "running":
            style = "red" if row.status == "failed" else "dim"
            took = duration(row.took_s) if row.took_s else ""
            mark = glyph("passed" if row.status == "finished" else row.status)
            return mark, Text(row.name), Text(took, style="dim"), Text(row.note, style=style)
        return (
            _spinner(now),
            Text(row.name, style="bold"),
            Text(_clock(now - row.started), style="dim"),
            _doing(row),
        )


def _gate(state: str, sentence: str) -> Text:
    from rich.text import Text

    style = "bold red" if state == "rejected" else ""
    return Text.assemble(" ", glyph(state), "  ", (sentence, style))


def _spinner(now: float) -> Text:
    from rich.text import Text

    frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
    return Text(frames[int(now * 10) % len(frames)], style="blue")


def _doing(row: _Row) -> Text:
    from rich.text import Text

    if not row.cells:
        return Text(row.line, style="dim")
    full = round(_BAR * (row.cell - 1) / row.cells)
    return Text.assemble(
        ("━" * full, "blue"),
        ("━" * (_BAR - full), "bright_black"),
        f"  {row.cell}/{row.cells}  ",
        (row.line, "dim"),
    )


def _clock(seconds: float) -> str:
    whole = int(max(0.0, seconds))
    return f"{whole // 60}:{whole % 60:02}"
