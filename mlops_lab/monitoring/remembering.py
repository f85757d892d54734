"""A check of what was judged before is not judged again.

An evaluation has no clock: it follows from the data, from what is asked, and from the program.
Where all of that is as it was, it is read back. What has clocks or people in it is not part of it:
events of the model, alerts, deliveries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from mlops_lab.errors import Corrupt, NotFound
from mlops_lab.monitoring.keeping import StoreKeep
from mlops_lab.monitoring.records import Evaluation
from mlops_lab.monitoring.settings import Settings
from mlops_lab.monitoring.sides import Sides
from mlops_lab.store import Objects

__all__ = ["asked_of", "recall", "remember"]


def asked_of(settings: Settings, sides: Sides, note: str | None) -> str:
    """Give the hash of everything that an evaluation follows from, but for `Settings.versions`:
    which of them count is known when the data was looked at.

    Parameters
    ----------
    note
        What is said of the columns' importance.
    """
    model = sides.model
    told = [
        _program(),
        asdict(replace(settings, versions={})),
        [(one.ref, one.digest) for one in (sides.current, sides.reference)],
        None if model is None else (model.ref, model.digest),
        note,
    ]
    text = json.dumps(told, sort_keys=True)
    return hashlib.sha256(f"evaluation:{text}".encode()).hexdigest()


def remember(
    keep: StoreKeep, asked: str, sides: Sides, evaluation: Evaluation, digest: str
) -> None:
    """Note where an evaluation is kept, and what the versions that answered had learnt from."""
    told = {"evaluation": digest, "versions": _versions(sides, evaluation)}
    keep.note(asked, json.dumps(told, sort_keys=True).encode())


def recall(keep: StoreKeep, objects: Objects, asked: str, sides: Sides) -> Evaluation | None:
    """Give the evaluation of the same; None where there is none, or not any more."""
    noted = keep.noted(asked)
    if noted is None:
        return None
    try:
        told = json.loads(noted)
        data = objects.trusted(told["evaluation"]).read_bytes()
    except (Corrupt, NotFound, OSError):
        return None  # collected or damaged: it is judged again
    evaluation = Evaluation.from_json(json.loads(data))
    return evaluation if _versions(sides, evaluation) == told["versions"] else None


def _versions(sides: Sides, evaluation: Evaluation) -> Mapping[str, Any]:
    answered = sorted({one.version for one in evaluation.chunks if one.version is not None})
    return {
        number: sides.versions[number].digest if number in sides.versions else None
        for number in answered
    }


@cache
def _program() -> str:
    """Stands for the program that judges: an older one's word does not count."""
    found = hashlib.sha256()
    package = Path(__file__).parents[1]
    for part in ("compute", "monitoring"):
        for path in sorted((package / part).rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()
