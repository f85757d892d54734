"""What a pipeline run came to, as values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "Deployment",
    "GateRecord",
    "PipelineResult",
    "Plan",
    "PlannedStep",
    "Promotion",
    "StepError",
    "StepResult",
    "deployment_line",
    "gate_line",
    "headline",
    "promotion_line",
    "step_line",
    "verdict",
]


@dataclass(frozen=True, slots=True)
class GateRecord:
    """What one gate said.

    Parameters
    ----------
    index
        Its position in the file, from 0.
    kind
        ``metric``, ``data``, ``fairness``, ``approval`` …
    expression
        As it was written.
    state
        ``passed``, ``rejected`` or ``waiting``.
    sentence
        Why, with the numbers: "auc 0.745 is at least 0.60".
    left, right
        The two numbers, where it compares two.
    """

    index: int
    kind: str
    expression: str
    state: str
    sentence: str
    left: float | None = None
    right: float | None = None


@dataclass(frozen=True, slots=True)
class Promotion:
    """What became of the model that the gates have judged.

    Parameters
    ----------
    model, version
        What was to be promoted.
    alias
        The name that was to move to it.
    state
        ``promoted``, ``waiting`` (for an approval), ``rejected`` by a gate, or ``refused`` by the
        alias's policy.
    sentence
        What is so now: "flight-delay 3 is champion now, it replaces 2".
    """

    model: str
    version: int
    alias: str
    state: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """What became of serving the model that was promoted.

    Parameters
    ----------
    endpoint, strategy
        Where it was to answer, and how: ``replace``, ``canary`` or ``shadow``.
    model, version
        What was to be deployed.
    state
        ``deployed``, ``unchanged`` (it is there already), ``failed``, ``waiting`` for the
        promotion, or ``overtaken`` by another version meanwhile.
    sentence
        What is so now, without a full stop.
    """

    endpoint: str
    strategy: str
    model: str
    version: int
    state: str
    sentence: str


@dataclass(frozen=True, slots=True)
class StepError:
    """Why a step did not finish; ``cell_index`` counts executed cells from 1."""

    name: str
    message: str
    cell_index: int | None = None
    cell_id: str | None = None
    source: str | None = None
    traceback: str | None = None

    def __str__(self) -> str:
        where = f" in cell {self.cell_index}" if self.cell_index else ""
        return f"{self.name}{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step.

    Parameters
    ----------
    name
        The step.
    status
        finished, failed, killed, or ``skipped`` when it never started.
    notebook
        Project-relative path of its notebook.
    run_id
        Its last try's run; None when it never started.
    executed
        Where the executed notebook is kept: a read-only file of the store.
    metrics
        Last value of each metric.
    params
        What was injected, paths of inputs and outputs included.
    inputs
        The versions that it was given, by name: ``{"raw": "flights@3"}``.
    outputs
        Path of each output by its name: read-only files of the store.
    versions
        The versions among them: ``{"model": "flight-delay@5"}``.
    duration_s
        Of the last try, in seconds.
    attempts
        How many tries there were.
    error
        Of the last try, when it did not finish.
    """

    name: str
    status: str
    notebook: str
    run_id: str | None = None
    executed: Path | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Path] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    duration_s: float = 0.0
    attempts: int = 0
    error: StepError | None = None


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step as it would run."""

    name: str
    notebook: str
    params: Mapping[str, Any]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    needs: tuple[str, ...]
    retries: int
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pipeline would do: its steps in their order, its gates, and what it promotes."""

    name: str
    path: str
    params: Mapping[str, Any]
    steps: tuple[PlannedStep, ...]
    gates: tuple[str, ...]
    promote: str | None = None
    deploy: str | None = None
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The plan for programs."""
        return {
            "pipeline": self.name,
            "path": self.path,
            "params": _plain(self.params),
            "steps": [
                {
                    "name": step.name,
                    "notebook": step.notebook,
                    "params": _plain(step.params),
                    "inputs": dict(step.inputs),
                    "outputs": dict(step.outputs),
                    "needs": list(step.needs),
                    "retries": step.retries,
                    "timeout_s": step.timeout_s,
                }
                for step in self.steps
            ],
            "gates": list(self.gates),
            "promote": self.promote,
            "deploy": self.deploy,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True, repr=False)
class PipelineResult:
    """What a pipeline run came to.

    Parameters
    ----------
    run_id
        The run; empty for a plan (``dry_run``).
    status
        finished, failed, killed, or ``planned``: whether it ran.
    outcome
        What its gates said: passed, rejected or waiting; None without gates, or when it did not
        finish.
    steps
        By name, in the order in which they ran.
    gates
        In the order of the file; empty when the steps did not finish.
    exit_code
        0 done, 1 a step failed, 3 a gate rejected, 4 waiting for an approval, 130 interrupted.
    reason
        Why it did not finish, or not pass, as a sentence.
    promotion
        What became of the model that it promotes, once the gates were through.
    deployment
        What became of serving it then.
    """

    run_id: str
    name: str
    path: str
    status: str
    outcome: str | None = None
    steps: Mapping[str, StepResult] = field(default_factory=dict)
    gates: tuple[GateRecord, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    duration_s: float = 0.0
    exit_code: int = 0
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    plan: Plan | None = None
    promotion: Promotion | None = None
    deployment: Deployment | None = None

    def __repr__(self) -> str:
        lines = [f"<PipelineResult {headline(self)}>"]
        lines += [f"  {step_line(step)}" for step in self.steps.values()]
        lines += [f"  {gate_line(gate)}" for gate in self.gates]
        if self.promotion is not None:
            lines.append(f"  {promotion_line(self.promotion)}")
        if self.deployment is not None:
            lines.append(f"  {deployment_line(self.deployment)}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The result for programs; numbers that are not finite are strings."""
        if self.plan is not None:
            return {"status": self.status, **self.plan.to_json()}
        return {
            "run_id": self.run_id,
            "pipeline": self.name,
            "path": self.path,
            "status": self.status,
            "outcome": self.outcome,
            "reason": self.reason,
            "exit_code": self.exit_code,
            "duration_s": round(self.duration_s, 3),
            "params": _plain(self.params),
            "steps": [_step_json(step) for step in self.steps.values()],
            "gates": [
                {
                    "index": gate.index,
                    "kind": gate.kind,
                    "expression": gate.expression,
                    "state": gate.state,
                    "sentence": gate.sentence,
                    "left": _plain(gate.left),
                    "right": _plain(gate.right),
                }
                for gate in self.gates
            ],
            "promotion": None
            if self.promotion is None
            else {
                "model": self.promotion.model,
                "version": self.promotion.version,
                "alias": self.promotion.alias,
                "state": self.promotion.state,
                "sentence": self.promotion.sentence,
            },
            "deployment": None if self.deployment is None else asdict(self.deployment),
            "warnings": list(self.warnings),
        }


_GLYPHS = {
    "finished": "✓",
    "failed": "✕",
    "killed": "■",
    "skipped": "–",
    "passed": "✓",
    "rejected": "⊗",
    "waiting": "‖",
    "promoted": "★",
    "refused": "⊗",
    "deployed": "▲",
    "unchanged": "✓",
    "overtaken": "–",
}


def headline(result: PipelineResult) -> str:
    """A result in one line: ``flight-delay · run a1b2c3d4 · finished, gates passed · 12 s``."""
    said = verdict(result.status, result.outcome)
    run = [f"run {result.run_id[:8]}"] if result.run_id else []
    return " · ".join([result.name, *run, said, f"{result.duration_s:.3g} s"])


def verdict(status: str, outcome: str | None) -> str:
    """How a run came out, in its words.

    >>> verdict("finished", "passed"), verdict("finished", "waiting"), verdict("failed", None)
    ('finished, gates passed', 'finished, waits for approval', 'failed')
    """
    if outcome == "waiting":
        return f"{status}, waits for approval"
    return f"{status}, gates {outcome}" if outcome else status


def step_line(step: StepResult) -> str:
    """A step in one line, with its first metrics or its error."""
    parts = [f"{_GLYPHS.get(step.status, '·')} {step.name}"]
    if step.status == "skipped":
        return f"{parts[0]} · skipped"
    parts.append(f"{step.duration_s:.3g} s")
    if step.error is not None:
        parts.append(f"{step.status}, {step.error}")
    parts += [f"{key} {value:.4g}" for key, value in list(step.metrics.items())[:3]]
    return " · ".join(parts)


def gate_line(gate: GateRecord) -> str:
    """A gate in one line: its glyph and its sentence."""
    return f"{_GLYPHS.get(gate.state, '·')} {gate.sentence}"


def promotion_line(promotion: Promotion) -> str:
    """What became of the model in one line: its glyph and its sentence."""
    return f"{_GLYPHS.get(promotion.state, '·')} {promotion.sentence}"


def deployment_line(deployment: Deployment) -> str:
    """What became of serving the model in one line: its glyph and its sentence."""
    return f"{_GLYPHS.get(deployment.state, '·')} {deployment.sentence}"


def _step_json(step: StepResult) -> dict[str, Any]:
    error = step.error
    return {
        "name": step.name,
        "status": step.status,
        "run_id": step.run_id,
        "notebook": step.notebook,
        "executed": str(step.executed) if step.executed else None,
        "duration_s": round(step.duration_s, 3),
        "attempts": step.attempts,
        "metrics": _plain(step.metrics),
        "params": _plain(step.params),
        "inputs": dict(step.inputs),
        "outputs": {name: str(path) for name, path in step.outputs.items()},
        "versions": dict(step.versions),
        "error": None
        if error is None
        else {
            "name": error.name,
            "message": error.message,
            "cell_index": error.cell_index,
            "cell_id": error.cell_id,
            "source": error.source,
            "traceback": error.traceback,
        },
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
