"""Whether a metric is better high or low: declared once in ``[goals]``, else a visible guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["Direction", "Goal", "goal_metric", "goal_of_metric"]

Direction = Literal["max", "min"]

_LOW: Final = (
    *("loss", "error", "rmse", "mae", "mse", "nll", "perplexity", "latency", "brier"),
    *("alert", "warning", "drifted"),
)
_WORD: Final = re.compile(r"[a-z]+")

# Samples of the machine share the tables of metrics but never stand for a run.
SYSTEM_PREFIX: Final = "system/"


@dataclass(frozen=True, slots=True)
class Goal:
    """The direction in which a metric gets better, and whether we only guess it."""

    key: str
    direction: Direction
    guessed: bool


def goal_of_metric(key: str, goals: Mapping[str, Direction]) -> Goal:
    """Say in which direction the metric ``key`` gets better.

    Parameters
    ----------
    key
        The metric's name as it was logged.
    goals
        What the project declares, by metric name.

    Examples
    --------
    >>> goal_of_metric("auc", {"auc": "max"})
    Goal(key='auc', direction='max', guessed=False)
    >>> goal_of_metric("val/log_loss", {})
    Goal(key='val/log_loss', direction='min', guessed=True)
    """
    if key in goals:
        return Goal(key, goals[key], guessed=False)
    words = _WORD.findall(key.lower())
    low = any(
        form.endswith(_LOW)
        for word in words
        for form in (word, word.removesuffix("s"), word.removesuffix("es"))
    )
    return Goal(key, "min" if low else "max", guessed=True)


def goal_metric(keys: Iterable[str], goals: Mapping[str, Direction]) -> Goal | None:
    """Choose the metric that stands for a run: its first with a goal, else its first.

    Parameters
    ----------
    keys
        The run's metrics in the order in which they were first logged.
    goals
        What the project declares, by metric name.

    Examples
    --------
    >>> goal_metric(["loss", "auc"], {"auc": "max"})
    Goal(key='auc', direction='max', guessed=False)
    """
    shown = [key for key in keys if not key.startswith(SYSTEM_PREFIX)]
    chosen = next((key for key in shown if key in goals), shown[0] if shown else None)
    return None if chosen is None else goal_of_metric(chosen, goals)
