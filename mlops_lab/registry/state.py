"""Everything that was decided about one model, and what follows from it.

Pure once it is read: the same decisions in the order of their numbers give the same answers,
however they came into the index.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.registry.records import AliasMove, Approval, Judgement

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["NOBODY", "Event", "ModelState", "Move", "VersionRow", "read_state", "read_states"]

NOBODY: Final = "?"
"""Who decided, where the line does not say: it can only be hand-written."""

_VERSIONS: Final = """
select v.model, v.version, v.digest, v.run_id, v.logged_model, v.flavor, v.unsafe, v.size, v.t,
       v.by_id, v.facts, v.note, v.n, [r.author, r.claimed_user]
from lab.model_version v left join lab.run r on r.run_id = v.run_id
where $name is null or v.model = $name order by v.n
"""
_EVENTS: Final = """
select e.model, e.n, e.t, e.by_id, e.kind, e.version, e.alias, e.digest, e.data::varchar, r.name
from lab.model_event e left join lab.run r on r.run_id = e.data->>'run'
where $name is null or e.model = $name order by e.n
"""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """What ``model.register`` said."""

    model: str
    version: int
    digest: str
    run_id: str | None
    logged_model: str | None
    flavor: str
    unsafe: bool
    size_bytes: int
    at: datetime
    by: str
    facts: str | None
    note: str
    n: int
    makers: tuple[str, ...] = ()
    """Who ran the run that made it, by the system's word and by the environment's."""


@dataclass(frozen=True, slots=True)
class Event:
    """Any other decision about the model."""

    n: int
    at: datetime
    by: str
    kind: str
    version: int | None
    alias: str | None
    digest: str | None
    data: dict[str, Any]
    run_name: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """One decision that moved an alias; version None took it away."""

    n: int
    at: datetime
    by: str
    alias: str
    version: int | None
    digest: str | None
    how: str
    reason: str
    run_id: str | None


@dataclass(frozen=True)
class ModelState:
    """One model as its decisions left it.

    Attributes
    ----------
    versions
        By number, deleted ones included.
    events
        In the order in which they were decided. One that speaks of another content than its
        version has, or of no version that exists, is left out: it can only be hand-written.
    """

    name: str
    versions: dict[int, VersionRow]
    events: tuple[Event, ...]

    # ------------------------------------------------------------------ versions

    @cached_property
    def deleted(self) -> dict[int, int]:
        """The versions that were deleted, with the number of the decision."""
        return {e.version: e.n for e in self.events if e.kind == "model.delete" and e.version}

    @property
    def ready(self) -> list[VersionRow]:
        """The versions that were not deleted, oldest first."""
        return [self.versions[v] for v in sorted(self.versions) if v not in self.deleted]

    @property
    def latest(self) -> int | None:
        """The newest version that was not deleted."""
        ready = self.ready
        return ready[-1].version if ready else None

    @property
    def next_version(self) -> int:
        """The number of the version to come; a deleted one's is not given again."""
        return max(self.versions, default=0) + 1

    def of_digest(self, digest: str) -> VersionRow | None:
        """Find the version with this content."""
        return next((row for row in self.ready if row.digest == digest), None)

    @property
    def updated_at(self) -> datetime:
        """When something was last decided about it."""
        return max([row.at for row in self.versions.values()] + [e.at for e in self.events])

    # ------------------------------------------------------------------ words of people

    @property
    def description(self) -> str:
        """What people say the model is for."""
        said = [e.data["description"] for e in self._edits(None) if _text(e, "description")]
        return str(said[-1]) if said else ""

    def note(self, version: int) -> str:
        """The note on a version: as edited last, else as it was registered."""
        said = [e.data["note"] for e in self._edits(version) if _text(e, "note")]
        return str(said[-1]) if said else self.versions[version].note

    def tags(self, version: int | None) -> dict[str, str]:
        """The tags of a version, or of the model."""
        found: dict[str, str] = {}
        for event in self._edits(version):
            for key, value in (event.data.get("tags") or {}).items():
                if value is None:
                    found.pop(key, None)
                else:
                    found[str(key)] = str(value)
        return found

    @property
    def card_sections(self) -> dict[str, str]:
        """The parts of the model card that people wrote, the last word on each."""
        found: dict[str, str] = {}
        for event in self.events:
            if event.kind == "model.card" and isinstance(event.data.get("sections"), dict):
                found |= {str(k): str(v) for k, v in event.data["sections"].items()}
        return found

    def _edits(self, version: int | None) -> Iterator[Event]:
        return (e for e in self.events if e.kind == "model.edit" and e.version == version)

    # ------------------------------------------------------------------ aliases

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """Every move of an alias; an approval that was the last one missing is one as well."""
        return tuple(_move(event) for event in self.events if _is_move(event))

    def moves_of(self, alias: str) -> list[Move]:
        """The moves of one alias, oldest first."""
        return [move for move in self.moves if move.alias == alias]

    @cached_property
    def aliases(self) -> dict[str, int]:
        """Which version each alias is on."""
        last = {move.alias: move.version for move in self.moves}
        return {alias: version for alias, version in last.items() if version is not None}

    def aliases_of(self, version: int) -> tuple[str, ...]:
        """What a version is called now."""
        return tuple(sorted(a for a, v in self.aliases.items() if v == version))

    def history(self, alias: str) -> list[AliasMove]:
        """Who had the alias when, oldest first."""
        moves = self.moves_of(alias)
        ends = [*(move.at for move in moves[1:]), None][: len(moves)]
        return [
            AliasMove(
                alias, m.version, m.digest, m.at, until, m.by, m.how, m.reason, run_id=m.run_id
            )
            for m, until in zip(moves, ends, strict=True)
        ]

    def before(self, alias: str) -> list[int]:
        """The versions to roll back to, the nearest first.

        What a promotion put on top, a rollback takes off again: twice back goes two steps back,
        and never forward to what was rolled back from. A version that lost its alias because it
        was taken away is the first to come back.
        """
        stack: list[int] = []
        for move in self.moves_of(alias):
            if move.version is None:
                continue
            if move.how == "rollback" and move.version in stack:
                while stack[-1] != move.version:
                    stack.pop()
            elif not stack or stack[-1] != move.version:
                stack.append(move.version)
        if stack and self.aliases.get(alias) == stack[-1]:
            stack.pop()
        found = dict.fromkeys(reversed(stack))
        found.pop(self.aliases.get(alias, 0), None)
        return [version for version in found if version not in self.deleted]

    # ------------------------------------------------------------------ judgement and approval

    def judgement(self, version: int) -> Judgement | None:
        """What a pipeline said of a version last."""
        said = [e for e in self.events if e.kind == "model.judge" and e.version == version]
        return _judgement(said[-1]) if said else None

    def verdict(self, version: int) -> Judgement | None:
        """What became of it: what waited for people is what they made of it since."""
        said = self.judgement(version)
        if said is None or said.outcome != "waiting":
            return said
        for event in reversed(self.events):
            settled = _mapping(event.data.get("settles"))
            if event.n > said.n and said.run_id in (settled.get("runs") or [settled.get("run")]):
                if settled.get("outcome") == "passed":
                    return replace(said, outcome="passed", passed=said.total, sentences=())
                return replace(said, outcome="rejected", sentences=(str(settled.get("reason")),))
        return said

    def open_request(self, version: int, alias: str) -> Event | None:
        """The request that is waiting for approval: the last one since anything settled it."""
        asked = self._round(version, alias, "model.request")
        return asked[-1] if asked else None

    def waiting_runs(self, version: int, alias: str) -> list[str]:
        """The pipeline runs that wait for an answer: one that ran again meanwhile waits as well."""
        asked = (e.data.get("run") for e in self._round(version, alias, "model.request"))
        return list(dict.fromkeys(str(run) for run in asked if run))

    def open_requests(self) -> list[Event]:
        """All that waits for approval, one per version and alias, oldest first."""
        found: dict[tuple[int, str], Event] = {}
        for event in self.events:
            if event.kind == "model.request" and event.version and event.alias:
                asked = self.open_request(event.version, event.alias)
                if asked is not None and event.version not in self.deleted:
                    found[event.version, event.alias] = asked
        return sorted(found.values(), key=lambda event: event.n)

    def authors(self, version: int, alias: str) -> set[str]:
        """Who made the version what it is: trained it, registered it, or asks for its promotion.

        What the environment claims counts here, too: where all kernels run as one user of the
        system, it is the only word on who that is, and to claim another name bars one person more.
        """
        row = self.versions[version]
        asked = self._round(version, alias, "model.request")
        return {row.by, *row.makers, *(event.by for event in asked)}

    def approvals(self, version: int, alias: str) -> list[Approval]:
        """The approvals since the last rejection or promotion, whether they count or not."""
        return [
            Approval(
                by=e.by,
                role=str(e.data.get("role") or ""),
                at=e.at,
                comment=str(e.data.get("comment") or ""),
                alias=alias,
                version=version,
                digest=e.digest or "",
                n=e.n,
            )
            for e in self._round(version, alias, "model.approve")
        ]

    def rejection(self, version: int, alias: str) -> Event | None:
        """The rejection that stands: nobody has asked again since."""
        about = [
            e
            for e in self.events
            if e.version == version
            and e.alias == alias
            and e.kind in ("model.request", "model.reject")
        ]
        return about[-1] if about and about[-1].kind == "model.reject" else None

    def _round(self, version: int, alias: str, kind: str) -> list[Event]:
        about = [e for e in self.events if e.version == version and e.alias == alias]
        settled = max(
            (e.n for e in about if e.kind == "model.reject" or _is_promotion(e)), default=0
        )
        return [e for e in about if e.kind == kind and e.n > settled]


def read_state(cursor: DuckDBPyConnection, name: str) -> ModelState | None:
    """Read one model, or None when there is none of that name."""
    return read_states(cursor, name).get(name)


def read_states(cursor: DuckDBPyConnection, name: str | None = None) -> dict[str, ModelState]:
    """Read all models, or the one of this name."""
    versions: dict[str, dict[int, VersionRow]] = {}
    for row in cursor.execute(_VERSIONS, {"name": name}).fetchall():
        values: list[Any] = list(row)
        values[8], values[-1] = _utc(values[8]), tuple(filter(None, values[-1]))
        made = VersionRow(*values)
        # Of two lines for one number, which only a hand can have written, the first counts.
        versions.setdefault(made.model, {}).setdefault(made.version, made)
    events: dict[str, list[Event]] = {}
    for model, n, t, by, kind, version, alias, digest, data, run_name in cursor.execute(
        _EVENTS, {"name": name}
    ).fetchall():
        known = versions.get(model, {}).get(version) if version is not None else None
        if version is not None and known is None:
            continue
        if digest is not None and known is not None and digest != known.digest:
            continue
        event = Event(n, _utc(t), by or NOBODY, kind, version, alias, digest, _dict(data), run_name)
        events.setdefault(model, []).append(event)
    return {
        model: ModelState(model, rows, tuple(events.get(model, ())))
        for model, rows in versions.items()
    }


def _is_promotion(event: Event) -> bool:
    if event.kind == "model.approve":
        return isinstance(event.data.get("promotes"), dict)
    return (
        event.kind == "model.alias"
        and event.version is not None
        and event.data.get("how") != "rollback"
    )


def _is_move(event: Event) -> bool:
    return bool(event.alias) and (event.kind == "model.alias" or _is_promotion(event))


def _move(event: Event) -> Move:
    approved = event.kind == "model.approve"
    run = _mapping(event.data.get("settles")).get("run") or event.data.get("run")
    return Move(
        n=event.n,
        at=event.at,
        by=event.by,
        alias=str(event.alias),
        version=event.version,
        digest=event.digest,
        how="promote" if approved else str(event.data.get("how") or "promote"),
        reason=str(event.data.get("comment" if approved else "reason") or ""),
        run_id=str(run) if run else None,
    )


def _judgement(event: Event) -> Judgement:
    data = event.data
    gates, metrics = _mapping(data.get("gates")), _mapping(data.get("metrics"))
    sentences = data.get("sentences")
    return Judgement(
        run_id=str(data["run"]) if data.get("run") else None,
        run_name=event.run_name,
        outcome=str(data.get("outcome")),
        passed=_whole(gates.get("passed")),
        total=_whole(gates.get("total")),
        sentences=tuple(map(str, sentences)) if isinstance(sentences, list) else (),
        metrics={str(k): _float(v) for k, v in metrics.items()},
        champion=_champion(data.get("champion")),
        judged=data["judged"] if isinstance(data.get("judged"), dict) else {},
        approval=data["approval"] if isinstance(data.get("approval"), dict) else None,
        at=event.at,
        by=event.by,
        n=event.n,
    )


def _champion(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    metrics = _mapping(value.get("metrics"))
    return {**value, "metrics": {str(k): _float(v) for k, v in metrics.items()}}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(event: Event, key: str) -> bool:
    return isinstance(event.data.get(key), str)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _dict(text: str | None) -> dict[str, Any]:
    value = json.loads(text) if text else None
    return value if isinstance(value, dict) else {}


def _utc(t: int) -> datetime:
    return datetime.fromtimestamp(t / 1e6, UTC)
