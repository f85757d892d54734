"""Endpoints as lists, pages and cards show them, whatever state they are in."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from mlops_lab.handles.endpoint_card import endpoint_card, endpoint_line
from mlops_lab.serving import pages
from mlops_lab.serving.finder import EndpointEvent
from mlops_lab.serving.records import Desired, Revision, Rollout

HOSTILE = "<img src=x onerror=alert(1)>"
FIVE = Revision("r1", "flight-delay", 5, "b3-5", since=1_790_000_000_000_000, by="ivo")
SIX = Revision("r2", "flight-delay", 6, "b3-6", since=1_790_000_001_000_000, by=HOSTILE)
ROLLOUT = Rollout("a" * 32, "canary", "r2", "r1", 5.0, ramp=((1_790_000_009_000_000, 20.0),))
SERVING = Desired("delay", 7, "serving", (FIVE, SIX), "r1", rollout=ROLLOUT)
STATUS: dict[str, Any] = {
    "state": "serving",
    "sentence": "",
    "url": "unix:/run/x.sock",
    "revisions": [
        {"id": "r1", "role": "stable", "state": "ready", "rps": 3.3, "p50_ms": 4.4, "p99_ms": 7.8}
        | {"requests": 95, "errors": 1, "workers": [{"rss": 10**8}]},
        {"id": "r2", "role": "canary", "state": "crashed", "rps": 0.2, "p50_ms": None}
        | {"p99_ms": None, "requests": 5, "errors": 2, "sentence": HOSTILE},
    ],
    "rollout": {
        "evidence": {"sentence": "Calm.", "metrics": [{"title": "Errors", "sentence": "1"}]}
    },
    "ring": {"step_s": 5, "revisions": {"r1": {"requests": [1, 2]}, "r2": {"requests": [1]}}},
}


def event(n: int, desired: Desired) -> EndpointEvent:
    return EndpointEvent(
        n, datetime(2026, 11, 22, tzinfo=UTC), "ivo", "os", "deploy", "s", "", desired
    )


class Tags(HTMLParser):
    """Which elements a card has, and whether all are closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.names.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(desired: Desired = SERVING, status: dict[str, Any] | None = STATUS) -> dict[str, Any]:
    return pages.endpoint_page(desired, status, [event(2, desired), event(1, SERVING)])


def test_a_row_sums_what_answers() -> None:
    row = pages.endpoint_row(SERVING, STATUS)
    assert row["state"] == "serving"
    assert row["live"] == {
        "rps": 3.5,
        "p50_ms": 4.4,
        "p99_ms": 7.8,
        "requests": 100,
        "errors": 3,
        "spark": [1, 3],
        "step_s": 5,
    }
    assert row["rollout"]["candidate"] == {"revision": "r2", "model": "flight-delay", "version": 6}
    assert row["rollout"]["evidence"]["sentence"] == "Calm."


def test_traffic_is_shared_and_a_shadow_takes_none() -> None:
    shares = {one["id"]: (one["role"], one["share"]) for one in page()["revisions"]}
    assert shares == {"r2": ("canary", 5.0), "r1": ("stable", 95.0)}
    shadow = Desired(
        **{
            **{name: getattr(SERVING, name) for name in ("name", "seq", "state", "revisions")},
            "stable": "r1",
            "rollout": Rollout("a" * 32, "shadow", "r2", "r1", 100.0),
        }
    )
    found = {one["id"]: one["share"] for one in page(shadow)["revisions"]}
    assert found == {"r2": 0.0, "r1": 100.0}


@pytest.mark.parametrize(
    ("desired", "status", "state"),
    [
        (SERVING, None, "failed"),
        (SERVING, {**STATUS, "state": "stopped"}, "starting"),
        (SERVING, STATUS, "serving"),
        (Desired("delay", 9, "stopped", (FIVE,), "r1"), None, "stopped"),
        (Desired("delay", 9, "stopped", (FIVE,), "r1"), STATUS, "stopped"),
        (SERVING, {"state": "starting"}, "starting"),
    ],
)
def test_every_state_is_told(desired: Desired, status: Any, state: str) -> None:
    found = page(desired, status)
    assert found["endpoint"]["state"] == state
    assert f"<Endpoint delay {state} flight-delay@5" in endpoint_line(found)
    html = endpoint_card(found, "unix:/run/x.sock" if state == "serving" else None)
    tags = Tags(html)
    assert not tags.open
    assert "img" not in tags.names
    assert ("curl --unix-socket /run/x.sock" in html) == (state == "serving")


def test_a_page_holds_no_secret_and_every_revision_that_was() -> None:
    later = Desired("delay", 9, "serving", (FIVE,), "r1", token_hash="f" * 64, port=8200)
    found = page(later)
    assert "f" * 64 not in repr(found)
    assert found["desired"]["has_token"] is True
    assert [(one["id"], one["role"], one["state"]) for one in found["revisions"]] == [
        ("r2", None, "stopped"),
        ("r1", "stable", "ready"),
    ]
    assert "Authorization: Bearer $TOKEN" in endpoint_card(found, "http://127.0.0.1:8200")
