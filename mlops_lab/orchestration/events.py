"""What happens during a pipeline run, for whoever shows it: a terminal, a notebook, a log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from mlops_lab.orchestration.results import GateRecord, PipelineResult, StepError, StepResult

__all__ = [
    "CellFinished",
    "CellStarted",
    "ChampionFound",
    "Event",
    "GateDecided",
    "Listener",
    "PipelineFinished",
    "PipelineStarted",
    "StepFinished",
    "StepRetried",
    "StepStarted",
]


@dataclass(frozen=True, slots=True)
class PipelineStarted:
    """The run exists and its first step is next; warnings are sentences."""

    run_id: str
    name: str
    path: str
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step's kernel is being started; ``attempt`` counts from 1.

    An ``index`` above ``total`` is a step that runs again, with the champion in it.
    """

    step: str
    run_id: str
    index: int
    total: int
    notebook: str
    attempt: int


@dataclass(frozen=True, slots=True)
class CellStarted:
    """A cell was sent to the kernel; ``index`` counts executed cells from 1."""

    step: str
    cell_id: str
    index: int
    total: int
    source_line: str


@dataclass(frozen=True, slots=True)
class CellFinished:
    """A cell is over."""

    step: str
    cell_id: str
    index: int
    total: int
    duration_s: float
    failed: bool


@dataclass(frozen=True, slots=True)
class StepRetried:
    """A try failed and another one follows; ``attempt`` is the one that failed."""

    step: str
    attempt: int
    tries: int
    error: StepError


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step came to its end, in whichever way."""

    step: str
    result: StepResult


@dataclass(frozen=True, slots=True)
class ChampionFound:
    """The champion need not be judged again: the same step has judged it on the same inputs.

    ``ref`` is the version, ``run_id`` the run of the step that did.
    """

    step: str
    ref: str
    run_id: str


@dataclass(frozen=True, slots=True)
class GateDecided:
    """A gate passed, rejected, or waits for people."""

    gate: GateRecord


@dataclass(frozen=True, slots=True)
class PipelineFinished:
    """The run is over."""

    result: PipelineResult


Event: TypeAlias = (
    PipelineStarted
    | StepStarted
    | CellStarted
    | CellFinished
    | StepRetried
    | StepFinished
    | ChampionFound
    | GateDecided
    | PipelineFinished
)


class Listener(Protocol):
    """Hears what happens, always in the thread that started the run, one event at a time."""

    def on_event(self, event: Event) -> None:
        """Show it, and return soon: the run waits."""
