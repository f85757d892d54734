"""What a trigger in a pipeline's file may say: its kind, and what holds it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from mlops_lab.orchestration.shapes import Identifier
from mlops_lab.orchestration.triggers.registry import KINDS
from mlops_lab.shapes import Duration, Shape

__all__ = ["LIMITS", "LIMIT_WORDS", "AnyTrigger", "TriggerModel"]


class TriggerModel(Shape):
    """A rule that starts this pipeline, under the name of its kind, with its limits beside it."""

    debounce: Duration | None = Field(
        default=None,
        description="So long nothing more may come before it starts, such as 10m: a burst is one "
        "cause. Default: 10m for code, none for the others.",
    )
    cooldown: Duration | None = Field(
        default=None,
        description="So long after the last start by any trigger, such as 28d. Default: 1d for "
        "alert, none for the others.",
    )
    max_per_day: int | None = Field(
        default=None,
        ge=1,
        le=1440,
        description="So many starts within 24 hours, by any trigger. Default: 24, and for schedule "
        "any number.",
    )
    new_labels: int | None = Field(
        default=None,
        ge=1,
        le=10**12,
        description="So many rows must have got their label since the last start.",
    )
    params: dict[Identifier, Any] = Field(
        default_factory=dict,
        description="In the place of the pipeline's params; cause.version and the like stand for "
        "what the cause knows.",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> TriggerModel:
        said = sorted(self.model_fields_set & set(KINDS))
        if len(said) != 1:
            raise PydanticCustomError("kinds", "{said}", {"said": " and ".join(said)})
        return self

    @property
    def kind(self) -> str:
        """The key under which it was written."""
        return next(iter(self.model_fields_set & set(KINDS)))

    @property
    def value(self) -> Any:
        """What stands behind the key."""
        return getattr(self, self.kind)


LIMITS: Final = tuple(TriggerModel.model_fields)
"""The keys that every kind has beside its own."""

if TYPE_CHECKING:
    AnyTrigger = TriggerModel
else:
    AnyTrigger = create_model(
        "TriggerModel",
        __base__=TriggerModel,
        __doc__=TriggerModel.__doc__,
        # No default is ever read: one key of a kind is there, and only that.
        **{
            kind.name: (kind.shape, Field(default=None, description=kind.about))
            for kind in KINDS.values()
        },
    )

LIMIT_WORDS: Final = {
    "debounce": "a duration with a unit, such as 10m or 90s",
    "cooldown": "a duration with a unit, such as 28d or 12h",
    "max_per_day": "a whole number from 1 to 1440",
    "new_labels": "a whole number from 1 on",
    "params": "a map of names and values",
}
"""What must stand behind those keys, for faults."""
