"""Evaluations made by hand: the alerts of a monitor follow from nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mlops_lab.monitoring.records import (
    Chunking,
    ChunkRecord,
    Current,
    Evaluation,
    Incident,
    Policy,
    Reference,
    Section,
    Severity,
    Summary,
)

__all__ = ["evaluation", "incident", "week"]

FIRST = datetime(2013, 4, 1, tzinfo=UTC)


def week(number: int) -> str:
    """The key of a week, from 0."""
    return f"{FIRST + timedelta(weeks=number):%Y-%m-%d}"


def incident(
    cause: str = "drift:temp",
    first: int = 0,
    last: int | None = None,
    *,
    open: bool = True,
    severity: Severity = "alert",
    impact: float | None = 0.1,
    sentence: str = "temp moved.",
) -> Incident:
    """An incident from one week to another."""
    return Incident(
        key=f"{cause}@{week(first)}",
        kind="drift",
        severity=severity,
        columns=("temp",),
        segment=None,
        first=week(first),
        last=week(first if last is None else last),
        open=open,
        sentence=sentence,
        impact=impact,
        sections=(Section("What fired", (f"D of {cause} is 0.2.",)),),
    )


def evaluation(*incidents: Incident, weeks: int = 4) -> Evaluation:
    """What a check of so many weeks found."""
    worst = {"alert": 2, "warn": 1, "info": 0}
    going = [one.severity for one in incidents if one.open]
    state = max(going, key=lambda one: worst[one], default="ok")
    chunks = tuple(
        ChunkRecord(
            key=week(number),
            label=f"week {number}",
            from_=FIRST + timedelta(weeks=number),
            until=FIRST + timedelta(weeks=number + 1),
            rows=5000,
            state="complete",
        )
        for number in range(weeks)
    )
    return Evaluation(
        format=1,
        id=None,
        monitor="delay",
        title="predictions against flights",
        at=FIRST,
        reference=Reference("fixed", "flights@1", 60_000, None, None, 13),
        current=Current("predictions@1", 5000 * weeks, FIRST, FIRST + timedelta(weeks=weeks)),
        chunking=Chunking("week", "at", "UTC", "by week"),
        policy=Policy(),
        notes=(),
        summary=Summary("ok" if state == "info" else state, "It is so."),
        chunks=chunks,
        columns=(),
        quality=(),
        performance=None,
        alerts=incidents,
        events=(),
    )
