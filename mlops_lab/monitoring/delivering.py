"""Telling channels what happened to alerts, at least once, and keeping what became of it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from mlops_lab.errors import LabError
from mlops_lab.governance.access import read_hosts
from mlops_lab.monitoring.channels import Channel, Delivered, Ground, Message
from mlops_lab.monitoring.channels.channel import Event
from mlops_lab.monitoring.wire import encode
from mlops_lab.store import Store
from mlops_lab.store.lock import HeldLock

if TYPE_CHECKING:
    from mlops_lab.monitoring.alerts import AlertDesk, AlertRecord
    from mlops_lab.monitoring.spec import MonitorSpec

__all__ = ["Delivery", "Messenger"]

FORMAT: Final = 1

_NEWS: Final = timedelta(days=2)
"""What is older is no news, also not to a channel that was added to the file today."""
_SETTLED: Final = timedelta(minutes=2)
"""A check tells what it has decided within that time; what is left then, nobody tells."""
_ROUNDS: Final = 3
"""So often a message is tried again by later checks, before it is given up."""

_HAPPENED: Final = """
select n, t, kind, alert, data::varchar from lab.alert_event
where monitor = $monitor and kind in ('alert.open', 'alert.update', 'alert.reopen', 'alert.resolve')
  and make_timestamp(t) between $since::timestamp and $until::timestamp
order by n
"""
_TOLD: Final = """
select channel, n, bool_or(ok) or count(*) >= $rounds from lab.delivery
where monitor = $monitor group by channel, n
"""
_HISTORY: Final = """
select monitor, channel, event, alert, run_id, t, ok, tries, sentence from lab.delivery
where monitor = ? order by t desc, writer, off desc limit ?
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message.

    Parameters
    ----------
    channel
        What people call it.
    event
        alert, warn or resolved.
    alert, run_id
        Of which it tells.
    ok, tries, sentence
        How it ended.
    """

    monitor: str
    channel: str
    event: str
    alert: str
    run_id: str
    at: datetime
    ok: bool
    tries: int
    sentence: str


@dataclass(frozen=True, slots=True)
class _News:
    """Something that happened to an alert and that channels are told of."""

    n: int
    event: Event
    record: AlertRecord
    run_id: str
    sentence: str
    severity: str


class Messenger:
    """Sends messages and remembers them. Safe to use from several threads.

    Parameters
    ----------
    store
        Where deliveries are kept.
    root
        The project's folder: hosts that its own files allow do not count.
    name
        Gives what people call the project.
    """

    def __init__(self, store: Store, root: Path, name: Callable[[], str]) -> None:
        self._store = store
        self._root = root
        self._name = name

    def deliver(
        self, spec: MonitorSpec, desk: AlertDesk, *, settled: bool = False
    ) -> list[Delivery]:
        """Tell a monitor's channels what they have not heard yet. Never raises for a channel.

        Parameters
        ----------
        desk
            Knows the alerts.
        settled
            Only what happened a while ago, so that whoever decided it has had the time to tell.
        """
        if not spec.channels or self._store.read_only or not self._unheard(spec, desk, settled):
            return []
        with self._alone(spec.name):
            # Whoever told before us has said so by now.
            return self._tell(spec, self._unheard(spec, desk, settled))

    @contextmanager
    def _alone(self, monitor: str) -> Iterator[None]:
        """Of two checks at once one tells, and the other one what is left; until it has let go,
        or died.
        """
        folder = self._store.dir / "channels"
        folder.mkdir(exist_ok=True)
        lock = HeldLock(folder / f"{hashlib.sha256(monitor.encode()).hexdigest()[:16]}.lock")
        try:
            yield
        finally:
            lock.close()

    def _unheard(
        self, spec: MonitorSpec, desk: AlertDesk, settled: bool
    ) -> list[tuple[Channel, _News]]:
        """What a channel is to be told and was not yet, or not often enough in vain."""
        now = datetime.now(UTC).replace(tzinfo=None)
        rows = self._store.query(
            _HAPPENED,
            {
                "monitor": spec.name,
                "since": now - _NEWS,
                "until": now - _SETTLED if settled else now + _NEWS,
            },
        )
        if not rows:
            return []
        asked = {"monitor": spec.name, "rounds": _ROUNDS}
        told = {(channel, n) for channel, n, over in self._store.query(_TOLD, asked) if over}
        records = {one.id: one for one in desk.alerts(monitor=spec.name)}
        news = list(_news(rows, records))
        return [
            (channel, one)
            for channel in spec.channels
            for one in news
            if one.event in channel.on and (channel.key, one.n) not in told
        ]

    def _tell(self, spec: MonitorSpec, unheard: list[tuple[Channel, _News]]) -> list[Delivery]:
        failed: dict[str, Delivered] = {}
        found: list[Delivery] = []
        try:
            ground = Ground(hosts=read_hosts(self._root))
        except LabError as error:
            refused = Delivered(False, 0, error.message)
            return [self._keep(channel, spec, one, refused) for channel, one in unheard]
        for channel, one in unheard:
            result = failed.get(channel.key) or self._send(channel, spec, one, ground)
            if not result.ok:
                # Nobody waits for the same silence again and again.
                failed[channel.key] = Delivered(False, 0, f"Not tried: {result.sentence}")
            found.append(self._keep(channel, spec, one, result))
        return found

    def history(self, monitor: str, limit: int) -> list[Delivery]:
        """What became of a monitor's messages, newest first."""
        rows = self._store.query(_HISTORY, [monitor, limit])
        return [
            Delivery(
                monitor,
                _label(channel),
                event,
                alert,
                run,
                datetime.fromtimestamp(t / 1e6, UTC),
                ok,
                tries or 0,
                sentence or "",
            )
            for monitor, channel, event, alert, run, t, ok, tries, sentence in rows
        ]

    def _send(self, channel: Channel, spec: MonitorSpec, one: _News, ground: Ground) -> Delivered:
        message = Message(one.event, f"{one.record.id}-{one.n}", self._body(spec, one))
        return channel.send(message, ground)

    def _body(self, spec: MonitorSpec, one: _News) -> Mapping[str, Any]:
        record = one.record
        word = {"alert": "alert", "warn": "warning", "resolved": "resolved"}[one.event]
        return {
            "format": FORMAT,
            "event": one.event,
            "text": f"{spec.name}: {word}, {record.label}. {one.sentence}",
            "project": self._name(),
            "monitor": spec.name,
            "run_id": one.run_id,
            "alert": {
                "id": record.id,
                "key": record.key,
                "kind": record.kind,
                "severity": one.severity,
                "columns": list(record.columns),
                "chunk": record.chunk,
                "label": record.label,
                "sentence": one.sentence,
                "impact": encode(record.impact),
                "status": record.status,
                "opened_at": record.opened_at.isoformat().replace("+00:00", "Z"),
            },
        }

    def _keep(self, channel: Channel, spec: MonitorSpec, one: _News, sent: Delivered) -> Delivery:
        t = time.time_ns() // 1000
        self._store.append(
            {
                "e": "delivery",
                "r": one.run_id,
                "t": t,
                "monitor": spec.name,
                "channel": channel.key,
                "event": one.event,
                "alert": one.record.id,
                "n": one.n,
                "ok": sent.ok,
                "tries": sent.tries,
                "sentence": sent.sentence[:500],
            }
        )
        return Delivery(
            spec.name,
            channel.label,
            one.event,
            one.record.id,
            one.run_id,
            datetime.fromtimestamp(t / 1e6, UTC),
            sent.ok,
            sent.tries,
            sent.sentence,
        )


def _news(rows: list[tuple[Any, ...]], records: Mapping[str, AlertRecord]) -> Iterator[_News]:
    """What happened, as far as anybody is to be told; what is muted says nothing."""
    loud: dict[str, str] = {}
    for n, _, kind, alert, text in rows:
        record = records.get(alert)
        if record is None:
            continue
        data = json.loads(text)
        severity = str(data.get("severity") or loud.get(alert) or record.severity)
        loud[alert] = severity
        if severity not in ("alert", "warn") or record.status == "muted":
            continue
        if kind == "alert.update" and data.get("worse") is not True:
            continue
        event = "resolved" if kind == "alert.resolve" else severity
        sentence = str(data.get("sentence") or record.sentence)
        if kind == "alert.resolve" and data.get("comment"):
            sentence = f"{sentence} Resolved: {data['comment']}"
        yield _News(
            n,
            cast(Event, event),
            record,
            data.get("run") or record.run_id or "",
            sentence,
            severity,
        )


def _label(key: str) -> str:
    """A channel's label from its key: without the hash that tells two of a host apart."""
    return key.rpartition(" ")[0] or key
