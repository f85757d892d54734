"""The monitor that looks as an evaluation did, as the text of its file."""

from __future__ import annotations

import io
import re
from dataclasses import fields
from typing import Any, Final

from mlops_lab.monitoring.records import Evaluation
from mlops_lab.monitoring.settings import Policy, Settings

__all__ = ["monitor_yaml"]

_NAME: Final = re.compile(r"[\w.-]+(@[\w.-]+)?")
_VERSION: Final = re.compile(r"([\w.-]+)@\d+")


def monitor_yaml(evaluation: Evaluation, settings: Settings | None, name: str) -> str:
    """Write a monitor's file: what differs from its defaults, in the order of its own page.

    Parameters
    ----------
    settings
        What was asked; None where only the evaluation is left of it.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    notes = []
    current = _dataset(evaluation.current.told, newest=True)
    if current is None:
        current = "dataset:NAME"
        notes.append('# Commit the data first: lab.dataset("NAME").commit(…)')
    told: dict[str, Any] = {"name": name, "current": current}
    reference = _reference(evaluation, settings)
    if reference is None:
        reference = "dataset:REFERENCE"
        notes.append('# … and what it is compared with: lab.dataset("REFERENCE").commit(…)')
    told["reference"] = reference
    if reference == "training":
        told["model"] = _model(evaluation)
        notes.append("# Whose training data is meant: the model that answers now.")
    told |= _asked(evaluation, settings)
    usual = Policy()
    policy = {
        one.name: getattr(evaluation.policy, one.name)
        for one in fields(Policy)
        if getattr(evaluation.policy, one.name) != getattr(usual, one.name)
    }
    if policy:
        told["policy"] = {key: list(v) if isinstance(v, tuple) else v for key, v in policy.items()}
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.allow_unicode = True
    yaml.width = 100
    lines = CommentedMap(told)
    lines.fa.set_block_style()
    stream = io.StringIO()
    yaml.dump(lines, stream)
    return "".join(f"{note}\n" for note in notes) + stream.getvalue()


def _asked(evaluation: Evaluation, settings: Settings | None) -> dict[str, Any]:
    """Columns, chunks and roles, where they differ from the defaults."""
    chunking = evaluation.chunking
    columns = {one.role: one.name for one in evaluation.columns if one.role != "feature"}
    performance = evaluation.performance
    asked = settings or Settings(
        target=performance.target if performance else columns.get("target"),
        score=performance.score if performance else columns.get("score"),
        prediction=columns.get("prediction"),
        kinds={one.name: one.kind for one in evaluation.columns if one.declared},
        units={one.name: one.unit for one in evaluation.columns if one.unit},
        segment=evaluation.segments.by if evaluation.segments else None,
        fairness=tuple(dict.fromkeys(one.by for one in performance.fairness))
        if performance
        else (),
    )
    told: dict[str, Any] = {"time": chunking.time}
    told["by"] = chunking.by if chunking.by not in ("size", "count", "all") else None
    told |= {"size": asked.size, "count": asked.count}
    told["timezone"] = chunking.timezone if chunking.timezone != "UTC" else None
    for role in ("version", "target", "score", "prediction", "positive", "segment"):
        told[role] = getattr(asked, role)
    told["columns"] = list(asked.columns) if asked.columns else None
    told["kinds"] = dict(asked.kinds) or None
    told["units"] = dict(asked.units) or None
    if asked.domain is not True:
        told["domain"] = {"columns": list(asked.domain)} if asked.domain else False
    if asked.fairness:
        told["fairness"] = {"by": list(asked.fairness)}
    told["classifier"] = asked.classifier or None
    told["mode"] = asked.mode if asked.mode != "fast" else None
    return {key: value for key, value in told.items() if value is not None}


def _reference(evaluation: Evaluation, settings: Settings | None) -> str | None:
    match evaluation.reference.kind:
        case "rolling":
            return f"rolling {settings.rolling_days if settings else 28:g}d"
        case "training":
            return "training"
        case _:
            return _dataset(evaluation.reference.told)


def _model(evaluation: Evaluation) -> str:
    """The model whose versions answered, as far as the evaluation says which."""
    told = [one.node or "" for one in evaluation.events] + [evaluation.reference.told]
    for text in told:
        if found := _VERSION.search(text):
            return f"{found[1]}@champion"
    return "NAME@champion"


def _dataset(told: str, *, newest: bool = False) -> str | None:
    """What a side is called in a monitor, where it is a dataset.

    With `newest` its version is left out: what a monitor watches goes on, what it compares with
    stays.
    """
    if not _NAME.fullmatch(told) or "@" not in told:
        return None
    return f"dataset:{told.partition('@')[0] if newest else told}"
