"""What holds a cause back, without a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.orchestration.triggers.history import History, Start
from mlops_lab.orchestration.triggers.kind import Cause, Limits, Look, Trigger
from mlops_lab.orchestration.triggers.limits import judge

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = 86_400.0


def start(hours: float) -> Start:
    at = NOW - timedelta(hours=hours)
    return Start("ab" * 16, at, at, {}, "mara", True, "finished", None)


def standing(limits: Limits, *, hours: float = 0.0, first: float | None = None, **more: Any) -> Any:
    """What is said of a cause that came so many hours ago."""
    at = NOW - timedelta(hours=hours)
    since = at if first is None else NOW - timedelta(hours=first)
    look = Look({"n": 2}, Cause("x:2", "it came", at, since))
    labels, busy = more.pop("labels", None), more.pop("busy", None)
    history = History(5, {"x": {"n": 1}}, {"x": 100}, more.pop("starts", ()), **more)
    return judge(Trigger(0, "x", "x: y", "x", None, limits), look, history, NOW, labels, busy)


@pytest.mark.parametrize(
    ("limits", "facts", "said"),
    [
        (Limits(), {}, "it came"),
        (Limits(debounce_s=600), {}, "it waits for a pause until 12:10 UTC: it came"),
        (Limits(debounce_s=600), {"hours": 0.2}, "it came"),
        # A stream that never pauses is not waited for for ever.
        (Limits(debounce_s=600), {"first": 1.6}, "it waits for a pause until 12:10 UTC: it came"),
        (Limits(debounce_s=600), {"first": 1.7}, "it came"),
        (Limits(new_labels=50), {"labels": 149}, "it waits for labels, 49 of 50 came: it came"),
        (Limits(new_labels=50), {"labels": 150}, "it came"),
        (Limits(new_labels=50), {"labels": 3}, "it waits for labels, 0 of 50 came: it came"),
        (Limits(), {"busy": "x@2 is a canary of x still"}, "x@2 is a canary of x still: it came"),
        (Limits(), {"going": "ab" * 16}, "run abababab goes on: it came"),
        (
            Limits(cooldown_s=28 * DAY),
            {"starts": (start(24),)},
            "it cools down until 2026-12-19 12:00 UTC: it came",
        ),
        (Limits(cooldown_s=DAY), {"starts": (start(25),)}, "it came"),
        (
            Limits(max_per_day=2),
            {"starts": (start(1), start(20), start(23))},
            "2 starts a day are its limit until 16:00 UTC: it came",
        ),
        (Limits(max_per_day=2), {"starts": (start(1), start(25))}, "it came"),
    ],
)
def test_what_holds_a_cause_back_is_said(limits: Limits, facts: dict[str, Any], said: str) -> None:
    found = standing(limits, **facts)
    assert found.sentence == said
    assert (found.state == "ready") == (said == "it came")


@given(
    st.builds(
        Limits,
        st.floats(0, DAY),
        st.floats(0, 30 * DAY),
        st.none() | st.integers(1, 5),
        st.none() | st.integers(1, 500),
    ),
    st.lists(st.floats(0, 40), max_size=6),
    st.integers(0, 700),
)
def test_what_is_held_by_the_clock_says_until_when(
    limits: Limits, ago: list[float], labels: int
) -> None:
    """Then, and not before, the next limit has its say."""
    starts = tuple(start(hours) for hours in sorted(ago))
    found = standing(limits, starts=starts, labels=labels)
    assert found.state in ("held", "ready")
    assert found.whole == ("pause" not in found.sentence and "labels" not in found.sentence)
    if found.until is None:
        assert found.state == "ready" or "labels" in found.sentence
    else:
        assert found.until > NOW
