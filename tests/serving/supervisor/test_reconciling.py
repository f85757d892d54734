"""What a supervisor does next, without processes: every order of events ends as desired."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.serving import reconciling
from mlops_lab.serving.reconciling import LINGER_S, STANDBY_S, plan
from mlops_lab.serving.records import Desired, Limits, Revision, Rollout
from mlops_lab.serving.world import Finish, Kill, Orphan, Plan, Retire, Slot, Start, Worker, World

LOAD_S = 3.0


def revision(number: int) -> Revision:
    return Revision(f"r{number}", "delay", number, f"b3-{number:064d}")


def deployed(number: int, *, seq: int = 1, before: int | None = None, workers: int = 1) -> Desired:
    ids = [number] if before is None else [number, before]
    return Desired(
        "delay",
        seq,
        "serving",
        tuple(map(revision, ids)),
        stable=f"r{number}",
        standby=None if before is None else f"r{before}",
        workers=workers,
    )


def canary(base: int, number: int, *, seq: int = 2, share: float = 5.0) -> Desired:
    rollout = Rollout("a" * 32, "canary", f"r{number}", f"r{base}", share, salt="s")
    both = (revision(base), revision(number))
    return replace(deployed(base, seq=seq), revisions=both, rollout=rollout)


class Machine:
    """Processes that do what they are told; `broken` ones never get ready."""

    def __init__(self, desired: Desired, orphans: tuple[Orphan, ...] = ()) -> None:
        self.desired = desired
        self.world = World(0.0, orphans=orphans, known=known(desired), generation=1)
        self.broken: set[str] = set()
        self.plan: Plan = plan(desired, self.world)
        self.keys = 0

    def decide(self, desired: Desired) -> None:
        self.desired = desired
        self.world = replace(
            self.world, known={**self.world.known, **known(desired)}, arrived=self.world.now
        )

    def step(self, seconds: float = 0.25) -> None:
        """Let time go by, and have done what is planned then."""
        now = self.world.now + seconds
        self.world = replace(
            self.world, now=now, workers=tuple(self._later(w, now) for w in self.world.workers)
        )
        for worker in self.world.workers:
            stuck = worker.revision in self.broken and worker.phase == "starting"
            gone = worker.drained_at is not None and now - worker.drained_at > 1
            if stuck and now - worker.begun >= LOAD_S:
                self.crash(worker, "It cannot.")
            elif gone:
                self.world = self.world.without(worker.key)
        self.world = replace(
            self.world,
            orphans=tuple(
                o for o in self.world.orphans if o.told_at is None or now - o.told_at < 1
            ),
        )
        self.plan = plan(self.desired, self.world)
        self.world = reconciling.applied(self.world, self.plan)
        for action in self.plan.actions:
            if isinstance(action, Start):
                self.keys += 1
                at = (self.keys, action.revision.id, action.index, action.terms)
                started = Worker(*at, begun=now, heard=now, socket=f"{self.keys}.sock")
                self.world = self.world.with_worker(started)
            elif isinstance(action, Kill):
                self.world = self.world.without(action.key)

    def _later(self, worker: Worker, now: float) -> Worker:
        table = self.world.table
        ready = worker.phase == "starting" and now - worker.begun >= LOAD_S
        if ready and worker.revision not in self.broken:
            worker = replace(worker, phase="ready", ready_at=now)
        return replace(worker, heard=now, followed=table.seq if table else 0)

    def crash(self, worker: Worker, why: str = "It was killed.") -> None:
        at = (worker.revision, worker.index)
        slot = reconciling.after_exit(self.world.slots.get(at), worker, why, self.world.now)
        self.world = replace(self.world.without(worker.key), slots={**self.world.slots, at: slot})

    def settle(self, seconds: float = 200.0) -> None:
        until = self.world.now + seconds
        while not self.plan.settled:
            assert self.world.now < until, self.plan
            self.step()

    def answering(self) -> list[str]:
        """The revisions whose workers listen to the public sockets."""
        return [w.revision for w in self.world.workers if w.accepting]


def known(desired: Desired) -> dict[str, Revision]:
    return {each.id: each for each in desired.revisions}


def served(desired: Desired) -> Machine:
    machine = Machine(desired)
    machine.step()
    machine.settle()
    return machine


def test_a_first_version_is_seen_only_when_it_is_ready() -> None:
    machine = Machine(deployed(1))
    machine.step()
    assert not machine.world.published
    assert not machine.answering()
    machine.settle()
    assert machine.world.published
    assert machine.answering() == ["r1"]


def test_a_new_version_takes_over_when_all_its_workers_are_ready() -> None:
    machine = served(deployed(1, workers=2))
    machine.step(LOAD_S)
    machine.step(LOAD_S)
    machine.decide(deployed(2, seq=2, before=1, workers=2))
    seen = []
    for _ in range(40):
        machine.step()
        seen.append(sorted(machine.answering()))
    assert set(map(tuple, seen)) == {("r1", "r1"), ("r2", "r2")}
    machine.settle()
    assert machine.world.table is not None
    assert machine.world.table.stable == "r2"


def test_a_warm_version_takes_over_in_one_step() -> None:
    machine = served(deployed(1, workers=3))
    machine.decide(canary(1, 2))
    machine.step()
    machine.settle()
    machine.decide(deployed(2, seq=3, before=1, workers=3))
    machine.step()
    assert set(machine.answering()) == {"r2"}
    # And back: the version before is still there.
    machine.step()
    machine.decide(deployed(1, seq=4, before=2, workers=3))
    machine.step()
    assert set(machine.answering()) == {"r1"}


def test_the_version_before_is_kept_for_ten_minutes() -> None:
    machine = served(deployed(1))
    machine.decide(deployed(2, seq=2, before=1))
    machine.step()
    machine.settle()
    machine.step(LINGER_S)
    assert machine.world.ready("r1")
    machine.step(STANDBY_S)
    machine.step(LINGER_S)
    machine.step(LINGER_S)
    assert not machine.world.ready("r1")
    assert machine.plan.settled


def test_a_version_that_does_not_start_leaves_the_one_before() -> None:
    machine = served(deployed(1))
    machine.broken.add("r2")
    machine.decide(deployed(2, seq=2, before=1))
    for _ in range(400):
        machine.step()
        assert machine.answering() == ["r1"]
        assert not machine.plan.settled
    slot = machine.world.slots["r2", 0]
    # Half a second, then twice as long each time, up to half a minute.
    assert 4 <= slot.failures <= 8
    assert slot.sentence == "It cannot."
    machine.broken.clear()
    machine.settle()
    assert machine.answering() == ["r2"]


def test_one_that_was_well_for_a_minute_comes_back_at_once() -> None:
    worker = Worker(1, "r1", 0, (), 0.0, 0.0, phase="ready", ready_at=1.0)
    often = Slot(failures=6, again=30.0, restarts=5)
    assert reconciling.after_exit(often, worker, "", 30.0).again == 60.0
    again = reconciling.after_exit(often, worker, "", 100.0)
    assert (again.failures, again.again, again.restarts) == (1, 100.5, 6)


def test_a_rollout_gets_traffic_only_while_its_version_answers() -> None:
    machine = served(deployed(1))
    machine.decide(canary(1, 2))
    machine.step()
    assert machine.world.table is not None
    assert machine.world.table.rollout is None
    machine.settle()
    assert machine.world.table.rollout == machine.desired.rollout
    machine.crash(machine.world.ready("r2")[0])
    machine.step()
    assert machine.world.table.rollout is None
    assert machine.answering() == ["r1"]
    machine.step()
    machine.settle()
    assert machine.world.table.rollout is not None
    # The guard takes it back before anything is decided.
    machine.world = replace(machine.world, held="a" * 32)
    machine.step()
    assert machine.world.table.rollout is None


def test_orphans_that_pass_requests_on_end_first_and_only_when_others_answer() -> None:
    machine = Machine(deployed(1), (Orphan(7, 1.0, accepts=True), Orphan(8, 1.0, accepts=False)))
    told: list[Retire] = []
    for _ in range(40):
        machine.step()
        new = [action for action in machine.plan.actions if isinstance(action, Retire)]
        assert not new or machine.answering()
        told += new
    assert told == [Retire(7), Retire(8)]
    assert not machine.world.orphans


def test_other_limits_are_taken_on_by_new_workers_one_for_one() -> None:
    machine = served(deployed(1, workers=2))
    machine.decide(replace(machine.desired, seq=2, limits=Limits(queue=7)))
    for _ in range(60):
        machine.step()
        assert machine.answering()
    assert machine.plan.settled
    assert len(machine.world.workers) == 2
    assert all(Limits(queue=7) in worker.terms for worker in machine.world.workers)


def test_fewer_workers_are_not_fewer_than_answer() -> None:
    machine = served(deployed(1, workers=2))
    machine.step(LOAD_S)
    machine.step()
    machine.crash(machine.world.ready("r1")[0])
    machine.decide(deployed(1, seq=2))
    for _ in range(60):
        machine.step()
        assert machine.answering()
    assert [worker.index for worker in machine.world.workers] == [0]


@pytest.mark.parametrize("began", [0, 1, 4])
def test_a_stop_leaves_nothing(began: int) -> None:
    machine = Machine(deployed(1, workers=2), (Orphan(7, 1.0, accepts=True),))
    for _ in range(began):
        machine.step(1.0)
    machine.decide(replace(machine.desired, seq=9, state="stopped"))
    for _ in range(40):
        machine.step()
    assert machine.plan.actions == (Finish(),)
    assert not machine.world.workers
    assert not machine.world.orphans


@pytest.mark.parametrize(
    ("worker", "killed"),
    [
        (Worker(1, "r1", 0, (), begun=0.0, heard=0.0), False),
        (Worker(1, "r1", 0, (), begun=-200.0, heard=0.0), True),
        (Worker(1, "r1", 0, (), 0.0, heard=94.0, phase="ready", ready_at=0.0), True),
        (Worker(1, "r1", 0, (), 0.0, heard=96.0, phase="ready", ready_at=0.0), False),
        (Worker(1, "r1", 0, (), 0.0, 94.0, "ready", 0.0, busy_since=80.0), False),
        (Worker(1, "r1", 0, (), 0.0, 99.0, "ready", 0.0, busy_since=64.0), True),
        (Worker(1, "r1", 0, (), 0.0, 99.0, "draining", 0.0, drained_at=54.0), True),
        (Worker(1, "r1", 0, (), 0.0, 90.0, "draining", 0.0, drained_at=56.0), False),
    ],
)
def test_what_hangs_is_killed_and_what_works_is_not(worker: Worker, killed: bool) -> None:
    assert (reconciling.overdue(worker, Limits(), 100.0) is not None) == killed


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("deploy"), st.integers(1, 3), st.integers(1, 3)),
        st.tuples(st.just("canary"), st.integers(1, 3), st.just(1)),
        st.tuples(st.just("scale"), st.just(1), st.integers(1, 3)),
        st.tuples(st.just("crash"), st.integers(0, 5), st.just(1)),
        st.tuples(st.just("pass"), st.integers(1, 60), st.just(1)),
    ),
    max_size=8,
)


@given(EVENTS)
def test_whatever_happens_somebody_answers_and_it_ends_as_desired(
    events: list[tuple[str, int, int]],
) -> None:
    machine = served(deployed(9))
    for seq, (what, number, workers) in enumerate(events, 2):
        desired = machine.desired
        before = int(desired.stable.removeprefix("r"))
        crashed = False
        if what == "deploy" and number != before:
            machine.decide(deployed(number, seq=seq, before=before, workers=workers))
        elif what == "scale":
            machine.decide(replace(desired, seq=seq, workers=workers))
        elif what == "canary" and number != before:
            machine.decide(canary(before, number, seq=seq))
        elif what == "crash":
            alive = [w for w in machine.world.workers if w.phase == "ready"]
            if crashed := len(alive) > number:
                machine.crash(alive[number])
        answered = bool(machine.answering())
        for _ in range(number if what == "pass" else 1):
            machine.step()
            # Only a crash may leave nobody, and then only until the next one is there.
            assert machine.answering() or crashed or not answered
    machine.settle()
    assert set(machine.answering()) == {machine.desired.stable}
    settled = machine.world.table
    for _ in range(20):
        machine.step(1.0)
    # Nothing more is to be done, and nobody is told anything for nothing.
    assert not machine.plan.actions
    assert machine.world.table is not None
    assert settled is not None
    assert machine.world.table.rollout == settled.rollout
