"""What is known of monitors, as values: files, checks, and how a monitor stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlops_lab.faults import Fault
from mlops_lab.monitoring.alerts import AlertRecord
from mlops_lab.monitoring.delivering import Delivery
from mlops_lab.monitoring.records import Evaluation
from mlops_lab.monitoring.spec import MonitorSpec

__all__ = ["Check", "EvaluationRecord", "MonitorFile", "MonitorRecord"]


@dataclass(frozen=True, slots=True)
class MonitorFile:
    """A monitor's file, sound or not.

    Parameters
    ----------
    name
        What it says, else the file's stem.
    path
        Relative to the project.
    spec
        None when something is wrong.
    faults
        What is wrong, in the order of the file.
    said
        What could be read of a faulty file: its texts by key.
    """

    name: str
    path: str
    spec: MonitorSpec | None
    faults: tuple[Fault, ...]
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One check of a monitor in a few facts.

    Parameters
    ----------
    state, sentence
        The worst that was open at its end, and the whole in words.
    alerts
        How many incidents were open.
    until
        The end of the data that it saw.
    digest
        The content id of the whole.
    """

    run_id: str
    monitor: str
    at: datetime
    state: str
    sentence: str
    alerts: int
    until: datetime | None
    chunks: int
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class MonitorRecord:
    """A monitor as it stands: its file, its last check, what is open.

    Parameters
    ----------
    state
        Of the last check; ``never`` without one, ``invalid`` with a faulty file.
    last
        Its last check.
    running
        The run of a check that goes on.
    next_at
        When it is due next.
    open_alerts
        How many alerts and warnings nobody has acknowledged, muted or resolved.
    """

    file: MonitorFile
    state: str
    sentence: str
    last: EvaluationRecord | None
    running: str | None
    next_at: datetime | None
    open_alerts: int

    @property
    def name(self) -> str:
        """What it is called."""
        return self.file.name


@dataclass(frozen=True, slots=True)
class Check:
    """What a check came to.

    Parameters
    ----------
    evaluation
        What it saw.
    opened, updated, resolved
        What it did to the alerts.
    waiting
        The monitor's alerts and warnings that nobody has looked at, after it.
    deliveries
        What became of the messages that it sent.
    """

    run_id: str
    monitor: str
    evaluation: Evaluation
    opened: tuple[AlertRecord, ...]
    updated: tuple[AlertRecord, ...]
    resolved: tuple[AlertRecord, ...]
    waiting: tuple[AlertRecord, ...]
    deliveries: tuple[Delivery, ...] = ()

    @property
    def state(self) -> str:
        """The worst that was open at its end: ok, warn, alert, quality or small."""
        return self.evaluation.summary.state

    def failing(self, severity: str = "alert") -> tuple[AlertRecord, ...]:
        """The waiting ones that are at least so severe: ``alert``, ``warn``; none for ``never``."""
        levels = {"alert": ("alert",), "warn": ("alert", "warn"), "never": ()}[severity]
        return tuple(one for one in self.waiting if one.severity in levels)

    def __repr__(self) -> str:
        counts = [
            f"{len(ones)} {word}"
            for word, ones in (
                ("opened", self.opened),
                ("went on", self.updated),
                ("resolved", self.resolved),
            )
            if ones
        ]
        told = "".join(f" · {count}" for count in counts)
        sentence = self.evaluation.summary.sentence
        return f"<Check {self.monitor} ({self.run_id[:8]}) {self.state}{told}: {sentence}>"
