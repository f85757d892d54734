"""The second line of a run's row: the most telling thing about it.

Where it is while it runs; why it ended when it did not end well; what its gates said; else the
params in which it differs from the runs around it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

__all__ = ["Facts", "GateFact", "StepFact", "distinctive", "subline"]

MAX_PARAMS = 3
MAX_CHARACTERS = 120
# The reason that a fold gives when a run's writer died without a word.
PROCESS_GONE = "Its process is gone."
# Params that differ from run to run by design, and say little.
_SEEDS = ("seed", "random_state")
_DECIMAL = re.compile(r"-?\d+\.\d+(e[+-]?\d+)?")
_SIGNS = {">=": "≥", "<=": "≤", "!=": "≠"}


@dataclass(frozen=True, slots=True)
class StepFact:
    """A step of a pipeline run: its name, its status, and the cell it is in."""

    name: str
    status: str
    cell: tuple[int, int | None] | None = None


@dataclass(frozen=True, slots=True)
class GateFact:
    """A gate of a pipeline run: what it asks for and how it stands."""

    expression: str
    state: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a sub-line is made from.

    Attributes
    ----------
    cell
        Index from 1 of the cell it is in or was last, and how many there are (None: not known).
    step, planned_steps
        The largest metric step so far, and how many there will be.
    params
        Those worth showing, best first (:func:`distinctive`).
    steps, gates
        Of a pipeline run.
    """

    kind: str
    status: str
    outcome: str | None = None
    reason: str | None = None
    notebook: str | None = None
    cell: tuple[int, int | None] | None = None
    step: int | None = None
    planned_steps: int | None = None
    params: Sequence[tuple[str, str]] = ()
    steps: Sequence[StepFact] = field(default=())
    gates: Sequence[GateFact] = field(default=())


def subline(facts: Facts) -> str:
    """Say the most telling thing about a run in a few words; never longer than 120 characters.

    Examples
    --------
    >>> subline(Facts("training", "running", cell=(7, 9), step=75, planned_steps=120))
    'cell 7 · step 75 of 120'
    >>> subline(Facts("training", "finished", params=[("model", "logistic"), ("C", "0.1")]))
    'model logistic · C 0.1'
    """
    match facts.status:
        case "scheduled":
            text = "waiting to start"
        case "running":
            text = _where(facts)
        case "failed" | "killed":
            text = _why(facts)
        case _:
            text = _result(facts)
    text = " ".join(text.split())
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"


def distinctive(
    params: Mapping[str, str], siblings: Iterable[Mapping[str, str]]
) -> list[tuple[str, str]]:
    """Choose the params that tell a run from the others, the rarest value first.

    Parameters
    ----------
    params
        The run's own, in the order in which they were logged.
    siblings
        Those of the runs it is shown with, itself included.

    Returns
    -------
    list
        At most three; when nothing differs, its first two. Seeds come last: they differ by design.

    Examples
    --------
    >>> gbm, deep = {"lr": "0.1", "depth": "3"}, {"lr": "0.1", "depth": "9"}
    >>> distinctive(deep, [gbm, gbm, deep])
    [('depth', '9')]
    """
    shared: Counter[tuple[str, str]] = Counter()
    n = 0
    for sibling in siblings:
        n += 1
        shared.update(sibling.items())
    differing = [pair for pair in params.items() if shared[pair] < n]
    if not differing:
        return list(params.items())[:2]
    order = {key: index for index, key in enumerate(params)}

    def rank(pair: tuple[str, str]) -> tuple[bool, int, int]:
        return pair[0] in _SEEDS, shared[pair], order[pair[0]]

    return sorted(differing, key=rank)[:MAX_PARAMS]


def _where(facts: Facts) -> str:
    running = next((step for step in facts.steps if step.status == "running"), None)
    if running is not None:
        return _joined(running.name, _cell(running.cell, total=True))
    progress = _joined(_cell(facts.cell), _step(facts))
    if progress:
        return progress
    if facts.kind == "pipeline":
        done = sum(step.status == "finished" for step in facts.steps)
        return f"pipeline · {done} steps done" if done else "pipeline · starting"
    return PurePosixPath(facts.notebook).name if facts.notebook else "running"


def _why(facts: Facts) -> str:
    if facts.status == "killed" and facts.reason == PROCESS_GONE:
        who = "kernel died" if facts.notebook else "process died"
        if facts.cell:
            return f"{who} in {_cell(facts.cell)}"
        return f"{who} at {_step(facts)}" if _step(facts) else who
    if facts.reason and facts.reason.strip():
        return _unsentence(facts.reason)
    return _joined(facts.status, _cell(facts.cell), _step(facts))


def _result(facts: Facts) -> str:
    if facts.outcome == "passed":
        return "pipeline · gates passed"
    if facts.outcome == "rejected":
        gate = next((gate for gate in facts.gates if gate.state == "rejected"), None)
        return f"pipeline · rejected: {_shown(gate.expression)}" if gate else "pipeline · rejected"
    if facts.outcome == "waiting":
        return "pipeline · waits for approval"
    if facts.kind == "pipeline":
        n = len(facts.steps)
        return f"pipeline · {n} {'step' if n == 1 else 'steps'}"
    if facts.params:
        return " · ".join(f"{key} {_short(value)}" for key, value in facts.params)
    return PurePosixPath(facts.notebook).name if facts.notebook else facts.kind


def _short(value: str) -> str:
    """A number drawn by a search has more digits than a row has room for."""
    if len(value) <= 6 or not _DECIMAL.fullmatch(value):
        return value
    return f"{float(value):.3g}"


def _cell(cell: tuple[int, int | None] | None, *, total: bool = False) -> str:
    if cell is None:
        return ""
    index, n = cell
    return f"cell {index} of {n}" if total and n else f"cell {index}"


def _step(facts: Facts) -> str:
    if facts.step is None or (facts.step == 0 and not facts.planned_steps):
        return ""
    if facts.planned_steps:
        return f"step {facts.step:,} of {facts.planned_steps:,}"
    return f"step {facts.step:,}"


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _unsentence(reason: str) -> str:
    """A reason is a sentence; in a row it needs neither its article nor its full stop."""
    text = reason.strip().splitlines()[0].removesuffix(".")
    for article in ("The ", "Its "):
        if text.startswith(article):
            return text.removeprefix(article)
    return text


def _shown(expression: str) -> str:
    """``evaluate.auc <= 0.85`` as ``auc ≤ 0.85``: the step is clear, signs are shorter."""
    text = re.sub(r"\b[A-Za-z_]\w*\.(?=[A-Za-z_`])", "", expression)
    return re.sub(r">=|<=|!=", lambda sign: _SIGNS[sign.group()], text)
