"""Faults in triggers: what they watch, what they count, and what they give the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.document import Document, Place
from mlops_lab.expressions import nearest
from mlops_lab.faults import Fault
from mlops_lab.orchestration.triggers.kind import Limits, Trigger, TriggerKind
from mlops_lab.orchestration.triggers.model import TriggerModel
from mlops_lab.orchestration.triggers.registry import KINDS
from mlops_lab.shapes import seconds

if TYPE_CHECKING:
    from mlops_lab.orchestration.model import PipelineModel

__all__ = ["FACT", "TriggerChecker"]

FACT: Final = "cause."
"""How a param begins that stands for what the cause knows: ``cause.version``."""


class TriggerChecker:
    """Checks the triggers of one pipeline. Used once, by one thread.

    Parameters
    ----------
    document, model
        The file and what it says.
    root
        The project's folder, where monitors are; None when it is not known.

    Attributes
    ----------
    triggers
        Those that are sound.
    """

    def __init__(self, document: Document, model: PipelineModel, root: Path | None) -> None:
        self.document = document
        self.model = model
        self.root = root
        self.triggers: list[Trigger] = []
        self.faults: list[Fault] = []

    def check(self) -> list[Fault]:
        """All faults of the triggers."""
        keys: dict[str, int] = {}
        for index, wanted in enumerate(self.model.triggers):
            before = len(self.faults)
            kind = KINDS[wanted.kind]
            place: Place = ("triggers", index)
            rule = kind.check(wanted.value, (*place, kind.name), self)
            if len(self.faults) > before:
                continue
            key = kind.key(wanted.value)
            other = keys.setdefault(key, index)
            if other != index:
                self.fault(place, f"Trigger {other + 1} watches the same already.")
            self._labels(kind, rule, wanted, place)
            self._params(kind, wanted, place)
            if len(self.faults) == before:
                self.triggers.append(
                    Trigger(
                        index,
                        kind.name,
                        kind.text(wanted.value),
                        key,
                        rule,
                        _limits(kind, wanted),
                        dict(wanted.params),
                    )
                )
        return self.faults

    def fault(self, place: Place, message: str, **more: Any) -> None:
        """Note what is wrong at a place of the file."""
        self.faults.append(self.document.fault(place, message, **more))

    def _labels(self, kind: TriggerKind, rule: Any, wanted: TriggerModel, place: Place) -> None:
        if wanted.new_labels is None or self.root is None:
            return
        why = kind.why_no_labels(rule, self.root)
        if why is not None:
            self.fault((*place, "new_labels"), why, key=True)

    def _params(self, kind: TriggerKind, wanted: TriggerModel, place: Place) -> None:
        for name, value in wanted.params.items():
            where = (*place, "params", name)
            if name not in self.model.params:
                near = nearest(name, self.model.params)
                message = f"The pipeline has no param {name!r}."
                self.fault(where, message, key=True, suggestion=near)
            if not isinstance(value, str) or not value.startswith(FACT):
                continue
            word = value.removeprefix(FACT)
            if word not in kind.facts:
                known = ", ".join(f"{FACT}{one}" for one in kind.facts)
                near = nearest(word, kind.facts)
                self.fault(
                    where,
                    f"The cause of this trigger knows no {word!r}.",
                    suggestion=f"{FACT}{near}" if near else None,
                    others=f"It knows {known}.",
                )


def _limits(kind: TriggerKind, wanted: TriggerModel) -> Limits:
    """The file's limits, and the kind's usual ones where it says none."""
    usual = kind.usual
    return Limits(
        debounce_s=seconds(wanted.debounce) if wanted.debounce else usual.debounce_s,
        cooldown_s=seconds(wanted.cooldown) if wanted.cooldown else usual.cooldown_s,
        max_per_day=usual.max_per_day if wanted.max_per_day is None else wanted.max_per_day,
        new_labels=wanted.new_labels,
    )
