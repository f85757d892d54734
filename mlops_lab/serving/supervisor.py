"""The supervisor of one endpoint: looks at what is desired, and makes it so with processes.

One thread and one loop. What to do next is decided by `mlops_lab.serving.reconciling`; here it is
done. It loads no model and no table library, so it is small and lives for months.
"""

from __future__ import annotations

import logging
import os
import platform
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Corrupt, LabError
from mlops_lab.serving import desired as desires
from mlops_lab.serving import places, reconciling, status
from mlops_lab.serving.crew import Crew
from mlops_lab.serving.describing import describe
from mlops_lab.serving.doors import Doors
from mlops_lab.serving.figures import Figures
from mlops_lab.serving.guarding import Deciding, Watch
from mlops_lab.serving.records import Desired, Revision
from mlops_lab.serving.status import Status
from mlops_lab.serving.world import (
    Accept,
    Drain,
    Finish,
    Kill,
    Orphan,
    Plan,
    Publish,
    Rest,
    Retire,
    Start,
    Terms,
    Worker,
    World,
)
from mlops_lab.store.objects import Objects

if TYPE_CHECKING:
    from mlops_lab.serving.manager import EndpointManager

__all__ = ["Supervisor"]

_log = logging.getLogger("mlops_lab")

_LOOK_S: Final = 0.25
_WRITE_US: Final = 1_000_000
_JUDGE_US: Final = 1_000_000
_DECIDE_S: Final = 10.0
_LOG_BYTES: Final = 16 * 2**20

# A candidate that failed to load once may have met a full disk; twice is its own fault.
_UNHEALTHY: Final = 2


class Supervisor:
    """Makes so what an endpoint should serve, until it should serve nothing.

    Parameters
    ----------
    root
        The project's folder.
    desired
        What the endpoint should serve now.
    manager
        Opens what takes decisions; only called when there is one to take.
    foreground
        Whether workers end with this process, and whether a model that does not start ends it.
    before
        What the supervisor before this one has written.
    owns
        Whether the endpoint's lock is still held here; not when its project was deleted.
    """

    def __init__(
        self,
        root: Path,
        desired: Desired,
        manager: Callable[[], EndpointManager],
        *,
        foreground: bool,
        before: Status | None,
        owns: Callable[[], bool],
    ) -> None:
        self._owns = owns
        self._root = root
        self._name = desired.name
        self._desired = desired
        self._foreground = foreground
        store = root / ".mlops"
        self._objects = Objects(store / "objects", store / "tmp")
        self._stamp: object = None
        self._ending: str | None = None
        self._code = 0
        self._served = False
        self._gave_up = ""
        self._crew = Crew(root)
        self._killed: dict[int, str] = {}
        orphans = () if before is None else _orphans(before)
        self._doors = Doors(root, desired.name, follows=bool(orphans))
        self._keys = 0
        now = time.monotonic()
        self._world = World(
            now,
            orphans=orphans,
            known={each.id: each for each in desired.revisions},
            arrived=now,
        )
        self._plan = reconciling.plan(desired, self._world)
        self._figures = Figures(_now_us(), before)
        self._deciding = Deciding(desired.name, manager)
        self._watch = Watch(root, desired.name, self._deciding)
        self._watch.follow(desired)
        self._crashes = 0
        self._judged_us = self._written_us = 0
        self._seq = 0
        self._standing: tuple[str, int] = ("", 0)
        self._shown: object = None
        self._pid = os.getpid()
        self._started = status.start_of(self._pid)

    # ------------------------------------------------------------------ the loop

    def run(self) -> int:
        """Run until the endpoint is stopped or a signal says so; gives the exit code."""
        signal.set_wakeup_fd(self._crew.waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_end)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the loop
        _log.warning("the supervisor of %s begins (process %d)", self._name, self._pid)
        try:
            while not self._turned():
                pass
        finally:
            signal.set_wakeup_fd(-1)
            self._leave()
        return self._code

    def _turned(self) -> bool:
        try:
            over = self._turn()
            if not over:
                for key, message in self._crew.listen(_LOOK_S):
                    self._hear(key, message)
            return over
        except Exception:  # noqa: BLE001 - what is served goes on being served
            _log.exception("the supervisor of %s goes on after an error", self._name)
            time.sleep(_LOOK_S)
            return False

    def _turn(self) -> bool:
        """Look, decide, do; whether nothing is left to do."""
        self._look()
        self._reap()
        self._open()
        now_us = _now_us()
        self._figures.turn(now_us)
        if now_us - self._judged_us >= _JUDGE_US:
            self._judged_us = now_us
            self._judge(now_us)
        self._world = replace(
            self._world,
            now=time.monotonic(),
            orphans=tuple(o for o in self._world.orphans if status.is_alive(o.pid, o.started)),
            held=self._watch.held,
            slow_ms=self._watch.slow_ms,
        )
        self._plan = reconciling.plan(self._wanted(), self._world)
        self._do(self._plan)
        if self._plan.settled:
            self._seq = self._desired.seq
            self._doors.forget()
        self._give_up()
        self._tell(now_us)
        return Finish() in self._plan.actions

    def _wanted(self) -> Desired:
        return self._desired if self._ending is None else replace(self._desired, state="stopped")

    def _look(self) -> None:
        """Read what is desired, when its file was replaced."""
        path = desires.path_of(self._root, self._name)
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            if stamp == self._stamp:
                return
            read = desires.read(self._root, self._name)
            self._stamp = stamp
        except (OSError, Corrupt) as error:
            # The next decision, or the next reader of this one, writes it anew.
            if self._stamp is not None:
                _log.error("what %s should serve cannot be read: %s", self._name, error)
            self._stamp = None
            return
        if read is None or read == self._desired:
            return
        _log.warning("decision %d: %s", read.seq, _brief(read))
        self._desired = read
        known = {**self._world.known, **{each.id: each for each in read.revisions}}
        # What was decided anew is tried at once, however often it failed before.
        slots = {
            at: replace(slot, failures=0, again=0.0, sentence="")
            for at, slot in self._world.slots.items()
        }
        self._world = replace(self._world, known=known, slots=slots, arrived=time.monotonic())
        self._watch.follow(read)

    def _told_to_end(self, number: int, _frame: object) -> None:
        if self._ending is not None:
            return
        self._ending = signal.Signals(number).name
        if number == signal.SIGINT:
            self._code = 130

    # ------------------------------------------------------------------ workers

    def _hear(self, key: int, message: Mapping[str, Any]) -> None:
        worker = self._world.worker(key)
        if worker is None:
            return
        heard = time.monotonic()
        worker = replace(worker, heard=heard)
        if message.get("say") == "ready":
            worker = replace(worker, phase="ready", ready_at=heard)
            rss = int(message.get("rss") or 0)
            backend, why = message.get("backend"), message.get("why")
            self._crew.note(key, rss=rss, backend=backend, why=why)
        elif message.get("say") == "report":
            worker = self._reported(worker, message)
        self._world = self._world.with_worker(worker)

    def _reported(self, worker: Worker, message: Mapping[str, Any]) -> Worker:
        self._figures.report(worker.revision, message)
        self._watch.feed(worker.key, int(message.get("t") or 0), message.get("units") or ())
        dead = bool((message.get("log") or {}).get("dead"))
        self._crew.note(worker.key, rss=int(message.get("rss") or 0), dead_log=dead)
        busy = message.get("busy_since")
        # Its clock is the one of the wall, which may jump; what counts is how long ago it was.
        since = None if busy is None else worker.heard - max(0.0, time.time() - busy / 1e6)
        return replace(worker, followed=int(message.get("seq") or 0), busy_since=since)

    def _reap(self) -> None:
        """Take note of workers that have ended."""
        for ended in self._crew.ended():
            for message in ended.last:
                if message.get("say") == "report":
                    self._hear(ended.key, message)
            worker = self._world.worker(ended.key)
            assert worker is not None
            self._world = self._world.without(ended.key)
            with suppress(OSError):
                os.unlink(worker.socket)
            why = self._killed.pop(ended.key, None)
            if worker.phase != "draining" and why != "":
                self._failed(worker, why or ended.sentence)

    def _failed(self, worker: Worker, said: str) -> None:
        at, slots = (worker.revision, worker.index), self._world.slots
        slot = reconciling.after_exit(slots.get(at), worker, said, time.monotonic())
        self._world = replace(self._world, slots={**slots, at: slot})
        _log.error("worker %s-%d: %s", *at, said)
        rollout = self._desired.rollout
        if rollout is not None and worker.revision == rollout.candidate:
            self._crashes += worker.ready_at is not None

    def _start(self, revision: Revision, index: int, terms: Terms) -> None:
        sockets = self._doors.sockets
        if sockets is None:
            return
        now = time.monotonic()
        self._keys += 1
        key = self._keys
        path = places.private(self._doors.folder, revision.id, index, f"{self._pid:x}-{key}")
        worker = Worker(key, revision.id, index, terms, now, now, socket=os.fspath(path))
        try:
            package = self._objects.view(revision.digest, tree=True)
            self._crew.start(key, sockets)
        except (LabError, OSError) as error:
            said = str(error) if isinstance(error, LabError) else f"No process: {error}."
            self._failed(worker, said)
            return
        self._world = self._world.with_worker(worker)
        # Before it is told what to do: a worker that no status names could not be found again.
        self._write()
        self._crew.tell(
            key,
            {
                "do": "start",
                "project": os.fspath(self._root),
                "endpoint": self._name,
                "revision": asdict(revision),
                "index": index,
                "folder": os.fspath(package),
                "sockets": {
                    "public": [each.fileno() for each in sockets.all],
                    "private": worker.socket,
                },
                "limits": asdict(self._desired.limits),
                "token_hash": self._desired.token_hash,
                "log_dir": os.fspath(places.predictions(self._root, self._name)),
                "route": self._route(revision.id),
                "accept": False,
                "foreground": self._foreground,
            },
        )

    # ------------------------------------------------------------------ doing

    def _do(self, plan: Plan) -> None:
        before, self._world = self._world, reconciling.applied(self._world, plan)
        if plan.acting != before.acting and before.acting is not None:
            _log.warning("%s answers from now on", self._world.known[plan.acting].ref)
        if plan.table != before.table:
            # Those that answer first: who passes requests on finds them informed.
            for worker in sorted(before.workers, key=lambda each: each.revision != plan.acting):
                route = self._route(worker.revision)
                self._crew.tell(worker.key, {"do": "route", "route": route})
        for action in plan.actions:
            match action:
                case Publish():
                    self._doors.publish()
                    self._served = True
                case Accept(key) | Rest(key) | Drain(key):
                    self._crew.tell(key, {"do": type(action).__name__.lower()})
                case Kill(key, why):
                    self._killed[key] = why
                    self._crew.kill(key)
                case Start(revision, index, terms):
                    self._start(revision, index, terms)
                case Retire(pid, force):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL if force else signal.SIGTERM)

    def _route(self, revision: str) -> dict[str, Any]:
        """The table of routes as a worker of a revision gets it."""
        assert self._world.table is not None
        return replace(self._world.table, self_id=revision).to_json()

    def _open(self) -> None:
        """Have the public sockets as they should be."""
        if self._ending is not None or self._desired.state == "stopped":
            return
        seen = self._doors.see(self._desired, published=self._world.published)
        if seen is not None:
            generation = self._world.generation + 1
            self._world = replace(self._world, generation=generation, published=seen)

    # ------------------------------------------------------------------ judging and telling

    def _judge(self, now_us: int) -> None:
        if self._ending is None and not self._owns():
            _log.error("the project of %s is gone: it ends", self._name)
            self._ending = "gone"
        rollout, unhealthy = self._desired.rollout, None
        if rollout is not None:
            failed = [
                slot
                for (revision, _), slot in self._world.slots.items()
                if revision == rollout.candidate
                and slot.failures >= _UNHEALTHY
                and not slot.loaded
                and not self._world.ready(revision)
            ]
            unhealthy = failed[0].sentence if failed else None
        if self._ending is None:
            self._watch.look(now_us, self._figures, crashes=self._crashes, unhealthy=unhealthy)
            self._crashes = 0
        self._shorten_log()

    def _shorten_log(self) -> None:
        """Keep the log of a supervisor that lives for months from filling the disk."""
        path = places.log(self._root, self._name)
        with suppress(OSError):
            if not self._foreground and path.stat().st_size > _LOG_BYTES:
                # All that print to it append, so cutting it is safe; renaming would lose them.
                path.with_suffix(".log.1").write_bytes(path.read_bytes())
                os.truncate(path, 0)

    def _give_up(self) -> None:
        """In the foreground end when nothing starts: whoever runs containers shows that."""
        if not self._foreground or self._served or self._ending is not None:
            return
        slots = [
            self._world.slots.get((self._plan.acting, index))
            for index in range(self._desired.workers)
        ]
        if self._doors.trouble and self._doors.sockets is None:
            self._gave_up = self._doors.trouble
        elif all(slot is not None and slot.failures for slot in slots):
            self._gave_up = next(slot.sentence for slot in slots if slot is not None)
        if self._gave_up:
            self._ending, self._code = "failure", 1

    def _tell(self, now_us: int) -> None:
        """Write the status: each second, and at once when something changed."""
        world = self._world
        shown = (
            self._plan.acting,
            self._seq,
            self._desired.seq,
            self._doors.trouble,
            [(worker.key, worker.phase, worker.accepting) for worker in world.workers],
            [(at, slot.failures) for at, slot in world.slots.items()],
            len(world.orphans),
        )
        if shown != self._shown or now_us - self._written_us >= _WRITE_US:
            self._shown, self._written_us = shown, now_us
            self._write()

    def _write(self) -> None:
        now_us = _now_us()
        made = describe(
            self._wanted(),
            self._world,
            self._plan,
            self._crew.facts,
            self._figures,
            now_us,
            trouble=self._doors.trouble,
            failed=self._gave_up,
        )
        if self._standing[0] != made.state:
            _log.warning("%s is %s: %s", self._name, made.state, made.sentence)
            self._standing = (made.state, now_us)
        made = replace(
            made,
            seq=self._seq,
            pid=self._pid,
            started=self._started,
            host=platform.node(),
            since=self._standing[1],
            url=self._doors.url,
            rollout=self._watch.to_json(now_us),
        )
        try:
            status.write(self._root, made)
        except OSError as error:
            _log.error("the status of %s was not written: %s", self._name, error)

    def _leave(self) -> None:
        """Leave nothing behind but files that are of use: also after an error of our own."""
        self._watch.keep()
        self._crew.close()
        self._doors.close()
        self._world = replace(self._world, workers=(), orphans=())
        if self._ending is not None or self._desired.state == "stopped":
            self._write()
        self._deciding.wait(_DECIDE_S)


def _orphans(before: Status) -> tuple[Orphan, ...]:
    """The workers that the supervisor before has left."""
    if before.host != platform.node():
        return ()
    return tuple(
        Orphan(worker.pid, worker.started, accepts=revision.role == "stable")
        for revision in before.revisions
        for worker in revision.workers
        if status.is_alive(worker.pid, worker.started)
    )


def _brief(desired: Desired) -> str:
    if desired.state == "stopped":
        return "nothing is to be served"
    rollout = desired.rollout
    tried = "" if rollout is None else f", {rollout.kind} of {rollout.candidate} {rollout.share} %"
    return f"{desired.revision(desired.stable).ref} is to be served{tried}"


def _now_us() -> int:
    return time.time_ns() // 1000
