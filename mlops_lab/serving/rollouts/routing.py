"""Routing: which revision answers a request, decided by the unit it comes from.

A unit (a user, an aeroplane, whatever `Rollout.by` names) has a place between 0 and 1, the hash of
salt and unit. It is answered by the candidate when its place lies below the share: who is in at
5 % is in at 10 % too, and two rollouts, whose salts differ, draw independently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from mlops_lab.errors import Corrupt
from mlops_lab.serving.records import Role, Rollout

__all__ = [
    "LONGEST_UNIT",
    "Routed",
    "Table",
    "place",
    "route",
    "shadowed",
    "unit_key",
    "unit_of",
    "unit_of_column",
    "variant",
]

LONGEST_UNIT: Final = 256
"""Characters of a unit that are kept; of a longer one its hash stands for it."""

_KEY_BYTES: Final = 8
_BITS: Final = 64 - 53
"""What is cut off, so that the place is exact as a float and always below 1."""

_MISSING: Final = frozenset(("None", "nan", "<NA>", "NaT"))
"""How the missing values of Python, numpy and pandas write themselves."""


class Routed(NamedTuple):
    """Where a request goes.

    Attributes
    ----------
    revision
        The id of the revision that answers.
    role
        Its role in this answer.
    counted
        Whether the answer belongs into the comparison of a rollout: its unit is known and stays
        on its side. A request without a unit is drawn anew each time, and told apart.
    """

    revision: str
    role: Role
    counted: bool


@dataclass(frozen=True, slots=True)
class Table:
    """What a worker knows of the traffic: the supervisor sends a new one at every change.

    Attributes
    ----------
    seq
        The desired state that it follows.
    self_id
        The revision of the worker that got it.
    stable
        The id of the revision that answers what no rollout takes.
    roles
        By revision: stable, canary, shadow or standby.
    sockets
        By revision the private sockets of its workers.
    rollout
        What is under way, or None.
    versions
        By revision ``flight-delay@5``.
    slow_ms
        An answer of a canary or its base that takes longer is a bad event; None: nothing is.

    Examples
    --------
    >>> rollout = Rollout("a" * 32, "canary", candidate="r2", base="r1", share=5.0, salt="s")
    >>> table = Table(12, "r1", "r1", rollout=rollout)
    >>> [route(table, f"N{n}", lambda: 0.5).revision for n in (1, 27)]
    ['r1', 'r2']
    >>> Table.from_json(table.to_json()) == table
    True
    """

    seq: int
    self_id: str
    stable: str
    roles: Mapping[str, str] = field(default_factory=dict)
    sockets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rollout: Rollout | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    slow_ms: float | None = None
    _ways: tuple[Routed, Routed, Routed, Routed] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rollout = self.rollout
        base, candidate = self.stable, self.stable
        role: Role = "stable"
        splits = rollout is not None and rollout.kind != "shadow"
        if rollout is not None and splits:
            base, candidate = rollout.base, rollout.candidate
            role = "canary" if rollout.kind == "canary" else "stable"
        # Made once: a request only picks one of them.
        ways = (
            Routed(base, "stable", False),
            Routed(base, "stable", splits),
            Routed(candidate, role, False),
            Routed(candidate, role, splits),
        )
        object.__setattr__(self, "_ways", ways)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "seq": self.seq,
            "self": self.self_id,
            "stable": self.stable,
            "roles": dict(self.roles),
            "sockets": {revision: list(paths) for revision, paths in self.sockets.items()},
            "rollout": None if self.rollout is None else asdict(self.rollout),
            "versions": dict(self.versions),
            "slow_ms": self.slow_ms,
        }

    @classmethod
    def from_json(cls, data: Any) -> Table:
        """Read what `to_json` gave.

        Raises
        ------
        Corrupt
            It is something else.
        """
        try:
            rollout = data.get("rollout")
            return cls(
                seq=int(data["seq"]),
                self_id=data["self"],
                stable=data["stable"],
                roles=dict(data.get("roles") or {}),
                sockets={key: tuple(paths) for key, paths in (data.get("sockets") or {}).items()},
                rollout=None if rollout is None else Rollout.from_json(rollout),
                versions=dict(data.get("versions") or {}),
                slow_ms=data.get("slow_ms"),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"This is no table of routes: {error!r}.") from None


def _digest(salt: str, unit: str) -> bytes:
    # The unit separator keeps ("ab", "c") and ("a", "bc") apart; surrogates come from headers.
    text = f"{salt}\x1f{unit}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=_KEY_BYTES).digest()


def place(salt: str, unit: str) -> float:
    """Give where a unit lies, in [0, 1): uniform over units, independent between salts.

    The first 53 bits of BLAKE2b (RFC 7693) of salt and unit.

    Examples
    --------
    >>> round(place("s", "N41"), 4)
    0.2367
    """
    return (int.from_bytes(_digest(salt, unit), "big") >> _BITS) * 2.0**-53


def unit_key(salt: str, unit: str) -> str:
    """Name a unit in 16 hexadecimal characters: what is reported of it, never the unit itself.

    Examples
    --------
    >>> unit_key("s", "N41")
    '3c976e1308e9e188'
    """
    return _digest(salt, unit).hex()


def variant(salt: str, unit: str, share: float) -> bool:
    """Say whether a unit belongs to the candidate.

    Parameters
    ----------
    salt
        The rollout's.
    unit
        Any text.
    share
        Of the candidate, in percent, 0–100. A higher one keeps everybody who was in.

    Examples
    --------
    >>> sum(variant("salt", str(n), 5.0) for n in range(1000))
    55
    """
    return 100.0 * place(salt, unit) < share


def route(table: Table, unit: str | None, random: Callable[[], float]) -> Routed:
    """Choose the revision that answers a request.

    Parameters
    ----------
    table
        The traffic.
    unit
        Whom the request comes from; None: nobody knows, the request is drawn by itself.
    random
        Gives numbers in [0, 1).
    """
    rollout = table.rollout
    if rollout is None or rollout.kind == "shadow":
        return table._ways[0]
    if unit is None:
        return table._ways[2 if 100.0 * random() < rollout.share else 0]
    return table._ways[3 if variant(rollout.salt, unit, rollout.share) else 1]


def shadowed(table: Table, unit: str | None, random: Callable[[], float]) -> str | None:
    """Give the revision that gets a copy of a request, or None.

    Parameters
    ----------
    table, unit, random
        As of `route`.
    """
    rollout = table.rollout
    if rollout is None or rollout.kind != "shadow":
        return None
    drawn = random() if unit is None else place(rollout.salt, unit)
    return rollout.candidate if 100.0 * drawn < rollout.share else None


def unit_of(
    *,
    header: str | None = None,
    parameter: object = None,
    column: str | None = None,
    cookie: str | None = None,
) -> str | None:
    """Choose what a request says of whom it comes from; the first that says something.

    Parameters
    ----------
    header
        ``X-Unit-Id``.
    parameter
        ``parameters.unit`` of the request's body.
    column
        The value of the column that the rollout goes by: `unit_of_column`.
    cookie
        The unit of a cookie whose signature held.

    Examples
    --------
    >>> unit_of(header="", parameter=7, cookie="c"), unit_of()
    ('7', None)
    """
    for said in (header, parameter, column, cookie):
        if said is None or said == "" or isinstance(said, dict | list):
            continue
        unit = str(said)
        return unit if len(unit) <= LONGEST_UNIT else f"#{unit_key('', unit)}"
    return None


def unit_of_column(values: Iterable[object]) -> str | None:
    """Give the unit of the rows of a request: the value that they share.

    Rows of several units cannot go to the sides that each of them belongs to: None. So is a
    missing value.

    Examples
    --------
    >>> unit_of_column(["N41", "N41"]), unit_of_column(["N41", "N7"]), unit_of_column([7.0])
    ('N41', None, '7')
    """
    found: str | None = None
    for value in values:
        # An integer column with a missing value arrives as floats: 7 and 7.0 are one unit.
        whole = isinstance(value, float) and value.is_integer()
        said = str(int(value)) if whole else str(value)  # type: ignore[call-overload]
        if not isinstance(value, str) and said in _MISSING:
            return None
        if found is not None and said != found:
            return None
        found = said
    return found or None
