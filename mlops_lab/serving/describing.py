"""The status of an endpoint, told from what its supervisor knows: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mlops_lab.serving.crew import Facts
from mlops_lab.serving.figures import Figures
from mlops_lab.serving.records import Desired
from mlops_lab.serving.rollouts.routing import Table
from mlops_lab.serving.status import RevisionStatus, State, Status, WorkerStatus
from mlops_lab.serving.world import Plan, Slot, Worker, World
from mlops_lab.wording import counted

__all__ = ["Standing", "describe", "revisions", "standing"]


class Standing(NamedTuple):
    """How an endpoint stands, in a word and a sentence."""

    state: State
    sentence: str


def describe(
    desired: Desired,
    world: World,
    plan: Plan,
    facts: Mapping[int, Facts],
    figures: Figures,
    now_us: int,
    *,
    trouble: str = "",
    failed: str = "",
) -> Status:
    """Tell how an endpoint stands; who tells it, and since when, is not known here.

    Parameters
    ----------
    facts
        Of each worker by its key.
    now_us
        µs, UTC.
    trouble
        What the supervisor itself could not do, as a sentence.
    failed
        Why it gives up, as a sentence.
    """
    ids = {each.id for each in desired.revisions} | {each.revision for each in world.workers}
    told = revisions(desired, world, plan.table, facts, {id: figures.now(id, now_us) for id in ids})
    dead = any(one.dead_log for one in facts.values())
    state, sentence = standing(desired, world, plan, told, trouble=trouble, dead_log=dead)
    if failed:
        state, sentence = "failed", failed
    return Status(
        name=desired.name,
        seq=0,
        wanted=desired.seq,
        state=state,
        sentence=sentence,
        updated=now_us,
        port=desired.port,
        revisions=told,
        log={**{name: figures.log[name] for name in ("written", "dropped")}, "dead": dead},
        shadow={name: figures.shadow[name] for name in ("sent", "dropped")},
        ring=figures.ring(each.id for each in told),
    )


def revisions(
    desired: Desired,
    world: World,
    table: Table,
    facts: Mapping[int, Facts],
    figures: Mapping[str, Mapping[str, Any]],
) -> tuple[RevisionStatus, ...]:
    """Tell of each revision that is desired or runs.

    Parameters
    ----------
    facts
        Of each worker by its key.
    figures
        Of each revision.
    """
    runs = {worker.revision for worker in world.workers}
    ids = [each.id for each in desired.revisions]
    ids += [id for id in world.known if id in runs and id not in ids]
    return tuple(_revision(id, desired, world, table, facts, figures.get(id, {})) for id in ids)


def _revision(
    id: str,
    desired: Desired,
    world: World,
    table: Table,
    facts: Mapping[int, Facts],
    figures: Mapping[str, Any],
) -> RevisionStatus:
    revision = world.known[id]
    workers = [worker for worker in world.workers if worker.revision == id]
    slots = {index: slot for (of, index), slot in world.slots.items() if of == id}
    state, sentence = _state(workers, slots.values())
    told = next((facts[w.key] for w in workers if facts[w.key].backend is not None), None)
    return RevisionStatus(
        id=id,
        model=revision.model,
        version=revision.version,
        role=table.roles.get(id) or (desired.role(id) if desired.has(id) else "standby"),
        state=state,
        sentence=sentence,
        backend=None if told is None else told.backend,
        why=None if told is None else told.why,
        share=_share(id, table),
        workers=tuple(
            WorkerStatus(
                pid=facts[worker.key].pid,
                started=facts[worker.key].started,
                index=worker.index,
                state=worker.phase,
                rss=facts[worker.key].rss,
                restarts=slots.get(worker.index, Slot()).restarts,
            )
            for worker in workers
        ),
        since=revision.since,
        by=revision.by,
        **figures,
    )


def _state(workers: Iterable[Worker], slots: Iterable[Slot]) -> tuple[str, str]:
    phases = {worker.phase for worker in workers}
    failed = [slot for slot in slots if slot.failures]
    if "ready" in phases:
        return "ready", ""
    if failed:
        last = max(failed, key=lambda slot: slot.again)
        return ("crashed" if last.loaded else "failed"), last.sentence
    if "starting" in phases:
        return "starting", ""
    return ("draining" if phases else "stopped"), ""


def _share(id: str, table: Table) -> float:
    rollout = table.rollout
    if rollout is not None and rollout.candidate == id:
        return rollout.share
    if id != table.stable:
        return 0.0
    return 100.0 if rollout is None or rollout.kind == "shadow" else 100.0 - rollout.share


def standing(
    desired: Desired,
    world: World,
    plan: Plan,
    told: Iterable[RevisionStatus],
    *,
    trouble: str = "",
    dead_log: bool = False,
) -> Standing:
    """Say how an endpoint stands.

    Parameters
    ----------
    told
        Its revisions, as of `revisions`.
    trouble
        What the supervisor itself could not do, as a sentence.
    dead_log
        Whether some worker cannot write its prediction log.
    """
    name = desired.name
    if desired.state == "stopped":
        left = len(world.workers) + len(world.orphans)
        if not left:
            return Standing("stopped", f"{name} is stopped.")
        return Standing(
            "degraded", f"{name} stops: {counted(left, 'worker')} finish what is asked."
        )
    by_id = {each.id: each for each in told}
    failed = [
        f"{by_id[id].model}@{by_id[id].version} does not start: {by_id[id].sentence}"
        if by_id[id].state == "failed"
        else f"{by_id[id].model}@{by_id[id].version} crashed: {by_id[id].sentence}"
        for id in plan.wanted
        if id in by_id and by_id[id].state in ("failed", "crashed")
    ]
    acting = by_id.get(plan.acting)
    answers = [w for w in world.workers if w.revision == plan.acting and w.accepting]
    if acting is None or not answers:
        if world.orphans:
            return Standing("degraded", f"A new supervisor takes {name} over.")
        if acting is not None and acting.state == "crashed":
            again = f"A worker is started anew; until then nobody answers. {trouble}"
            return Standing("degraded", " ".join([*failed, again]).strip())
        if failed or trouble:
            return Standing("failed", " ".join([*failed, trouble]).strip())
        return Standing("starting", f"{world.known[plan.acting].ref} is being loaded.")
    serves = f"{acting.model}@{acting.version}"
    notes = list(failed)
    if plan.acting != desired.stable:
        notes.append(
            f"{serves} goes on answering until {desired.revision(desired.stable).ref} can."
        )
    short = desired.workers - len(answers)
    if short > 0 and not failed and plan.acting == desired.stable:
        notes.append(f"{counted(short, 'worker')} of {desired.workers} not ready yet.")
    if dead_log:
        notes.append("The prediction log cannot be written.")
    if trouble:
        notes.append(trouble)
    bad = failed or trouble or dead_log or plan.acting != desired.stable
    return Standing("degraded" if bad else "serving", " ".join([f"{serves} answers.", *notes]))
