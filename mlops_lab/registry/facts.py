"""What is known of a model when it is registered: gathered once, kept as an object."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.tracking.goals import SYSTEM_PREFIX

if TYPE_CHECKING:
    from mlops_lab.registry.records import LoggedModel
    from mlops_lab.store import Store
    from mlops_lab.tracking import RunManager
    from mlops_lab.tracking.records import RunRecord

__all__ = ["gather_facts"]

_INPUTS: Final = """
select kind, name, version, digest, role from lab.inputs
where run_id in (select unnest($runs::varchar[])) order by used_at, name
"""
_LATENCY: Final = {
    "p50": ("latency_p50_ms", "latency_ms"),
    "p95": ("latency_p95_ms",),
}


def gather_facts(
    store: Store, runs: RunManager, logged: LoggedModel, manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """Gather what stays with a version for good.

    Parameters
    ----------
    store, runs
        To read the run that made the model, and the steps before it.
    logged
        The model.
    manifest
        Its ``model.json``.
    """
    run = runs.get(logged.run_id)
    family = _family(runs, run)
    environment = next(filter(None, (runs.environment(one.id) for one in family)), None) or {}
    git = environment.get("git") or {}
    metrics = {
        metric.key: {
            "last": _number(metric.last),
            "best": _number(metric.best),
            "step": metric.last_step,
            "goal": metric.goal,
            "guessed": metric.guessed,
        }
        for metric in runs.metrics(run.id)
        if not metric.key.startswith(SYSTEM_PREFIX)
    }
    return {
        "v": 1,
        "flavor": logged.flavor,
        "unsafe": logged.unsafe,
        "types": list(logged.types),
        "signature": logged.signature,
        "size_bytes": logged.size_bytes,
        "libraries": manifest.get("libraries") or manifest.get("versions") or {},
        "run": {
            "id": run.id,
            "name": run.name,
            "experiment": run.experiment,
            "author": run.author,
            "started_at": run.started_at.isoformat(),
        },
        "metrics": metrics,
        "params": {param.key: param.value for param in runs.params(run.id)},
        "inputs": _inputs(store, family),
        "code": {
            "notebook": run.source.get("notebook") or run.source.get("program"),
            "notebook_digest": _notebook_digest(runs, run),
            "git_commit": git.get("commit"),
            "git_branch": git.get("branch"),
            "git_dirty": git.get("dirty"),
        },
        "environment": {
            "python": environment.get("python"),
            "platform": environment.get("platform"),
            "packages": environment.get("packages") or {},
        },
        "latency_ms": _latency(logged, metrics),
    }


def _family(runs: RunManager, run: RunRecord) -> list[RunRecord]:
    """The run, those it is part of, and the steps of its pipeline that began before it.

    A step is given files that steps before it made: what those were made from is what the model was
    made from.
    """
    found, at = [run], run
    while at.parent is not None:
        above = runs.find(at.parent)
        if above is None or above in found:
            break
        found.append(above)
        at = above
    if run.kind == "step" and run.parent is not None:
        found += [
            one
            for one in runs.children(run.parent)
            if one.id != run.id and one.started_at <= run.started_at
        ]
    return found


def _inputs(store: Store, family: Iterable[RunRecord]) -> list[dict[str, Any]]:
    rows = store.query(_INPUTS, {"runs": [run.id for run in family]})
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for kind, name, version, digest, role in rows:
        one = {"kind": kind, "name": name, "version": version, "digest": digest, "role": role}
        found.setdefault((kind, name, version, digest), one)
    return list(found.values())


def _notebook_digest(runs: RunManager, run: RunRecord) -> str | None:
    for folder in ("notebook", "source"):
        kept = runs.artifacts(run.id, folder)
        if kept:
            return kept[-1].digest
    return None


def _latency(
    logged: LoggedModel, metrics: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    if logged.latency_ms is not None:
        return {key: logged.latency_ms.get(key) for key in _LATENCY}
    said = {
        key: next((metrics[name]["last"] for name in names if name in metrics), None)
        for key, names in _LATENCY.items()
    }
    return said if any(value is not None for value in said.values()) else None


def _number(value: float | None) -> float | str | None:
    # JSON has no word for these; the strings are those of the wire.
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
