"""What the registry browser shows, as JSON-ready dicts: for the server and for the widget."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from mlops_lab.errors import LabError
from mlops_lab.registry.finder import record_of
from mlops_lab.registry.policy import counting, demands, needs
from mlops_lab.registry.records import Approval, ApprovalRequest, ModelRecord, ModelVersion
from mlops_lab.registry.verify import faults_of, is_trusted
from mlops_lab.tracking.goals import goal_of_metric

if TYPE_CHECKING:
    from mlops_lab.governance import Identity
    from mlops_lab.registry.manager import ModelManager
    from mlops_lab.registry.state import ModelState

__all__ = ["Browser"]

_EXAMPLE: Final = "input_example.json"
_MOST_ROWS: Final = 20
_MOST_BYTES: Final = 1_000_000

Gates = Callable[[str], Iterable[Any]]
"""Gives what each gate of a pipeline run said: objects with kind, state, sentence, expression."""


def _no_gates(run_id: str) -> Iterable[Any]:
    return ()


@dataclass(frozen=True)
class Browser:
    """Reads models for somebody who looks at them.

    Parameters
    ----------
    models
        The project's.
    goals
        What ``mlops.toml`` says of metrics.
    by
        Who looks: the pages say what this person may do.
    gates
        Gives the gates of a pipeline run.
    """

    models: ModelManager
    goals: Mapping[str, Literal["max", "min"]]
    by: Identity
    gates: Gates = field(default=_no_gates)

    def models_page(self) -> dict[str, Any]:
        """All models, and what waits for approval."""
        # Reads inside of a read see the same state, and cost no lock of their own.
        with self.models.store.read():
            return {
                "models": [_model_row(record) for record in self.models.list()],
                "queue": self.queue(),
            }

    def queue(self) -> list[dict[str, Any]]:
        """What waits for approval, oldest first."""
        waiting = self.models.queue(self.by)
        names = self._runs({request.run_id for request in waiting})
        return [_request(request, names) for request in waiting]

    def model_page(self, name: str) -> dict[str, Any]:
        """One model with its versions, newest first."""
        state = self.models.state(name)
        with self.models.store.read():
            return self._model_page(state)

    def _model_page(self, state: ModelState) -> dict[str, Any]:
        versions = [self.models.version_of(state, row) for row in reversed(state.ready)]
        rows = self._rows(state, versions)
        found = dict.fromkeys(key for row in rows for key in row["metrics"])
        # What the project declares comes first: the columns and charts are given in this order.
        keys = sorted(found, key=lambda key: key not in self.goals)
        aliases = self._aliases(state)
        history = [move for alias in aliases for move in state.history(alias)]
        return {
            "model": _model_row(record_of(state)),
            "versions": rows,
            "goals": {key: goal_of_metric(key, self.goals).direction for key in keys},
            "policies": [
                {
                    "alias": alias,
                    "sentences": demands(self.models.policy(alias)),
                    "back": self.models.way_back(state, alias),
                }
                for alias in aliases
            ],
            "history": [
                {
                    "alias": move.alias,
                    "version": move.version,
                    "since": time_text(move.since),
                    "until": time_text(move.until),
                    "by": move.by,
                    "how": move.how,
                    "reason": move.reason,
                }
                for move in sorted(history, key=lambda one: one.since, reverse=True)
                if move.version is not None
            ],
        }

    def version_row(self, ref: str) -> dict[str, Any]:
        """One version as a row of its model's page."""
        version = self.models.get(ref)
        return self._rows(self.models.state(version.name), [version])[0]

    def version_page(self, ref: str) -> dict[str, Any]:
        """Everything about one version, and what could become of it."""
        version = self.models.get(ref)
        files = self._files(version)
        # Bytes may have to be read again for it: not while others wait for the lock.
        verified = self._verified(version, len(files))
        # Of a model whose versions are all deleted the state waits for a fold, which waits for us.
        state = self.models.state(version.name)
        with self.models.store.read():
            return {
                **self._version_page(state, version),
                "files": files,
                "verified": verified,
            }

    def _version_page(self, state: ModelState, version: ModelVersion) -> dict[str, Any]:
        facts = _facts(version)
        code, environment = _dict(facts.get("code")), _dict(facts.get("environment"))
        judged = version.judgement
        return {
            **self._rows(state, [version])[0],
            "name": version.name,
            "state": version.state,
            "params": _dict(facts.get("params")),
            "signature": _signature(facts.get("signature")),
            "example": self._example(version),
            "inputs": [
                {"dataset": one["name"], "version": one["version"]}
                for one in facts.get("inputs") or ()
                if one.get("kind") == "dataset" and one.get("version") is not None
            ],
            "code": {key: code.get(key) for key in ("notebook", "git_commit", "git_dirty")},
            "environment": {
                "python": environment.get("python"),
                "packages": len(_dict(environment.get("packages"))),
            },
            "latency_ms": _latency(facts.get("latency_ms")),
            "types": list(facts.get("types") or ()),
            "gates": [
                {
                    "kind": gate.kind,
                    "state": gate.state,
                    "sentence": gate.sentence,
                    "expression": gate.expression or "",
                }
                for gate in (self.gates(judged.run_id) if judged and judged.run_id else ())
            ],
            "promotions": [
                self._promotion(state, version, alias) for alias in self._aliases(state)
            ],
            "approvals": [
                _approval(one)
                for alias in self._aliases(state)
                for one in state.approvals(version.version, alias)
            ],
            "python": _python(version),
        }

    # ------------------------------------------------------------------ inside

    def _aliases(self, state: ModelState) -> list[str]:
        """Every alias that there could be: those with a policy, then those in use."""
        used = sorted({move.alias for move in state.moves})
        return list(dict.fromkeys([*self.models.policies(), *used]))

    def _rows(self, state: ModelState, versions: Sequence[ModelVersion]) -> list[dict[str, Any]]:
        judged = {version.judgement.run_id for version in versions if version.judgement}
        names = self._runs({version.run_id for version in versions} | judged)
        waiting: dict[int, list[str]] = {}
        for event in state.open_requests():
            waiting.setdefault(int(event.version or 0), []).append(str(event.alias))
        return [_row(version, names, waiting.get(version.version, [])) for version in versions]

    def _runs(self, run_ids: set[str | None]) -> dict[str, str]:
        return self.models.runs.names(filter(None, run_ids))

    def _promotion(self, state: ModelState, version: ModelVersion, alias: str) -> dict[str, Any]:
        current = state.aliases.get(alias)
        about: dict[str, Any] = {
            "alias": alias,
            "from": current if current != version.version else None,
            "state": "current",
            "lines": [],
            "may_promote": False,
            "may_approve": False,
            "may_request": False,
            "why_not": None,
        }
        if current == version.version:
            return about | {"why_not": f"{version.version} is {alias} already."}
        check = self.models.check_state(state, version.version, alias)
        lines = check.to_json()
        policy = self.models.policy(alias)
        wanted = needs(policy, state, version.version)
        why_not = self.models.why_not_approve(state, version.version, alias, self.by)
        may = self.models.access.may
        if check.state == "passed":
            may_promote = may(self.by, "models:promote")
            why = None if may_promote else f"{self.by.id} is {self._role()}."
            return about | {
                "state": "ready",
                "lines": lines,
                "may_promote": may_promote,
                "why_not": why,
            }
        again = self.models.check_state(state, version.version, alias, asking=True)
        may_request = (
            wanted.count > 0
            and again.state != "failed"
            and state.open_request(version.version, alias) is None
            and may(self.by, "models:request")
        )
        if check.state == "failed":
            return about | {
                "state": "refused",
                "lines": lines,
                "may_request": may_request,
                "why_not": None if may_request else check.open[0],
            }
        given, _ = counting(policy, state, version.version, alias)
        if why_not is None and len(given) + 1 == wanted.count:
            lines[-1]["sentence"] += " Yours would be it."
        return about | {
            "state": "waiting",
            "lines": lines,
            "may_approve": why_not is None,
            "may_request": may_request,
            "why_not": None if may_request or why_not is None else why_not,
        }

    def _role(self) -> str:
        return self.models.access.role_of(self.by)

    def _files(self, version: ModelVersion) -> list[dict[str, Any]]:
        try:
            tree = self.models.store.objects.tree(version.digest)
        except LabError:
            return []
        return [{"path": entry.path, "size_bytes": entry.size} for entry in tree.entries]

    def _example(self, version: ModelVersion) -> dict[str, Any] | None:
        """The rows that the model was saved with, as a small table."""
        try:
            data = self.models.read_file(version.digest, _EXAMPLE, most_bytes=_MOST_BYTES)
            value = json.loads(data) if data is not None else None
        except (LabError, ValueError):
            return None
        if not isinstance(value, dict):
            return None
        columns, rows = value.get("columns"), value.get("data", value.get("rows"))
        if not isinstance(columns, list) or not isinstance(rows, list):
            return None
        return {
            "columns": [str(column) for column in columns],
            "rows": [list(row) for row in rows[:_MOST_ROWS] if isinstance(row, list)],
        }

    def _verified(self, version: ModelVersion, files: int) -> dict[str, str]:
        """Whether the files are what was registered; costs a ``stat`` each, unless one moved."""
        if is_trusted(self.models.store, version.digest):
            count = f"{files} file{'s are' if files != 1 else ' is'}"
            return {"state": "ok", "message": f"{count} what was registered"}
        fault = next(faults_of(self.models.store, version), None)
        message = f"{fault.where} {fault.message}" if fault else "a file moved, its bytes are right"
        return {"state": "wrong" if fault else "ok", "message": message}


def time_text(at: datetime | None) -> str | None:
    """Give a time as ISO 8601 in UTC, microseconds and ``Z`` included."""
    if at is None:
        return None
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _model_row(record: ModelRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "description": record.description,
        "tags": dict(record.tags),
        "versions": record.versions,
        "latest": record.latest,
        "aliases": [{"alias": a, "version": v} for a, v in record.aliases.items()],
        "waiting": record.waiting,
        "updated_at": time_text(record.updated_at),
    }


def _row(version: ModelVersion, names: Mapping[str, str], waiting: Sequence[str]) -> dict[str, Any]:
    judged = version.judgement
    said = _dict(_facts(version).get("metrics"))
    metrics = {str(key): _dict(one).get("last") for key, one in said.items()}
    if judged is not None:
        # What a gate judged is the fairer number: on rows that the training never saw.
        metrics |= judged.metrics
    champion = judged.champion if judged is not None else None
    return {
        "version": version.version,
        "digest": version.digest,
        "aliases": list(version.aliases),
        "created_at": time_text(version.created_at),
        "author": version.author,
        "flavor": version.flavor,
        "unsafe": version.unsafe,
        "size_bytes": version.size_bytes,
        "run": _run(version.run_id, names),
        "judgement": None
        if judged is None
        else {
            "run": _run(judged.run_id, names),
            "outcome": judged.outcome,
            "passed": judged.passed,
            "total": judged.total,
            "sentences": list(judged.sentences),
            "at": time_text(judged.at),
        },
        "metrics": _numbers(metrics),
        "champion": None
        if champion is None or not isinstance(champion.get("version"), int)
        else {
            "version": champion["version"],
            "metrics": _numbers(_dict(champion.get("metrics"))),
        },
        "waiting": sorted(waiting),
        "note": version.note,
        "tags": dict(version.tags),
    }


def _request(request: ApprovalRequest, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "model": request.model,
        "version": request.version,
        "alias": request.alias,
        "digest": request.digest,
        "requested_by": request.requested_by,
        "requested_at": time_text(request.requested_at),
        "comment": request.comment,
        "run": _run(request.run_id, names),
        "approvals": [_approval(one) for one in request.approvals],
        "needs": request.needs,
        "may_approve": request.may_approve,
        "why_not": request.why_not,
    }


def _approval(one: Approval) -> dict[str, Any]:
    return {
        "alias": one.alias,
        "by": one.by,
        "role": one.role,
        "at": time_text(one.at),
        "comment": one.comment,
    }


def _run(run_id: str | None, names: Mapping[str, str]) -> dict[str, str] | None:
    return None if not run_id else {"id": run_id, "name": names.get(run_id, run_id[:8])}


def _facts(version: ModelVersion) -> Mapping[str, Any]:
    try:
        return version.facts
    except (LabError, ValueError):
        # Damaged facts are what `verified` speaks of; the page is shown all the same.
        return {}


def _signature(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None

    def fields(key: str) -> list[dict[str, Any]]:
        return [
            {
                "name": str(one.get("name") or ""),
                "type": str(one.get("type") or ""),
                "optional": bool(one.get("optional")),
            }
            for one in value.get(key) or ()
            if isinstance(one, dict)
        ]

    return {"inputs": fields("inputs"), "outputs": fields("outputs")}


def _latency(value: Any) -> dict[str, float] | None:
    measured = {key: _dict(value).get(key) for key in ("p50", "p95")}
    if not all(isinstance(one, int | float) for one in measured.values()):
        return None
    return {key: float(one) for key, one in measured.items() if one is not None}


def _python(version: ModelVersion) -> str:
    options = "allow_unsafe=True" if version.unsafe else ""
    return f'lab.model("{version.ref}").load({options})'


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics as the wire has them: what is not finite as text, what is no number left out."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            finite = math.isfinite(value)
            found[key] = value if finite else _word(value)
        elif value in ("NaN", "Infinity", "-Infinity"):
            found[key] = value
    return found


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
