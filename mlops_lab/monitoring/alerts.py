"""Alerts: incidents that a monitor's checks found, and what people decide about them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from mlops_lab.errors import Conflict, InvalidInput, NotFound
from mlops_lab.expressions.dates import parse_date_us
from mlops_lab.governance import Access, Identity
from mlops_lab.markup import printable
from mlops_lab.monitoring.records import Section
from mlops_lab.shapes import seconds
from mlops_lab.store import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = [
    "RANK",
    "SELECT",
    "AlertDesk",
    "AlertDetail",
    "AlertEvent",
    "AlertRecord",
    "Status",
    "alert_of",
    "read_alert",
]

Status: TypeAlias = Literal["open", "acknowledged", "muted", "resolved"]
STATUSES: Final[tuple[Status, ...]] = ("open", "acknowledged", "muted", "resolved")

RANK: Final = {"info": 0, "warn": 1, "alert": 2}
"""How bad a severity is."""

_DURATION: Final = re.compile(r"(\d+(\.\d+)?(m|h|d|w))+")
_LONGEST_MUTE: Final = timedelta(days=366)
_SIMILAR: Final = 5
_COMMENT: Final = 4_000

SELECT: Final = """
    select id, monitor, key, kind, severity, columns, chunk, last, label, sentence, impact, status,
           opened_at, updated_at, muted_until, "by", comment, how, run_id, n
    from lab.alerts
"""


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """An alert as it is now.

    Parameters
    ----------
    id
        32 hexadecimal characters.
    monitor
        Whose check found it.
    key
        Its incident's: the cause and the chunk in which it began.
    severity
        ``alert``, ``warn`` or ``info``, as its incident says by now.
    chunk, last, label
        The first and the newest loud chunk; how people write the first.
    impact
        The largest effect times the column's importance; None is unknown.
    status
        ``open``: somebody should look; ``acknowledged``: somebody did; ``muted`` until
        `muted_until`; ``resolved``: over.
    by, comment
        Who decided last, and why; nobody yet is None.
    how
        How it ended: ``person``, ``quiet`` (two quiet chunks) or ``promotion``.
    run_id
        The check that said so last.
    n
        The number of the newest decision about it.
    """

    id: str
    monitor: str
    key: str
    kind: str
    severity: str
    columns: tuple[str, ...]
    chunk: str | None
    last: str | None
    label: str
    sentence: str
    impact: float | None
    status: Status
    opened_at: datetime
    updated_at: datetime
    muted_until: datetime | None
    by: str | None
    comment: str
    how: str | None
    run_id: str | None
    n: int

    @property
    def cause(self) -> str:
        """What it is about, whenever it began."""
        return self.key.rsplit("@", 1)[0]

    @property
    def is_over(self) -> bool:
        """Whether it is resolved."""
        return self.status == "resolved"

    @property
    def waits(self) -> bool:
        """Whether it waits for somebody: an alert that nobody has looked at."""
        return self.status == "open" and self.severity == "alert"

    def __repr__(self) -> str:
        said = f"{self.status} · {self.severity} · {self.label}: {self.sentence}"
        return f"<Alert {self.id[:8]} {printable(said)}>"


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """Something that happened to an alert: what, by whom, and why; nobody is the check itself."""

    at: datetime
    by: str | None
    what: str
    comment: str


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """An alert with why it was raised, alerts of the same cause before, and what was decided."""

    record: AlertRecord
    sections: tuple[Section, ...]
    similar: tuple[AlertRecord, ...]
    history: tuple[AlertEvent, ...]


class AlertDesk:
    """The alerts of one project. Safe to use from several threads.

    Parameters
    ----------
    store
        Where they are kept.
    identity
        Who acts, unless a call says otherwise.
    access
        Who may what; by default everybody everything.
    """

    def __init__(self, store: Store, identity: Identity, access: Access | None = None) -> None:
        self._store = store
        self._identity = identity
        self._access = access or Access()

    # ------------------------------------------------------------------ reading

    def alerts(
        self,
        *,
        status: str = "all",
        monitor: str | None = None,
        limit: int | None = None,
    ) -> list[AlertRecord]:
        """The alerts: what waits for somebody first, then by severity and impact, newest first.

        Parameters
        ----------
        status
            ``all``; ``open``: whatever is not resolved; or one of the statuses.
        monitor
            Only this monitor's.
        limit
            At most so many.

        Raises
        ------
        InvalidInput
            There is no such status.
        """
        if status not in ("all", *STATUSES):
            raise InvalidInput(f"Alerts are all, open, {', '.join(STATUSES[1:])}; got {status!r}.")
        wanted = "true"
        if status == "open":
            wanted = "status <> 'resolved'"
        elif status != "all":
            wanted = "status = $status"
        rows = self._store.query(
            f"{SELECT} where {wanted} and ($monitor is null or monitor = $monitor)",
            {"monitor": monitor, **({"status": status} if "$status" in wanted else {})},
        )
        found = sorted(map(alert_of, rows), key=_urgency)
        return found if limit is None else found[:limit]

    def waiting(self) -> list[AlertRecord]:
        """The alerts that nobody has looked at, the most pressing first."""
        return [one for one in self.alerts(status="open") if one.waits]

    def alert(self, id: str) -> AlertRecord:
        """The alert of that id, or of a unique prefix of four characters or more.

        Raises
        ------
        NotFound
            There is none.
        InvalidInput
            It is no id, or several begin so.
        """
        text = id.strip().lower() if isinstance(id, str) else ""
        if not re.fullmatch(r"[0-9a-f]{4,32}", text):
            raise InvalidInput(
                f"An alert's id is 32 hexadecimal characters, or the first four of it or more; "
                f"got {str(id)[:60]!r}."
            )
        rows = self._store.query(f"{SELECT} where starts_with(id, ?) limit 5", [text])
        if not rows:
            raise NotFound(f"There is no alert {text}. `mlops-lab alert list` has those there are.")
        if len(rows) > 1:
            some = ", ".join(str(row[0])[:12] for row in rows)
            raise InvalidInput(f"Several alerts begin with {text}: {some}.")
        return alert_of(rows[0])

    def detail(self, id: str) -> AlertDetail:
        """All about an alert; see `alert`."""
        record = self.alert(id)
        with self._store.read() as cursor:
            events = cursor.execute(
                "select t, by_id, kind, data::varchar from lab.alert_event where alert = ? "
                "order by n",
                [record.id],
            ).fetchall()
            like = cursor.execute(
                f"{SELECT} where monitor = ? and id <> ? "
                "and regexp_replace(key, '@[^@]*$', '') = ? order by opened_at desc limit ?",
                [record.monitor, record.id, record.cause, _SIMILAR],
            ).fetchall()
        stated = [json.loads(data) for _, _, _, data in events]
        sections: Any = next(
            (one["sections"] for one in reversed(stated) if one.get("sections")), []
        )
        history = [
            _event(t, by, kind, data) for (t, by, kind, _), data in zip(events, stated, strict=True)
        ]
        return AlertDetail(record, _sections(sections), tuple(map(alert_of, like)), tuple(history))

    # ------------------------------------------------------------------ what people decide

    def acknowledge(self, id: str, comment: str = "", *, by: Identity | None = None) -> AlertRecord:
        """Say that somebody looks after it: it no longer waits, unless it gets worse.

        Raises
        ------
        Conflict
            It is resolved.
        """
        return self._settle("alert.acknowledge", id, comment, by)

    def mute(
        self,
        id: str,
        until: str | timedelta | datetime,
        comment: str = "",
        *,
        by: Identity | None = None,
    ) -> AlertRecord:
        """Have it say nothing for a while; it goes on being watched.

        Parameters
        ----------
        until
            A duration from now (``7d``, ``12h``, ``2w``), or a moment: a date as text is UTC.

        Raises
        ------
        InvalidInput
            That is over already, or more than a year away.
        Conflict
            It is resolved.
        """
        end = _moment(until)
        return self._settle("alert.mute", id, comment, by, until=_iso(end))

    def resolve(self, id: str, comment: str = "", *, by: Identity | None = None) -> AlertRecord:
        """Say that it is over; it comes back when a later chunk alarms.

        Raises
        ------
        Conflict
            It is resolved already.
        """
        return self._settle("alert.resolve", id, comment, by)

    def reopen(self, id: str, comment: str = "", *, by: Identity | None = None) -> AlertRecord:
        """Take back that it was resolved, acknowledged or muted.

        Raises
        ------
        Conflict
            It is open.
        """
        return self._settle("alert.reopen", id, comment, by)

    def _settle(
        self, kind: str, id: str, comment: str, by: Identity | None, **more: Any
    ) -> AlertRecord:
        who = by or self._identity
        self._access.require(who, "alerts:edit")
        comment = _comment(comment)
        record = self.alert(id)

        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            now = read_alert(cursor, record.id)
            if kind == "alert.reopen":
                if now.status == "open":
                    raise Conflict(f"The alert {record.id[:8]} is open.")
            elif now.is_over:
                raise Conflict(
                    f"The alert {record.id[:8]} is resolved already: `mlops-lab alert list` has "
                    "those that are open."
                )
            return {
                "alert": record.id,
                "monitor": record.monitor,
                "comment": comment,
                "how": "person",
                **more,
            }

        self._store.decide(kind, build, by=who.as_by())
        return self.alert(record.id)


def _urgency(one: AlertRecord) -> tuple[Any, ...]:
    order = {"open": 0, "acknowledged": 1, "muted": 1, "resolved": 2}[one.status]
    loud = 0 if one.is_over else -RANK.get(one.severity, 0)
    # Once it is over, when it was matters more than how bad it was.
    impact = 0.0 if one.is_over else -(one.impact if one.impact is not None else 0.0)
    return (order, loud, impact, -one.updated_at.timestamp(), one.id)


def read_alert(cursor: DuckDBPyConnection, id: str) -> AlertRecord:
    """The alert of a whole id, as a decision finds it.

    Raises
    ------
    NotFound
        There is none.
    """
    rows = cursor.execute(f"{SELECT} where id = ?", [id]).fetchall()
    if not rows:
        raise NotFound(f"There is no alert {id}.")
    return alert_of(rows[0])


def alert_of(row: Sequence[Any]) -> AlertRecord:
    """The alert of a row of `SELECT`."""
    values = list(row)
    values[5] = tuple(values[5] or ())
    for place in (12, 13, 14):
        values[place] = None if values[place] is None else values[place].replace(tzinfo=UTC)
    return AlertRecord(*values)


def _event(t: int, by: str | None, kind: str, data: Mapping[str, Any]) -> AlertEvent:
    """What a decision says of an alert; what a check decided has nobody's name."""
    person = data.get("how") == "person"
    what = {
        "alert.open": "opened",
        "alert.acknowledge": "acknowledged",
        "alert.resolve": "resolved",
        "alert.reopen": "reopened",
        "alert.update": "got worse" if data.get("worse") is True else "goes on",
    }.get(kind, kind)
    if kind == "alert.mute":
        what = f"muted until {str(data.get('until'))[:10]}"
    at = datetime.fromtimestamp(t / 1e6, UTC)
    comment = str(data.get("comment") or "")
    if kind == "alert.update":
        comment = str(data.get("sentence") or "")
    return AlertEvent(at, by if person else None, what, comment)


def _sections(value: Any) -> tuple[Section, ...]:
    found = []
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict) and isinstance(one.get("lines"), list):
            lines = tuple(str(line) for line in one["lines"])
            found.append(Section(str(one.get("title", "")), lines))
    return tuple(found)


def _comment(text: Any) -> str:
    if not isinstance(text, str):
        raise InvalidInput(f"A comment is text; got {str(text)[:60]!r}.")
    if len(text) > _COMMENT:
        raise InvalidInput(f"A comment has up to {_COMMENT:,} characters; got {len(text):,}.")
    return text.strip()


def _moment(until: str | timedelta | datetime) -> datetime:
    now = datetime.now(UTC)
    words = "7d, 12h, 2w, or a date such as 2026-12-24"
    if isinstance(until, datetime):
        end = until.replace(tzinfo=UTC) if until.tzinfo is None else until.astimezone(UTC)
    elif isinstance(until, timedelta):
        end = now + until if until < 10 * _LONGEST_MUTE else now + 10 * _LONGEST_MUTE
    elif isinstance(until, str) and _DURATION.fullmatch(until.strip()):
        end = now + min(timedelta(seconds=min(_seconds(until.strip()), 1e9)), 10 * _LONGEST_MUTE)
    else:
        try:
            end = datetime.fromtimestamp(parse_date_us(str(until)) / 1e6, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise InvalidInput(f"A mute ends after {words}; got {str(until)[:60]!r}.") from error
    if not now < end <= now + _LONGEST_MUTE:
        when = "over already" if end <= now else "more than a year away"
        raise InvalidInput(f"{str(until)[:60]!r} is {when}: write {words}.")
    return end


def _seconds(text: str) -> float:
    weeks = sum(float(number) for number in re.findall(r"(\d+(?:\.\d+)?)w", text))
    return seconds(re.sub(r"\d+(?:\.\d+)?w", "", text)) + weeks * 7 * 86_400


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
