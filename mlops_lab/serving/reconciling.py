"""What a supervisor does next: a pure function of what is desired, what is there, and the clock.

Every revision that should run has slots, ``(revision, index)``; each slot has one worker of the
right terms or gets one, with backoff when they end. One revision *acts*: it answers what no rollout
takes. Another one takes over only when it is ready, so what does not start interrupts nobody.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mlops_lab.serving.records import Desired, Limits, Revision
from mlops_lab.serving.rollouts.routing import Table
from mlops_lab.serving.world import (
    Accept,
    Action,
    Drain,
    Finish,
    Kill,
    Plan,
    Publish,
    Rest,
    Retire,
    Slot,
    Start,
    Terms,
    Worker,
    World,
)

__all__ = ["after_exit", "applied", "overdue", "plan", "terms_of"]

STANDBY_S: Final = 600.0
"""How long the former stable revision is kept warm."""

LINGER_S: Final = 2.0
"""How long a worker that accepts no more still answers and passes on before it is drained."""

START_S: Final = 180.0
"""How long verifying, loading and converting a model may take."""

SILENT_S: Final = 5.0
"""A worker reports five times a second; one that is silent for so long hangs."""

GRACE_S: Final = 15.0
"""How much longer than it was allowed a worker may take before it is killed."""

FIRST_S: Final = 0.5
LONGEST_S: Final = 30.0
"""Bounds of the pause before a slot gets another worker; it doubles with each failure."""

WELL_S: Final = 60.0
"""A worker that was ready for so long has forgiven what was before."""


def plan(desired: Desired, world: World) -> Plan:
    """Say what to do next so that what is there becomes what is desired.

    Asked again with the world as it is then, it says the rest; asked twice of the same world it
    says the same.

    Parameters
    ----------
    desired
        What an endpoint should serve.
    world
        What is there.
    """
    late = [
        Kill(worker.key, why)
        for worker in world.workers
        if (why := overdue(worker, desired.limits, world.now)) is not None
    ]
    acting = _acting(desired, world)
    wanted = _wanted(desired, world, acting)
    table = _table(desired, world, acting)
    if desired.state == "stopped":
        actions = [*late, *_ending(desired, world)]
        return Plan(acting, table, tuple(actions), settled=Finish() in actions, wanted={})
    killed = {action.key for action in late}
    workers = [worker for worker in world.workers if worker.key not in killed]
    draft = _Draft(desired, world, acting, workers, settled=acting == desired.stable)
    for revision, count in wanted.items():
        draft.fill(revision, count, table.seq)
    draft.empty()
    if draft.accepts and not world.published:
        draft.accepts.insert(0, Publish())
    served = sum(w.accepting for w in workers if w.key in draft.kept and w.revision == acting)
    if served >= wanted.get(acting, 1) or (served and _all_tried(world, acting, wanted)):
        draft.ends += _retiring(desired, world)
    return Plan(
        acting,
        table,
        (*late, *draft.accepts, *draft.rests, *draft.ends, *draft.starts),
        settled=draft.settled and not late and world.published and world.table == table,
        wanted=wanted,
    )


@dataclass(slots=True)
class _Draft:
    """A plan that is being made: who is kept, and what is told to whom."""

    desired: Desired
    world: World
    acting: str
    workers: list[Worker]
    settled: bool
    kept: set[int] = field(default_factory=set)
    accepts: list[Action] = field(default_factory=list)
    rests: list[Action] = field(default_factory=list)
    ends: list[Action] = field(default_factory=list)
    starts: list[Action] = field(default_factory=list)

    def fill(self, revision: str, count: int, seq: int) -> None:
        """See to it that a revision has so many workers that follow the routes of a number."""
        world = self.world
        terms = terms_of(self.desired, world.known[revision], world.generation)
        following = 0
        for index in range(count):
            here = [w for w in self.workers if (w.revision, w.index) == (revision, index)]
            worker = next((w for w in here if w.terms == terms and w.phase != "draining"), None)
            if worker is None:
                if world.now >= world.slots.get((revision, index), Slot()).again:
                    self.starts.append(Start(world.known[revision], index, terms))
            else:
                self._keep(worker)
                following += _serves(worker, self.acting) and worker.followed >= seq
            if worker is None or not _serves(worker, self.acting):
                # Who was started on other terms answers until the new one does.
                former = {w.key for w in here if w.phase == "ready" and w is not worker}
                self.kept |= former
                self.settled = self.settled and not former
        # One that follows is enough: others of its revision are more of the same.
        self.settled = self.settled and (following > 0 or revision == self.desired.standby)

    def _keep(self, worker: Worker) -> None:
        self.kept.add(worker.key)
        acts = worker.revision == self.acting
        if acts and worker.phase == "ready" and not worker.accepting:
            self.accepts.append(Accept(worker.key))
        elif worker.accepting and not acts:
            self.rests.append(Rest(worker.key))

    def empty(self) -> None:
        """End those that nobody wants, and gently those that may have something to answer."""
        answered = any(
            w.key in self.kept and w.revision == self.acting and w.phase == "ready"
            for w in self.workers
        )
        for worker in self.workers:
            if worker.key in self.kept or worker.phase == "draining":
                continue
            self.settled = self.settled and not worker.accepting
            if worker.phase == "starting":
                self.ends.append(Kill(worker.key))
            elif worker.accepting and worker.revision == self.acting and not answered:
                continue  # the one that stays is not ready yet
            elif worker.rested_at is None:
                self.rests.append(Rest(worker.key))
            elif self.world.now - worker.rested_at >= LINGER_S:
                self.ends.append(Drain(worker.key))


def applied(world: World, plan: Plan) -> World:
    """Say what is there once a plan is done, as far as it is known at once: workers that are
    started come with their process, those that end go with it.
    """
    workers = {worker.key: worker for worker in world.workers}
    orphans, published = world.orphans, world.published
    for action in plan.actions:
        match action:
            case Publish():
                published = True
            case Accept(key):
                workers[key] = replace(workers[key], accepting=True, rested_at=None)
            case Rest(key):
                workers[key] = replace(workers[key], accepting=False, rested_at=world.now)
            case Drain(key):
                workers[key] = replace(
                    workers[key], accepting=False, phase="draining", drained_at=world.now
                )
            case Retire(pid, False):
                orphans = tuple(
                    replace(each, told_at=world.now) if each.pid == pid else each
                    for each in orphans
                )
    turned = plan.acting != world.acting
    return replace(
        world,
        workers=tuple(workers.values()),
        orphans=orphans,
        published=published,
        acting=plan.acting,
        standby_since=world.now if turned else world.standby_since,
        table=plan.table,
    )


def terms_of(desired: Desired, revision: Revision, generation: int) -> Terms:
    """Say what a worker is started with: one on other terms is replaced."""
    return (
        revision.id,
        revision.digest,
        revision.backend,
        revision.unsafe,
        desired.token_hash,
        desired.limits,
        generation,
    )


def overdue(worker: Worker, limits: Limits, now: float) -> str | None:
    """Say why a worker must be killed; None of one that is well."""
    if worker.phase == "starting":
        if now - worker.begun > START_S:
            return f"It was not ready within {START_S:g} s."
        return None
    if worker.drained_at is not None and now - worker.drained_at > limits.drain_s + GRACE_S:
        return f"It did not end within {limits.drain_s + GRACE_S:g} s."
    if worker.busy_since is not None:
        if now - worker.busy_since > limits.timeout_s + SILENT_S:
            return (
                f"Its model has worked on one batch for more than {limits.timeout_s:g} s, which "
                "is how long an answer may take."
            )
        return None
    if worker.phase == "ready" and now - worker.heard > SILENT_S:
        return f"It was silent for {SILENT_S:g} s."
    return None


def after_exit(slot: Slot | None, worker: Worker, sentence: str, now: float) -> Slot:
    """Say when a slot gets its next worker, after one has ended that was not told to."""
    slot = slot or Slot()
    well = worker.ready_at is not None and now - worker.ready_at >= WELL_S
    failures = 1 if well else slot.failures + 1
    pause = min(FIRST_S * 2.0 ** min(failures - 1, 16), LONGEST_S)
    return Slot(failures, now + pause, sentence, worker.ready_at is not None, slot.restarts + 1)


def _acting(desired: Desired, world: World) -> str:
    """Which revision answers: the desired one from when it can."""
    acting = world.acting
    if acting is None or acting == desired.stable:
        return desired.stable
    if desired.state == "stopped":
        return acting
    ready = [w for w in world.ready(desired.stable) if w.terms[0] == desired.stable]
    others = world.ready(acting)
    if not ready:
        # Nobody answers any more: then there is nothing to keep.
        return acting if others or _coming(world, acting) else desired.stable
    # One that was warm before takes over at once. One that is new does when all of it is there:
    # half of its workers might not bear the traffic.
    warm = any(w.ready_at is not None and w.ready_at <= world.arrived for w in ready)
    whole = len({w.index for w in ready}) >= desired.workers
    if warm or whole or not others:
        return desired.stable
    if _all_tried(world, desired.stable, {desired.stable: desired.workers}):
        return desired.stable
    return acting


def _wanted(desired: Desired, world: World, acting: str) -> dict[str, int]:
    wanted = {acting: desired.workers, desired.stable: desired.workers}
    rollout = desired.rollout
    if rollout is not None and rollout.id != world.held and desired.has(rollout.candidate):
        share = rollout.share / 100.0 if rollout.kind == "ab" else min(rollout.share / 100.0, 0.5)
        wanted.setdefault(rollout.candidate, max(1, math.ceil(share * desired.workers)))
    standby = desired.standby
    if (
        standby is not None
        and standby not in wanted
        and world.standby_since is not None
        and world.now - world.standby_since < STANDBY_S
        and world.ready(standby)
    ):
        wanted[standby] = 1
    return {revision: count for revision, count in wanted.items() if revision in world.known}


def _table(desired: Desired, world: World, acting: str) -> Table:
    ready = [w for w in world.workers if w.phase == "ready"]
    sockets: dict[str, tuple[str, ...]] = {}
    for worker in sorted(ready, key=lambda w: (w.revision, w.index, w.key)):
        sockets[worker.revision] = (*sockets.get(worker.revision, ()), worker.socket)
    rollout = desired.rollout
    runs = (
        rollout is not None
        and rollout.id != world.held
        and rollout.candidate in sockets
        and rollout.base == acting
    )
    present = {*(revision.id for revision in desired.revisions), acting, *sockets}
    roles = {
        id: "stable" if id == acting else desired.role(id) if desired.has(id) else "standby"
        for id in sorted(present)
        if id in world.known
    }
    versions = {id: world.known[id].ref for id in roles}
    made = Table(
        seq=0 if world.table is None else world.table.seq,
        self_id="",
        stable=acting,
        roles=roles,
        sockets=sockets,
        rollout=rollout if runs else None,
        versions=versions,
        slow_ms=world.slow_ms if runs else None,
    )
    return made if made == world.table else replace(made, seq=made.seq + 1)


def _ending(desired: Desired, world: World) -> Iterable[Action]:
    for worker in world.workers:
        if worker.phase == "starting":
            yield Kill(worker.key)
        elif worker.phase == "ready":
            yield Drain(worker.key)
    yield from _retiring(desired, world)
    if not world.workers and not world.orphans:
        yield Finish()


def _retiring(desired: Desired, world: World) -> Iterable[Action]:
    """End the workers of the supervisor before; those that pass requests on go first."""
    doors = [orphan for orphan in world.orphans if orphan.accepts]
    for orphan in doors or world.orphans:
        if orphan.told_at is None:
            yield Retire(orphan.pid)
        elif world.now - orphan.told_at > desired.limits.drain_s + GRACE_S:
            yield Retire(orphan.pid, force=True)


def _serves(worker: Worker, acting: str) -> bool:
    """Whether a worker does what its revision is there for."""
    return worker.phase == "ready" and worker.accepting == (worker.revision == acting)


def _coming(world: World, revision: str) -> bool:
    """Whether a revision that nobody answers for now is about to come back."""
    starting = [w for w in world.workers if w.revision == revision and w.phase == "starting"]
    slots = [slot for (id, _), slot in world.slots.items() if id == revision]
    return revision in world.known and (bool(starting) or any(slot.failures for slot in slots))


def _all_tried(world: World, revision: str, wanted: Mapping[str, int]) -> bool:
    """Whether the slots of a revision that have no worker ready have all failed before."""
    ready = {w.index for w in world.ready(revision)}
    missing = [index for index in range(wanted.get(revision, 1)) if index not in ready]
    return all(
        (slot := world.slots.get((revision, index))) is not None and slot.failures > 0
        for index in missing
    )
