"""What an endpoint should serve: one value, kept as ``.mlops/endpoints/<name>.json``.

The manager writes it after the decision that settles it, the supervisor makes it so, and anybody
may read it. It holds no secret: of a token only the hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, TypeVar

from mlops_lab.errors import Corrupt

__all__ = ["Desired", "Guard", "Kind", "Limits", "Revision", "Role", "Rollout", "made"]

_FORMAT: Final = 1

T = TypeVar("T")

Role = Literal["stable", "canary", "shadow"]
"""What a revision was when it answered; both sides of an A/B test are stable."""

Kind = Literal["canary", "shadow", "ab"]


@dataclass(frozen=True, slots=True)
class Revision:
    """One model version, deployed.

    Attributes
    ----------
    id
        ``r1``, ``r2`` …: counted per endpoint, never used again.
    model, version
        The registered model's name and its version.
    digest
        The content id of the model's package: what is verified before it is loaded.
    backend
        ``auto`` (the fastest that passes its parity gate), or the one that was asked for.
    since
        When it was deployed, in µs, UTC.
    by
        Who deployed it.
    unsafe
        Somebody has agreed that its format runs whatever code is in it; without that it is not
        loaded.
    """

    id: str
    model: str
    version: int
    digest: str
    backend: str = "auto"
    since: int = 0
    by: str = ""
    unsafe: bool = False

    @property
    def ref(self) -> str:
        """The version as people write it: ``flight-delay@5``."""
        return f"{self.model}@{self.version}"


@dataclass(frozen=True, slots=True)
class Guard:
    """When a canary is taken back by itself.

    Attributes
    ----------
    error_rate
        What share of answers may fail; a sentence for people, and the level of the hard stop.
    p99_ms
        An answer slower than this is a bad event; None: twice the stable revision's own p99.
    alpha
        How often a healthy canary may be rolled back, over all looks and metrics.
    """

    error_rate: float = 0.02
    p99_ms: float | None = None
    alpha: float = 0.05


@dataclass(frozen=True, slots=True)
class Rollout:
    """A canary, a shadow or an A/B test under way.

    Attributes
    ----------
    id
        32 hexadecimal characters; what logged predictions and the evidence name.
    kind
        canary, shadow or ab.
    candidate
        The id of the revision that is tried.
    base
        The id of the revision that it is compared with.
    share
        Its share of the traffic in percent, 0–100; of a shadow the share that is copied.
    by
        The column whose value is the unit; None: what the request says, else a cookie.
    salt
        Mixed into the hash of the unit. A raised share keeps the salt: nobody moves out.
    guard
        Of a canary.
    ramp
        ``(µs, UTC, share)`` of the raises to come.
    began
        µs, UTC.
    author, reason
        Who began it, and why.
    """

    id: str
    kind: Kind
    candidate: str
    base: str
    share: float
    by: str | None = None
    salt: str = ""
    guard: Guard = field(default_factory=Guard)
    ramp: tuple[tuple[int, float], ...] = ()
    began: int = 0
    author: str = ""
    reason: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rollout:
        """Read it from JSON; what a newer program added is left out."""
        return made(
            cls,
            data,
            guard=made(Guard, data.get("guard") or {}),
            ramp=tuple((int(at), float(share)) for at, share in data.get("ramp") or ()),
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker takes, and how long it waits.

    Attributes
    ----------
    body_mb
        Largest body of a request; a bigger one is answered 413.
    queue
        Requests that may wait for the model in one worker; the next is answered 429.
    rows
        Rows that go through the model in one batch.
    timeout_s
        How long a request may take before it is answered 504.
    drain_s
        How long a worker that stops goes on with what it has begun.
    keep_days
        How long predictions are kept.
    """

    body_mb: float = 16.0
    queue: int = 256
    rows: int = 4096
    timeout_s: float = 30.0
    drain_s: float = 30.0
    keep_days: float = 90.0


@dataclass(frozen=True, slots=True)
class Desired:
    """What an endpoint should serve.

    Attributes
    ----------
    name
        The endpoint's.
    seq
        The number of the decision that settled this; it only rises.
    state
        ``serving``, or ``stopped``.
    revisions
        Those that run: stable, candidate, standby. Older ones are in the decisions.
    stable
        The id of the revision that answers what no rollout takes.
    standby
        The id of the revision that was stable before and is kept warm for a rollback; or None.
    rollout
        What is under way, or None.
    follows
        The alias that the stable revision was deployed by: ``flight-delay@champion``; or None.
    workers
        Processes of the stable revision.
    port
        The TCP port, which needs a token; None: the unix socket alone.
    host
        The address that the port is bound to.
    token_hash
        The sha256 of the token, in hexadecimal.
    limits
        What a worker takes.
    """

    name: str
    seq: int
    state: Literal["serving", "stopped"]
    revisions: tuple[Revision, ...]
    stable: str
    standby: str | None = None
    rollout: Rollout | None = None
    follows: str | None = None
    workers: int = 1
    port: int | None = None
    host: str = "127.0.0.1"
    token_hash: str | None = None
    limits: Limits = field(default_factory=Limits)

    def revision(self, id: str) -> Revision:
        """The revision of an id.

        Raises
        ------
        KeyError
            It is not among those that run.
        """
        for revision in self.revisions:
            if revision.id == id:
                return revision
        raise KeyError(id)

    def has(self, id: str | None) -> bool:
        """Whether a revision runs."""
        return any(r.id == id for r in self.revisions)

    def role(self, id: str) -> Role | Literal["standby"]:
        """What a revision is now."""
        if self.rollout is not None and self.rollout.candidate == id:
            return "stable" if self.rollout.kind == "ab" else self.rollout.kind
        return "standby" if id == self.standby else "stable"

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"v": _FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: Any) -> Desired:
        """Read what `to_json` gave; what a newer program added is left out.

        Raises
        ------
        Corrupt
            It is something else.
        """
        try:
            rollout = data.get("rollout")
            return made(
                cls,
                data,
                revisions=tuple(made(Revision, each) for each in data["revisions"]),
                rollout=None if rollout is None else Rollout.from_json(rollout),
                limits=made(Limits, data.get("limits") or {}),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"This says of no endpoint what it serves: {error!r}.") from None


def made(kind: type[T], data: Mapping[str, Any], **read: Any) -> T:
    """Make a value of JSON: of its fields what is there, `read` in the place of what is nested."""
    known = {each.name: data[each.name] for each in fields(kind) if each.name in data}  # type: ignore[arg-type]
    return kind(**{**known, **read})
