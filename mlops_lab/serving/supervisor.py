"""The supervisor of one endpoint: looks at what is desired, and makes it so with processes.

One thread and one loop. What to do next is decided by `mlops_lab.serving.reconciling`; here it is
done. It loads no model and no table library, so it is small and lives for months.
"""

from __future__ import annotations

import logging
import os
import platform
import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Corrupt, LabError
from mlops_lab.serving import desired as desires
from mlops_lab.serving import places, reconciling, status
from mlops_lab.serving.describing import Facts, revisions, standing
from mlops_lab.serving.figures import Figures
from mlops_lab.serving.guarding import Deciding, Watch
from mlops_lab.serving.reconciling import Orphan, Plan, Slot, Worker, World
from mlops_lab.serving.records import Desired, Revision
from mlops_lab.serving.status import Status
from mlops_lab.serving.workers import Process, Sockets, end_of
from mlops_lab.store.objects import Objects

if TYPE_CHECKING:
    from mlops_lab.serving.manager import EndpointManager

__all__ = ["Supervisor"]

_log = logging.getLogger("mlops_lab")

_LOOK_S: Final = 0.25
_WRITE_US: Final = 1_000_000
_JUDGE_US: Final = 1_000_000
_SOCKETS_S: Final = 5.0
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
    """

    def __init__(
        self,
        root: Path,
        desired: Desired,
        manager: Callable[[], EndpointManager],
        *,
        foreground: bool,
        before: Status | None,
    ) -> None:
        self._root = root
        self._name = desired.name
        self._desired = desired
        self._foreground = foreground
        self._folder = places.sockets_made(root, desired.name)
        store = root / ".mlops"
        self._objects = Objects(store / "objects", store / "tmp")
        self._stamp: object = None
        self._selector = selectors.DefaultSelector()
        self._wake, wakes = socket.socketpair()
        for end in (self._wake, wakes):
            end.setblocking(False)
        self._wakes = wakes
        self._selector.register(self._wake, selectors.EVENT_READ, None)
        self._ending: str | None = None
        self._code = 0
        self._served = False
        orphans = () if before is None else _orphans(before)
        self._processes: dict[int, Process] = {}
        self._facts: dict[int, Facts] = {}
        self._workers: dict[int, Worker] = {}
        self._intended: dict[int, str] = {}
        self._slots: dict[tuple[str, int], Slot] = {}
        self._sockets: Sockets | None = None
        self._former: list[Sockets] = []
        self._address: tuple[int | None, str] | None = None
        self._sockets_at = 0.0
        self._trouble = ""
        self._keys = 0
        now = time.monotonic()
        self._world = World(
            now,
            orphans=orphans,
            known={each.id: each for each in desired.revisions},
            arrived=now,
        )
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
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_end)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the loop
        _log.warning("the supervisor of %s begins (process %d)", self._name, self._pid)
        try:
            while not self._turned():
                self._listen(_LOOK_S)
        finally:
            signal.set_wakeup_fd(-1)
            self._leave()
        return self._code

    def _turned(self) -> bool:
        try:
            return self._turn()
        except Exception:  # noqa: BLE001 - what is served goes on being served
            _log.exception("the supervisor of %s goes on after an error", self._name)
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
        desired = self._wanted()
        self._world = replace(
            self._world,
            now=time.monotonic(),
            workers=tuple(self._workers.values()),
            slots=dict(self._slots),
            orphans=tuple(o for o in self._world.orphans if status.is_alive(o.pid, o.started)),
            held=self._watch.held,
            slow_ms=self._watch.slow_ms,
        )
        plan = reconciling.plan(desired, self._world)
        self._do(plan)
        if plan.settled:
            self._seq = self._desired.seq
            self._close_former()
        self._tell(plan, now_us)
        return reconciling.Finish() in plan.actions

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
        self._world = replace(self._world, known=known, arrived=time.monotonic())
        # What was decided anew is tried at once, however often it failed before.
        self._slots = {
            at: replace(slot, failures=0, again=0.0, sentence="")
            for at, slot in self._slots.items()
        }
        self._watch.follow(read)

    def _listen(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                with suppress(BlockingIOError):
                    while self._wake.recv(512):
                        pass
                continue
            self._hear(key.data)
        for process in self._processes.values():
            process.flush()

    def _told_to_end(self, number: int, _frame: object) -> None:
        if self._ending is not None:
            return
        self._ending = signal.Signals(number).name
        if number == signal.SIGINT:
            self._code = 130

    # ------------------------------------------------------------------ workers

    def _hear(self, key: int) -> None:
        process = self._processes[key]
        messages, ended = process.heard()
        if ended:
            self._unwatch(process)
        for message in messages:
            worker = replace(self._workers[key], heard=time.monotonic())
            if message.get("say") == "ready":
                process.ready = message
                worker = replace(worker, phase="ready", ready_at=worker.heard)
                self._facts[key] = replace(
                    self._facts[key],
                    rss=int(message.get("rss") or 0),
                    backend=message.get("backend"),
                    why=message.get("why"),
                )
                # Another worker's table may have changed since this one was started.
                if self._world.table is not None:
                    process.tell({"do": "route", "route": self._route(worker.revision)})
            elif message.get("say") == "failed":
                process.failure = str(message.get("message") or "")
            elif message.get("say") == "report":
                worker = self._reported(worker, message)
            self._workers[key] = worker

    def _unwatch(self, process: Process) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(process)

    def _reported(self, worker: Worker, message: Mapping[str, Any]) -> Worker:
        self._figures.report(worker.revision, message)
        self._watch.feed(message.get("units") or ())
        log = message.get("log") or {}
        self._facts[worker.key] = replace(
            self._facts[worker.key],
            rss=int(message.get("rss") or 0),
            dead_log=bool(log.get("dead")),
        )
        busy = message.get("busy_since")
        # Its clock is the one of the wall, which may jump; what counts is how long ago it was.
        since = None if busy is None else worker.heard - max(0.0, time.time() - busy / 1e6)
        return replace(worker, followed=int(message.get("seq") or 0), busy_since=since)

    def _reap(self) -> None:
        """Take note of workers that have ended."""
        for key, process in list(self._processes.items()):
            code = process.poll()
            if code is None:
                continue
            self._hear(key)  # what it said last
            self._unwatch(process)
            process.close()
            worker = self._workers.pop(key)
            del self._processes[key], self._facts[key]
            with suppress(OSError):
                os.unlink(worker.socket)
            why = self._intended.pop(key, None)
            if worker.phase == "draining" or why == "":
                continue
            said = why or process.failure or f"{end_of(code)} The log has more."
            at = (worker.revision, worker.index)
            self._slots[at] = reconciling.after_exit(
                self._slots.get(at), worker, said, time.monotonic()
            )
            _log.error("worker %s-%d (process %d): %s", *at, process.pid, said)
            rollout = self._desired.rollout
            if rollout is not None and worker.revision == rollout.candidate:
                self._crashes += worker.ready_at is not None

    def _start(self, revision: Revision, index: int, terms: reconciling.Terms) -> None:
        assert self._sockets is not None
        at, now = (revision.id, index), time.monotonic()
        self._keys += 1
        key = self._keys
        path = places.private(self._folder, revision.id, index, f"{self._pid:x}-{key}")
        worker = Worker(key, revision.id, index, terms, now, now, socket=os.fspath(path))
        try:
            package = self._objects.view(revision.digest, tree=True)
            process = Process(self._root, self._sockets.all)
        except (LabError, OSError) as error:
            said = str(error) if isinstance(error, LabError) else f"No process: {error}."
            self._slots[at] = reconciling.after_exit(self._slots.get(at), worker, said, now)
            _log.error("worker %s-%d was not started: %s", *at, said)
            return
        self._workers[key] = worker
        self._processes[key] = process
        self._facts[key] = Facts(process.pid, process.started)
        self._selector.register(process, selectors.EVENT_READ, key)
        # Before it is told what to do: a worker that no status names could not be found again.
        self._write_now()
        process.tell(
            {
                "do": "start",
                "project": os.fspath(self._root),
                "endpoint": self._name,
                "revision": _json(revision),
                "index": index,
                "folder": os.fspath(package),
                "sockets": {
                    "public": [each.fileno() for each in self._sockets.all],
                    "private": worker.socket,
                },
                "limits": _json(self._desired.limits),
                "token_hash": self._desired.token_hash,
                "log_dir": os.fspath(places.predictions(self._root, self._name)),
                "route": self._route(revision.id),
                "accept": False,
                "foreground": self._foreground,
            }
        )

    # ------------------------------------------------------------------ doing

    def _do(self, plan: Plan) -> None:
        now = time.monotonic()
        if plan.acting != self._world.acting:
            if self._world.acting is not None:
                _log.warning("%s answers from now on", self._world.known[plan.acting].ref)
            self._world = replace(self._world, acting=plan.acting, standby_since=now)
        if plan.table != self._world.table:
            self._world = replace(self._world, table=plan.table)
            # Those that answer first: who passes requests on finds them informed.
            for key, worker in sorted(
                self._workers.items(), key=lambda item: item[1].revision != plan.acting
            ):
                self._processes[key].tell({"do": "route", "route": self._route(worker.revision)})
        for action in plan.actions:
            match action:
                case reconciling.Publish():
                    assert self._sockets is not None
                    self._sockets.publish()
                    self._world = replace(self._world, published=True)
                    self._served = True
                case reconciling.Accept(key):
                    self._processes[key].tell({"do": "accept"})
                    self._change(key, accepting=True, rested_at=None)
                case reconciling.Rest(key):
                    self._processes[key].tell({"do": "rest"})
                    self._change(key, accepting=False, rested_at=now)
                case reconciling.Drain(key):
                    self._processes[key].tell({"do": "drain"})
                    self._change(key, accepting=False, phase="draining", drained_at=now)
                case reconciling.Kill(key, why):
                    self._intended[key] = why
                    self._processes[key].kill()
                case reconciling.Start(revision, index, terms):
                    if self._sockets is not None:
                        self._start(revision, index, terms)
                case reconciling.Retire(pid, force):
                    self._retire(pid, force, now)

    def _change(self, key: int, **changes: Any) -> None:
        self._workers[key] = replace(self._workers[key], **changes)

    def _retire(self, pid: int, force: bool, now: float) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL if force else signal.SIGTERM)
        told = tuple(
            replace(orphan, told_at=now) if orphan.pid == pid and orphan.told_at is None else orphan
            for orphan in self._world.orphans
        )
        self._world = replace(self._world, orphans=told)

    def _route(self, revision: str) -> dict[str, Any]:
        """The table of routes as a worker of a revision gets it."""
        table = self._world.table
        assert table is not None
        return replace(table, self_id=revision).to_json()

    def _open(self) -> None:
        """Make the public sockets, or new ones when the port changed or their path was removed."""
        desired, now = self._desired, time.monotonic()
        address = (desired.port, desired.host)
        lost = self._sockets is not None and self._world.published and self._sockets.lost()
        if self._sockets is not None and self._address == address and not lost:
            return
        if self._ending is not None or desired.state == "stopped" or now < self._sockets_at:
            return
        same = self._address == address or bool(self._world.orphans)
        try:
            self._folder = places.sockets_made(self._root, self._name)
            path = self._folder / places.public(self._root, self._name).name
            made = Sockets(path, desired.port, desired.host, alone=not same)
        except (OSError, LabError) as error:
            self._sockets_at = now + _SOCKETS_S
            where = f" on port {desired.port}" if desired.port is not None else ""
            self._trouble = f"{self._name} cannot listen{where}: {error}."
            _log.error("%s", self._trouble)
            return
        if self._sockets is not None:
            self._former.append(self._sockets)
        self._sockets, self._address, self._trouble = made, address, ""
        generation = self._world.generation + 1
        self._world = replace(self._world, generation=generation, published=False)

    def _close_former(self) -> None:
        for each in self._former:
            each.close()
        self._former.clear()

    # ------------------------------------------------------------------ judging and telling

    def _judge(self, now_us: int) -> None:
        rollout, unhealthy = self._desired.rollout, None
        if rollout is not None:
            failed = [
                slot
                for (revision, _), slot in self._slots.items()
                if revision == rollout.candidate
                and slot.failures >= _UNHEALTHY
                and not slot.loaded
                and not any(
                    w.revision == revision and w.phase == "ready" for w in self._workers.values()
                )
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

    def _tell(self, plan: Plan, now_us: int) -> None:
        """Write the status: each second, and at once when something changed."""
        shown = (
            plan.acting,
            plan.settled,
            self._seq,
            self._desired.seq,
            self._trouble,
            [(w.key, w.phase, w.accepting) for w in self._workers.values()],
            [(at, slot.failures) for at, slot in self._slots.items()],
            len(self._world.orphans),
        )
        if shown != self._shown or now_us - self._written_us >= _WRITE_US:
            self._shown, self._written_us = shown, now_us
            self._write_now(plan)
        failed = all(
            (slot := self._slots.get((plan.acting, index))) is not None and slot.failures
            for index in range(self._desired.workers)
        )
        failed = failed or (bool(self._trouble) and self._sockets is None)
        if failed and self._foreground and not self._served and self._ending is None:
            # Whoever runs containers starts it anew, and shows that it does.
            self._ending, self._code = "failure", 1

    def _write_now(self, plan: Plan | None = None) -> None:
        world = replace(self._world, workers=tuple(self._workers.values()), slots=dict(self._slots))
        desired = self._wanted()
        plan = plan or reconciling.plan(desired, world)
        now_us = _now_us()
        known = {each.revision for each in world.workers} | {r.id for r in desired.revisions}
        figures = {id: self._figures.now(id, now_us) for id in known}
        told = revisions(desired, world, plan.table, self._facts, figures)
        dead = any(facts.dead_log for facts in self._facts.values())
        state, sentence = standing(desired, world, plan, told, trouble=self._trouble, dead_log=dead)
        if self._code == 1 and state == "stopped":
            state, sentence = "failed", self._last_words()
        if self._standing[0] != state:
            _log.warning("%s is %s: %s", self._name, state, sentence)
            self._standing = (state, now_us)
        made = Status(
            name=self._name,
            seq=self._seq,
            wanted=self._desired.seq,
            state=state,
            sentence=sentence,
            pid=self._pid,
            started=self._started,
            host=platform.node(),
            since=self._standing[1],
            updated=now_us,
            url="" if self._sockets is None else f"unix:{self._sockets.path}",
            port=self._desired.port,
            revisions=told,
            rollout=self._watch.to_json(now_us),
            log={
                "written": self._figures.log["written"],
                "dropped": self._figures.log["dropped"],
                "dead": dead,
            },
            shadow={
                "sent": self._figures.shadow["sent"],
                "dropped": self._figures.shadow["dropped"],
            },
            ring=self._figures.ring(each.id for each in told),
        )
        try:
            status.write(self._root, made)
        except OSError as error:
            _log.error("the status of %s was not written: %s", self._name, error)

    def _last_words(self) -> str:
        said = [slot.sentence for slot in self._slots.values() if slot.sentence]
        return self._trouble or (said[-1] if said else "It did not start.")

    def _leave(self) -> None:
        """Leave nothing behind but files that are of use: also after an error of our own."""
        self._watch.keep()
        for process in self._processes.values():
            # Told nothing, they would go on as orphans, and start a supervisor that fails again.
            with suppress(OSError):
                process.kill()
            process.wait()
            process.close()
        self._workers.clear()
        for each in (*self._former, *([self._sockets] if self._sockets else [])):
            each.close()
        for path in self._folder.glob("*.sock"):
            path.unlink(missing_ok=True)
        with suppress(OSError):
            self._folder.rmdir()
        if self._ending is not None or self._desired.state == "stopped":
            self._world = replace(self._world, workers=(), orphans=())
            self._ending = self._ending or "stop"
            self._write_now()
        self._deciding.wait(_DECIDE_S)
        self._selector.close()
        self._wake.close()
        self._wakes.close()


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


def _json(value: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(value)


def _brief(desired: Desired) -> str:
    if desired.state == "stopped":
        return "nothing is to be served"
    rollout = desired.rollout
    tried = "" if rollout is None else f", {rollout.kind} of {rollout.candidate} {rollout.share} %"
    return f"{desired.revision(desired.stable).ref} is to be served{tried}"


def _now_us() -> int:
    return time.time_ns() // 1000
