"""``- dataset: flights``: a new version of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from mlops_lab.errors import InvalidInput
from mlops_lab.names import name_of
from mlops_lab.orchestration.triggers.kind import (
    Cause,
    Limits,
    Look,
    Mark,
    Scene,
    TriggerKind,
    shortly,
)
from mlops_lab.orchestration.triggers.labels import labelled
from mlops_lab.shapes import Line, Shape

if TYPE_CHECKING:
    from mlops_lab.document import Place
    from mlops_lab.orchestration.triggers.checking import TriggerChecker

__all__ = ["KIND"]


class Committed(Shape):
    """Which dataset."""

    name: Line = Field(min_length=1, description="The name of a dataset.")
    target: Line | None = Field(
        default=None,
        min_length=1,
        description="The column of the truth, where new_labels asks for enough of it.",
    )


class DatasetTrigger(TriggerKind):
    """Versions that a check blocks, or that a run of this very pipeline has made, are no cause."""

    name = "dataset"
    shape = Annotated[Committed, shortly("name", Line | Committed)]
    about = "A new version of a dataset that no check blocks."
    example = "the name of a dataset, or a map such as {name: flights, target: late}"
    words: ClassVar[Mapping[str, str]] = {
        "name": "the name of a dataset",
        "target": "the name of a column",
    }
    usual = Limits(max_per_day=24)
    facts: ClassVar[Mapping[str, str]] = {
        "dataset": "the dataset's name",
        "version": "the number of its newest version",
    }

    def text(self, value: Any) -> str:
        """``dataset: flights``."""
        return f"dataset: {value.name}"

    def key(self, value: Any) -> str:
        """The dataset's name."""
        return f"dataset:{value.name}"

    def check(self, value: Any, place: Place, checker: TriggerChecker) -> Committed | None:
        """It may be there only later, but its name must be one."""
        wanted: Committed = value
        try:
            return wanted.model_copy(update={"name": name_of(wanted.name, "A dataset")})
        except InvalidInput as error:
            checker.fault(place, error.message)
            return None

    def look(self, rule: Any, mark: Mark | None, scene: Scene) -> Look:
        """The versions that came, but for those that this pipeline has made itself."""
        name = rule.name
        versions = scene.datasets().versions(name) if scene.datasets().has(name) else []
        numbers = [one.version for one in versions]
        seen = int(mark["version"]) if mark else 0
        now = {"version": max([seen, *numbers])}
        came = [one for one in versions if one.version > seen]
        if mark is None or not came:
            return Look(now)
        own = scene.own([one.run_id for one in came if one.run_id])
        strange = [one for one in came if one.run_id not in own]
        if not strange:
            return Look(now, note=f"{name} {max(numbers)} was made by this pipeline itself")
        good = [one for one in strange if one.state != "blocked"]
        if not good:
            last = max(one.version for one in strange)
            return Look(now, note=f"{name} {last} is blocked by its checks")
        newest = max(good, key=lambda one: one.version)
        more = f", the last of {len(good)} new ones" if len(good) > 1 else ""
        by = f" by {newest.author}" if newest.author else ""
        cause = Cause(
            f"dataset:{newest.ref}",
            f"{name} {newest.version} was committed{by}{more}",
            newest.created_at,
            min(one.created_at for one in good),
            {"dataset": name, "version": newest.version},
            tuple(one.run_id for one in good if one.run_id),
        )
        return Look(now, cause)

    def why_no_labels(self, rule: Any, scene_root: Path) -> str | None:
        """The column of the truth must be named."""
        if rule.target is not None:
            return None
        return (
            "Which column is the label? Write it beside the name: "
            f"dataset: {{name: {rule.name}, target: …}}."
        )

    def labels(self, rule: Any, scene: Scene) -> int:
        """Rows of the newest version whose target is not missing."""
        return labelled(scene.datasets(), rule.name, rule.target)


KIND = DatasetTrigger()
