"""Triggers as JSON, for REST and for programs that ask the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mlops_lab.monitoring.pages import time_text
from mlops_lab.orchestration.triggers.finder import PipelineTriggers
from mlops_lab.orchestration.triggers.history import Start
from mlops_lab.orchestration.triggers.limits import Standing
from mlops_lab.orchestration.triggers.manager import Round

__all__ = ["round_page", "triggers_page"]


def triggers_page(found: Sequence[PipelineTriggers]) -> dict[str, Any]:
    """Every pipeline that has triggers, with how they stand and what they have started."""
    return {"pipelines": [_pipeline(one) for one in found]}


def round_page(found: Round) -> dict[str, Any]:
    """What one look at all triggers came to."""
    return {
        "started": [
            {
                "pipeline": one.pipeline,
                "name": one.name,
                "run_id": one.run_id or None,
                "sentence": one.sentence,
            }
            for one in found.started
        ],
        "problems": [
            {"pipeline": one.pipeline, "sentence": one.sentence} for one in found.problems
        ],
        "deployed": [asdict(one) for one in found.deployed],
    }


def _pipeline(one: PipelineTriggers) -> dict[str, Any]:
    return {
        "path": one.path,
        "name": one.name,
        "running": one.history.going,
        "faults": [
            {
                "line": fault.mark.line,
                "column": fault.mark.column,
                "message": fault.sentence,
            }
            for fault in one.faults
        ],
        "triggers": [_trigger(each) for each in one.standings],
        "starts": [_start(each) for each in one.history.starts],
    }


def _trigger(one: Standing) -> dict[str, Any]:
    limits = one.trigger.limits
    return {
        "kind": one.trigger.kind,
        "text": one.trigger.text,
        "state": one.state,
        "sentence": one.sentence,
        "until": time_text(one.until),
        "next_at": time_text(one.look.next_at if one.look is not None else None),
        "limits": {
            "debounce_s": limits.debounce_s,
            "cooldown_s": limits.cooldown_s,
            "max_per_day": limits.max_per_day,
            "new_labels": limits.new_labels,
        },
    }


def _start(one: Start) -> dict[str, Any]:
    return {
        "run_id": one.run_id,
        "at": time_text(one.at),
        "by": one.by,
        "sentence": one.sentence,
        "status": one.status,
        "outcome": one.outcome,
        "causes": [
            {key: str(cause.get(key, "")) for key in ("kind", "trigger", "key", "sentence")}
            for cause in one.causes
        ],
    }
