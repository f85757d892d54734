"""Endpoints as REST and ``--json`` show them: pure functions of records.

Of the state that the supervisor writes, a page takes what it says; where nobody serves, that is
said instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.serving.deciding import Change
from mlops_lab.serving.finder import EndpointEvent
from mlops_lab.serving.records import Desired, Revision, Rollout

if TYPE_CHECKING:
    from mlops_lab.serving.predictions.reading import Page
    from mlops_lab.serving.predictions.truth import Told

__all__ = [
    "change_page",
    "endpoint_page",
    "endpoint_row",
    "endpoints_page",
    "event_row",
    "predictions_page",
    "truth_page",
    "when",
]

_SPARK: Final = 60
"""Points of the little curve in a list: the last five minutes in steps of five seconds."""

_LONGEST: Final = 2_000
"""Characters of a text in a page: a log may hold a thousand of a million each."""

Status = Mapping[str, Any]
"""The supervisor's state file, as JSON."""


def when(us: int | None) -> str | None:
    """A time in µs as ISO 8601 in UTC, microseconds and ``Z`` included.

    >>> when(0)
    '1970-01-01T00:00:00.000000Z'
    """
    if us is None:
        return None
    moment = datetime.fromtimestamp(us / 1e6, UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds") + "Z"


def endpoints_page(rows: Iterable[tuple[Desired, Status | None]]) -> dict[str, Any]:
    """All endpoints of a project."""
    return {"endpoints": [endpoint_row(*row) for row in rows]}


def endpoint_row(should: Desired, status: Status | None) -> dict[str, Any]:
    """An endpoint in the facts that a list shows."""
    stable = should.revision(should.stable)
    state, sentence = _state(should, status)
    return {
        "name": should.name,
        "state": state,
        "sentence": sentence,
        "model": stable.model,
        "version": stable.version,
        "follows": should.follows,
        "workers": should.workers,
        "port": should.port,
        "host": should.host if should.port is not None else None,
        "since": when(stable.since),
        "by": stable.by,
        "seq": should.seq,
        "rollout": None if should.rollout is None else _rollout(should, should.rollout, status),
        "live": None if status is None or should.state == "stopped" else _live(status),
    }


def endpoint_page(
    should: Desired,
    status: Status | None,
    events: Sequence[EndpointEvent],
    *,
    signature: Mapping[str, Any] | None = None,
    example: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything about one endpoint.

    Parameters
    ----------
    events
        What was decided about it, the newest first.
    signature, example
        Of the version that it serves, for a form to try it.
    """
    stable = should.revision(should.stable)
    below = f"endpoints/{should.name}"
    return {
        "endpoint": endpoint_row(should, status),
        "desired": {
            **{key: value for key, value in should.to_json().items() if key != "token_hash"},
            "has_token": should.token_hash is not None,
        },
        "status": None if status is None else dict(status),
        "revisions": _revisions(should, status, events),
        "history": [event_row(event) for event in events],
        "signature": None if signature is None else dict(signature),
        "example": None if example is None else dict(example),
        "paths": {
            "ready": f"{below}/v2/health/ready",
            "infer": f"{below}/v2/models/{stable.model}/infer",
            "predict": f"{below}/predict",
            "metrics": f"{below}/metrics",
        },
    }


def event_row(event: EndpointEvent) -> dict[str, Any]:
    """One decision about an endpoint."""
    rollout = event.desired.rollout
    return {
        "n": event.n,
        "at": event.at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        "by": event.by,
        "via": event.via,
        "verb": event.verb,
        "sentence": event.sentence,
        "reason": event.reason,
        "stable": event.desired.revision(event.desired.stable).ref,
        "rollout": None if rollout is None else rollout.id,
        "evidence": event.evidence,
    }


def change_page(change: Change, status: Status | None) -> dict[str, Any]:
    """What a decision led to."""
    return {
        "changed": change.changed,
        "sentence": change.sentence,
        "endpoint": endpoint_row(change.desired, status),
    }


def predictions_page(page: Page) -> dict[str, Any]:
    """Some of the predictions: columns and rows as lists, times in ISO 8601."""
    names = page.rows.column_names
    truths = {column: name for name, column in page.truths.items()}
    return {
        "columns": [{"name": name, "truth": truths.get(name)} for name in names],
        "rows": [[_cell(row[name]) for name in names] for row in page.rows.to_pylist()],
        "next_cursor": page.next_cursor,
        "total": page.total,
    }


def truth_page(told: Told) -> dict[str, Any]:
    """What became of truths that were told."""
    return asdict(told)


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return when(int(value.replace(tzinfo=value.tzinfo or UTC).timestamp() * 1e6))
    if value is None or isinstance(value, int | float | bool):
        return value
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _state(should: Desired, status: Status | None) -> tuple[str, str]:
    if should.state == "stopped":
        return "stopped", f"{should.name} is stopped."
    if status is None:
        return "failed", (
            f"Nobody serves {should.name}: its process is gone. Deploying it again starts it."
        )
    if status.get("state") == "stopped":
        return "starting", f"{should.name} is being started."
    return str(status.get("state")), str(status.get("sentence") or "")


def _rollout(should: Desired, rollout: Rollout, status: Status | None) -> dict[str, Any]:
    told = (status or {}).get("rollout")
    evidence = told.get("evidence") if isinstance(told, Mapping) else None
    return {
        "id": rollout.id,
        "kind": rollout.kind,
        "share": rollout.share,
        "candidate": _version(should.revision(rollout.candidate)),
        "base": _version(should.revision(rollout.base)),
        "by": rollout.by,
        "guard": {
            "error_rate": rollout.guard.error_rate,
            "p99_ms": rollout.guard.p99_ms,
            "alpha": rollout.guard.alpha,
        },
        "ramp": [{"at": when(at), "share": share} for at, share in rollout.ramp],
        "began_at": when(rollout.began),
        "author": rollout.author,
        "reason": rollout.reason,
        "evidence": evidence,
    }


def _version(revision: Revision) -> dict[str, Any]:
    return {"revision": revision.id, "model": revision.model, "version": revision.version}


def _live(status: Status) -> dict[str, Any]:
    """The whole endpoint in a few figures; its times are those of who answers most."""
    rows = [row for row in status.get("revisions") or () if isinstance(row, Mapping)]
    answering = [row for row in rows if row.get("role") != "shadow"]
    stable = next((row for row in rows if row.get("role") == "stable"), {})
    ring = status.get("ring") or {}
    curves = [
        list(curve.get("requests") or ())[-_SPARK:]
        for curve in (ring.get("revisions") or {}).values()
    ]
    longest = max(map(len, curves), default=0)
    padded = [[0] * (longest - len(curve)) + curve for curve in curves]
    return {
        "rps": sum(float(row.get("rps") or 0) for row in answering),
        "p50_ms": stable.get("p50_ms"),
        "p99_ms": stable.get("p99_ms"),
        "requests": sum(int(row.get("requests") or 0) for row in answering),
        "errors": sum(int(row.get("errors") or 0) for row in answering),
        "spark": [sum(point) for point in zip(*padded, strict=True)],
        "step_s": ring.get("step_s"),
    }


def _revisions(
    should: Desired, status: Status | None, events: Sequence[EndpointEvent]
) -> list[dict[str, Any]]:
    """Every revision it ever had, the newest first: what runs with what it does, what was."""
    told = {row["id"]: row for row in (status or {}).get("revisions") or () if "id" in row}
    known: dict[str, Revision] = {}
    for event in reversed(events):
        known |= {one.id: one for one in event.desired.revisions}
    rows = []
    for one in sorted(known.values(), key=lambda each: -int(each.id[1:] or 0)):
        runs = should.state == "serving" and should.has(one.id)
        row = dict(told.get(one.id, {})) if runs else {}
        rows.append(
            {
                "state": "starting" if runs else "stopped",
                **row,
                "id": one.id,
                "model": one.model,
                "version": one.version,
                "digest": one.digest,
                "role": should.role(one.id) if runs else None,
                "share": _share(should, one.id) if runs else 0.0,
                "since": when(one.since),
                "by": one.by,
            }
        )
    return rows


def _share(should: Desired, id: str) -> float:
    rollout = should.rollout
    taken = rollout.share if rollout is not None and rollout.kind != "shadow" else 0.0
    if rollout is not None and id == rollout.candidate:
        return taken
    return 100.0 - taken if id == should.stable else 0.0
