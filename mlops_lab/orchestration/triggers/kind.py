"""What a trigger is, and what each kind of trigger has to say for itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BeforeValidator

from mlops_lab.store import Store

if TYPE_CHECKING:
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.document import Place
    from mlops_lab.monitoring.manager import MonitorManager
    from mlops_lab.orchestration.triggers.checking import TriggerChecker
    from mlops_lab.registry.manager import ModelManager

__all__ = ["Cause", "Limits", "Look", "Mark", "Scene", "Trigger", "TriggerKind", "shortly"]

Mark = Mapping[str, Any]
"""How far a trigger has seen, as JSON: what came after it can be a cause."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a cause does not start its pipeline yet.

    Parameters
    ----------
    debounce_s
        So long nothing more may come, in seconds: a burst is one cause.
    cooldown_s
        So long after the last start of the pipeline by any trigger, in seconds.
    max_per_day
        So many starts of the pipeline by any trigger within 24 hours; None is any number.
    new_labels
        So many rows must have got their label since the last start; None asks for none.
    """

    debounce_s: float = 0.0
    cooldown_s: float = 0.0
    max_per_day: int | None = None
    new_labels: int | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """A rule that starts a pipeline.

    Parameters
    ----------
    index
        Its place in the file, from 0.
    kind
        The key under which it was written.
    text
        It as people read it: ``dataset: flights``.
    key
        What it watches. A trigger that is written in another way keeps what it has seen as long
        as this stays; no other of its pipeline has it.
    rule
        What its kind made of it when the file was checked.
    limits
        What holds it back.
    params
        Of the run that it starts; text such as ``cause.version`` stands for a fact of the cause.
    """

    index: int
    kind: str
    text: str
    key: str
    rule: Any
    limits: Limits = field(default_factory=Limits)
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cause:
    """What happened.

    Parameters
    ----------
    key
        Names it among all causes of its pipeline: ``dataset:flights@7``.
    sentence
        It as people read it, without a full stop.
    at
        When the newest part of it happened, UTC.
    since
        When the first part of it happened, UTC.
    facts
        What params may take of it.
    runs
        The runs that it came from.
    """

    key: str
    sentence: str
    at: datetime
    since: datetime
    facts: Mapping[str, str | int] = field(default_factory=dict)
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What a trigger sees now.

    Parameters
    ----------
    mark
        How far it has seen; kept once a run was started.
    cause
        What came since, if that is to start a run.
    note
        Why what came is no cause; empty when nothing came.
    next_at
        When the next cause comes, where that is known.
    """

    mark: Mark
    cause: Cause | None = None
    note: str = ""
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """The project as triggers see it at one moment.

    Parameters
    ----------
    root
        The project's folder.
    store
        Where decisions and runs are.
    pipeline
        The pipeline's file, relative to the project.
    now
        The moment, UTC.
    datasets, models, monitors
        Give the managers.
    own
        Which of some runs belong to a run of this pipeline, or to one that such a run has caused:
        what they make does not start it again.
    """

    root: Path
    store: Store
    pipeline: str
    now: datetime
    datasets: Callable[[], DatasetManager]
    models: Callable[[], ModelManager]
    monitors: Callable[[], MonitorManager]
    own: Callable[[Collection[str]], set[str]]


class TriggerKind(ABC):
    """One kind of trigger: a file in ``kinds/`` that ends with ``KIND = …``; found by itself.

    Attributes
    ----------
    name
        Its key in the file.
    shape
        The type of what stands behind the key.
    about
        One line for completion in an editor.
    example
        What a right one looks like, for faults.
    words
        What each of its fields must be, for faults.
    usual
        Its limits where the file says none.
    facts
        What params may take of its causes, and what that is.
    """

    name: ClassVar[str]
    shape: ClassVar[Any]
    about: ClassVar[str]
    example: ClassVar[str]
    words: ClassVar[Mapping[str, str]] = {}
    usual: ClassVar[Limits] = Limits()
    facts: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def text(self, value: Any) -> str:
        """The trigger as people read it, in one line."""

    @abstractmethod
    def key(self, value: Any) -> str:
        """What it watches; see `Trigger`."""

    @abstractmethod
    def check(self, value: Any, place: Place, checker: TriggerChecker) -> Any:
        """What `look` needs of the trigger; what is wrong goes to ``checker.fault``."""

    @abstractmethod
    def look(self, rule: Any, mark: Mark | None, scene: Scene) -> Look:
        """What came since a mark; without one only how far there is something to see.

        Raises
        ------
        LabError
            It cannot be seen.
        """

    def why_no_labels(self, rule: Any, scene_root: Path) -> str | None:
        """Why its labels cannot be counted, as a sentence; None when they can."""
        return f"A trigger of the kind {self.name} knows of no labels."

    def labels(self, rule: Any, scene: Scene) -> int:
        """How many rows have their label by now, of what it watches."""
        raise AssertionError(f"labels of {self.name} were never asked for")


def shortly(field: str, written: Any) -> BeforeValidator:
    """Let a map be written as the text of its one field that must be there.

    Parameters
    ----------
    field
        Which one that is.
    written
        The type of what may stand there, for editors: ``str | Shape``.
    """

    def whole(value: Any) -> Any:
        return {field: value} if isinstance(value, str) else value

    return BeforeValidator(whole, json_schema_input_type=written)
