"""Who was spoken of since the last look: journals and decisions, read as bytes, without the index.

A watcher looks twice a second at files that mostly did not change; a `stat` per journal says so.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlops_lab.store.layout import Layout
from mlops_lab.store.tail import list_journals

__all__ = ["Changes", "Look"]

_MAX_BYTES = 8 << 20
_LONGEST_LINE = 64 * 1024
_SETTLED_NS = 1_000_000_000
# Our own writers put the kind and the run first; other orders are read the slow way.
_HEAD = re.compile(rb'^\{"e": ?"[^"\\]*", ?"r": ?"([^"\\]{1,64})"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw.

    Attributes
    ----------
    runs
        The ids of the runs that new lines speak of.
    things
        What else new decisions speak of: ``("dataset", "flights")``, ``("model", …)``.
    everything
        Too much came at once to say which runs: all of them may have changed.
    writers
        A writer came, died, or woke up again: runs may have changed without a line.
    """

    runs: frozenset[str] = frozenset()
    everything: bool = False
    writers: bool = False
    things: frozenset[tuple[str, str]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.runs or self.things) or self.everything or self.writers


@dataclass(slots=True)
class _Seen:
    """How far everything was read when it was looked at last."""

    offsets: dict[str, int] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    done_changed_ns: int = 0
    decisions: int = 0


class Changes:
    """Remembers how far it has looked, starting now. Not thread-safe: one watcher looks.

    Parameters
    ----------
    root
        The project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._layout = Layout(root)
        # From a little before the end, so that the first line is a whole one; what it says is old.
        self._seen = _Seen(
            {file.writer: _near_end(file.size) for file in list_journals(self._layout.journal)},
            decisions=_near_end(_size(self._layout.decisions)),
            done=frozenset(path.stem for path in self._layout.done.glob("*.jsonl")),
        )
        self.look()

    def look(self) -> Look:
        """Say what changed since the last look."""
        before, now = self._seen, _Seen(decisions=self._seen.decisions)
        parts: list[tuple[Path, int]] = []
        journals = list_journals(self._layout.journal)
        for journal in journals:
            start = before.offsets.get(journal.writer, 0)
            # A journal that was cut or made anew is read from its start.
            start = start if journal.size >= start else 0
            now.offsets[journal.writer] = start
            if journal.size > start:
                parts.append((journal.path, start))
        now.held = frozenset(journal.writer for journal in journals if journal.held)
        now.done, now.done_changed_ns = self._done(before)
        # A writer may end and be put away between two looks: its last lines are read there.
        for writer in now.done - before.done:
            parts.append((self._layout.done / f"{writer}.jsonl", before.offsets.get(writer, 0)))
        runs: set[str] = set()
        budget = _MAX_BYTES
        for path, start in parts:
            data = _whole_lines(path, start, budget)
            budget -= len(data)
            runs.update(_runs_of(data))
            if path.stem in now.offsets:
                now.offsets[path.stem] = start + len(data)
        if budget <= 0:
            now.offsets = {journal.writer: journal.size for journal in journals}
        new_decisions = _whole_lines(self._layout.decisions, now.decisions, _MAX_BYTES)
        now.decisions += len(new_decisions)
        things: set[tuple[str, str]] = set()
        for line in new_decisions.splitlines():
            decision = _members(line)
            runs.update(_runs_of_decision(decision))
            things.update(_thing_of(decision))
        self._seen = now
        return Look(frozenset(runs), budget <= 0, now.held != before.held, frozenset(things))

    def _done(self, before: _Seen) -> tuple[frozenset[str], int]:
        try:
            changed_ns = self._layout.done.stat().st_mtime_ns
            if changed_ns == before.done_changed_ns:
                return before.done, changed_ns
            names = frozenset(path.stem for path in self._layout.done.glob("*.jsonl"))
        except FileNotFoundError:
            return frozenset(), 0
        # A file may come within the same tick of the folder's clock: trust the time when it is old.
        settled = time.time_ns() - changed_ns > _SETTLED_NS
        return names, changed_ns if settled else 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _near_end(size: int) -> int:
    return max(0, size - _LONGEST_LINE)


def _whole_lines(path: Path, start: int, limit: int) -> bytes:
    if limit <= 0:
        return b""
    try:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read(limit)
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def _runs_of(data: bytes) -> Iterator[str]:
    found = _HEAD.findall(data)
    yield from {run.decode("ascii", "replace") for run in found}
    if len(found) < data.count(b"\n"):
        for line in data.splitlines():
            run = _members(line).get("r") if not _HEAD.match(line) else None
            if isinstance(run, str):
                yield run


def _runs_of_decision(decision: dict[str, object]) -> Iterator[str]:
    about = decision.get("data")
    if not isinstance(about, dict):
        return
    settled = about.get("settles")
    runs = about.get("runs", [about.get("run")])
    found = [*runs] if isinstance(runs, list) else []
    if isinstance(settled, dict):
        also = settled.get("runs")
        found += [settled.get("run"), *(also if isinstance(also, list) else ())]
    yield from (run for run in found if isinstance(run, str))


def _thing_of(decision: dict[str, object]) -> Iterator[tuple[str, str]]:
    """What a decision is about, where it says so under its concept's name."""
    kind, about = decision.get("kind"), decision.get("data")
    if isinstance(kind, str) and isinstance(about, dict):
        concept = kind.partition(".")[0]
        name = about.get(concept)
        if concept != "run" and isinstance(name, str):
            yield concept, name
        monitor = about.get("monitor") if concept == "alert" else None
        if isinstance(monitor, str):  # how it stands has changed with its alerts
            yield "monitor", monitor


def _members(line: bytes) -> dict[str, object]:
    try:
        value = json.loads(line)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
