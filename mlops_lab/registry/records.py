"""What the registry keeps, as values: models, versions, judgements, approvals, moves of aliases.

Everything here is frozen. Times are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

__all__ = [
    "AliasMove",
    "Approval",
    "ApprovalRequest",
    "ApprovalResult",
    "Fault",
    "Judgement",
    "LineState",
    "LoggedModel",
    "ModelRecord",
    "ModelVersion",
    "PolicyCheck",
    "PolicyLine",
    "Settlement",
]

LineState = Literal["passed", "waiting", "failed"]


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model that a run kept: what a version is made from.

    Attributes
    ----------
    id
        ``m-`` and 32 hexadecimal characters.
    digest
        The content id of its files as a tree.
    facts
        The content id of its ``model.json``.
    registered
        ``(model, version)`` of every version that was made from it.
    latency_ms
        How long it took to predict one row of its example, where it has one.
    """

    id: str
    run_id: str
    name: str
    flavor: str
    digest: str
    size_bytes: int
    unsafe: bool
    types: tuple[str, ...]
    signature: dict[str, Any] | None
    facts: str
    created_at: datetime
    registered: tuple[tuple[str, int], ...] = ()
    latency_ms: dict[str, Any] | None = None

    def __repr__(self) -> str:
        kind = "UNSAFE pickle" if self.unsafe else self.flavor
        made = "".join(f" · {model}@{version}" for model, version in self.registered)
        return f"<LoggedModel {self.name!r} ({self.id[:10]}) {kind} · {self.size_bytes:,} B{made}>"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gates of a pipeline said of a version.

    Attributes
    ----------
    outcome
        passed, rejected or waiting (all passed but the approval).
    passed, total
        How many of the gates passed.
    sentences
        Of the gates that did not pass.
    metrics, champion
        Of the version, and ``{"version", "metrics"}`` of the champion on the same rows.
    judged
        What was judged: ``{"digest"}`` or ``{"path"}``.
    approval
        ``{"role", "count"}`` when one of the gates is an approval.
    """

    run_id: str | None
    run_name: str | None
    outcome: str
    passed: int
    total: int
    sentences: tuple[str, ...]
    metrics: dict[str, float]
    champion: dict[str, Any] | None
    judged: dict[str, Any]
    approval: dict[str, Any] | None
    at: datetime
    by: str
    n: int

    def __repr__(self) -> str:
        why = "".join(f"\n  {sentence}" for sentence in self.sentences)
        return f"<Judgement {self.outcome}: {self.passed} of {self.total} gates passed>{why}"


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's word that a version may get an alias; it speaks of one content."""

    by: str
    role: str
    at: datetime
    comment: str
    alias: str
    version: int
    digest: str
    n: int


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A version that waits for approval.

    Attributes
    ----------
    needs
        How many approvals the alias takes in all.
    role
        The least role that can give one.
    may_approve, why_not
        Whether who asked for the queue may, and why not.
    """

    model: str
    version: int
    alias: str
    digest: str
    requested_by: str
    requested_at: datetime
    comment: str
    run_id: str | None
    approvals: tuple[Approval, ...]
    needs: int
    role: str
    may_approve: bool
    why_not: str | None

    @property
    def ref(self) -> str:
        """The version, as ``name@3``."""
        return f"{self.model}@{self.version}"


@dataclass(frozen=True, slots=True)
class AliasMove:
    """A stretch of time for which a version had an alias.

    Attributes
    ----------
    version
        None while nobody had it: it was taken away.
    until
        When the next one got it; None for the one that has it now.
    how
        promote, rollback or remove.
    """

    alias: str
    version: int | None
    digest: str | None
    since: datetime
    until: datetime | None
    by: str
    how: str
    reason: str
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One immutable version of a registered model.

    Attributes
    ----------
    digest
        The content id of its files as a tree.
    author
        Who registered it.
    aliases
        What it is called now, such as champion.
    judgement
        What a pipeline said of it last.
    state
        ready or deleted.
    """

    name: str
    version: int
    digest: str
    run_id: str | None
    logged_model: str | None
    flavor: str
    unsafe: bool
    size_bytes: int
    created_at: datetime
    author: str
    aliases: tuple[str, ...]
    note: str
    tags: dict[str, str]
    judgement: Judgement | None
    state: str
    facts_digest: str
    read_facts: Callable[[], Mapping[str, Any]] = field(repr=False, compare=False)

    @property
    def ref(self) -> str:
        """The version, as ``name@3``."""
        return f"{self.name}@{self.version}"

    @property
    def node(self) -> str:
        """Its place in the lineage."""
        return f"model:{self.ref}"

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was known when it was registered: metrics, params, signature, inputs, code …"""
        return self.read_facts()


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A registered model in a few facts.

    Attributes
    ----------
    versions
        How many there are, deleted ones left out.
    latest
        The newest version that is not deleted.
    waiting
        How many requests for approval are open.
    """

    name: str
    description: str
    tags: dict[str, str]
    versions: int
    latest: int | None
    aliases: dict[str, int]
    waiting: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """One demand of a policy: passed, waiting (for an approval) or failed, and why."""

    state: LineState
    sentence: str


@dataclass(frozen=True, slots=True)
class PolicyCheck:
    """What a policy says about giving an alias to a version."""

    alias: str
    lines: tuple[PolicyLine, ...]

    @property
    def state(self) -> LineState:
        """failed if a demand is not met, else waiting if one waits, else passed."""
        states = {line.state for line in self.lines}
        return "failed" if "failed" in states else "waiting" if "waiting" in states else "passed"

    @property
    def open(self) -> tuple[str, ...]:
        """The sentences of what stands in the way."""
        return tuple(line.sentence for line in self.lines if line.state != "passed")

    def __repr__(self) -> str:
        lines = [f"  {line.state}: {line.sentence}" for line in self.lines]
        return "\n".join([f"<PolicyCheck {self.alias} {self.state}>", *lines])

    def to_json(self) -> list[dict[str, str]]:
        """Give the demands in their shape in REST."""
        return [{"state": line.state, "sentence": line.sentence} for line in self.lines]


@dataclass(frozen=True, slots=True)
class ApprovalResult:
    """What became of a request, an approval, a rejection or a promotion."""

    promoted: bool
    sentence: str
    version: int
    alias: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a pipeline's wish to promote, once its gates are through."""

    state: Literal["promoted", "waiting", "refused"]
    sentence: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a version that is not what was registered.

    Attributes
    ----------
    where
        A file's path inside the version, or a field.
    """

    where: str
    message: str
