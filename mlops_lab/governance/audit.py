"""The audit: what was decided, as sentences, and whether the log still is what was written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from json import loads
from typing import Any, Final

from mlops_lab.errors import Corrupt
from mlops_lab.governance.sentences import Ref, ref_of, sentence_of
from mlops_lab.store import Store
from mlops_lab.store.decisions import TORN, DecisionLog

__all__ = ["AuditEntry", "AuditFault", "count", "entries", "verify"]

MOST_ENTRIES: Final = 10_000

# Of a decision about a whole tree of runs the first is named, so no more names are looked up.
_NAMES: Final = """
select run_id, name from lab.run where run_id in (select unnest($ids::varchar[]))
"""
_CHOSEN: Final = """
from lab.decision
where ($kind is null or kind = $kind or starts_with(kind, $kind || '.'))
  and ($by is null or by_id = $by)
  and ($since is null or t >= $since)
"""
_ENTRIES: Final = f"""
select n, t, by_id, via, kind, data::varchar {_CHOSEN}
  and ($before is null or n < $before)
order by n desc limit $limit
"""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One decision.

    Attributes
    ----------
    n
        Its number.
    at
        When it was taken, UTC.
    by, via
        Who took it, and who says so: ``jupyter`` or ``os``.
    kind
        Concept and verb.
    sentence
        What was decided.
    ref
        What it is about, as ``("model", "flight-delay@6")``; None when there is nothing to open.
    data
        The line's own words.
    """

    n: int
    at: datetime
    by: str
    via: str
    kind: str
    sentence: str
    ref: Ref | None
    data: Any


@dataclass(frozen=True, slots=True)
class AuditFault:
    """A line of the log that is not what was written.

    Attributes
    ----------
    line
        Its number in the file, from 1.
    message
        What is wrong with it.
    torn
        Only unfinished: a process died while it wrote its last line, and the next decision cuts
        that off. Nobody changed anything.
    """

    line: int
    message: str
    torn: bool = False


def entries(
    store: Store,
    *,
    kind: str | None = None,
    by: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[AuditEntry]:
    """Read decisions, the newest first.

    Parameters
    ----------
    kind
        One kind, ``model.approve``, or all of a concept: ``model``.
    by
        Whose.
    since
        From this time on.
    before
        Only those with a smaller number: the next page.
    limit
        At most so many.
    """
    with store.read() as cursor:
        rows = cursor.execute(
            _ENTRIES,
            {
                **_choice(kind, by, since),
                "before": before,
                "limit": min(limit, MOST_ENTRIES),
            },
        ).fetchall()
        decided = [(*row[:5], loads(row[5]) if row[5] else None) for row in rows]
        ids = {run for *_, data in decided for run in _runs_of(data)}
        names = dict(cursor.execute(_NAMES, {"ids": list(ids)}).fetchall()) if ids else {}
    return [
        AuditEntry(
            n=n,
            at=datetime.fromtimestamp(t / 1e6, UTC),
            by=who or "",
            via=via or "",
            kind=what,
            sentence=sentence_of(what, data, who, names),
            ref=ref_of(what, data),
            data=data,
        )
        for n, t, who, via, what, data in decided
    ]


def count(
    store: Store, *, kind: str | None = None, by: str | None = None, since: datetime | None = None
) -> int:
    """How many decisions there are, of all or of those that `entries` would give."""
    return int(store.query(f"select count(*) {_CHOSEN}", _choice(kind, by, since))[0][0])


def _choice(kind: str | None, by: str | None, since: datetime | None) -> dict[str, Any]:
    moment = None if since is None else int(since.timestamp() * 1e6)
    return {"kind": kind, "by": by, "since": moment}


def verify(store: Store) -> list[AuditFault]:
    """Walk the log and name each line that was changed, removed, added or moved.

    The chain shows what happened to all but the last lines, whose successors are missing; those
    are held against what the index has read of them before. Not seen are a new line that somebody
    chains rightly to the last one, and a chain that is rewritten from some line on together with
    the index: that takes signatures.
    """
    log = DecisionLog(store.dir / "decisions.jsonl")
    found = [AuditFault(line, message, torn=message == TORN) for line, message in log.faults()]
    if any(not fault.torn for fault in found):
        return found
    return [*_changed_at_the_end(store, log), *found]


def _changed_at_the_end(store: Store, log: DecisionLog) -> Iterable[AuditFault]:
    known = dict(store.query("select n, hash from lab.decision order by n", fresh=False))
    line = 0
    try:
        for line, decision in enumerate(log.read(), start=1):
            if known.pop(decision.n, decision.hash) != decision.hash:
                yield AuditFault(line, "is another one than was written: it was changed since")
    except Corrupt as error:
        yield AuditFault(error.details["line"], "is not a decision: a part of it is missing")
        return
    if known:
        first, last = min(known), max(known)
        gone = f"decision {first} is" if len(known) == 1 else f"decisions {first} to {last} are"
        yield AuditFault(line + 1, f"is missing: {gone} gone from the end of the log")


def _runs_of(data: Any) -> list[str]:
    if not isinstance(data, dict):
        return []
    runs = data.get("runs")
    first = runs[0] if isinstance(runs, list) and runs else data.get("run")
    return [first] if isinstance(first, str) else []
