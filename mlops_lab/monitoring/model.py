"""What a monitor's file may say: the shape, and its JSON Schema for editors."""

from __future__ import annotations

import unicodedata
from dataclasses import fields
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from mlops_lab.monitoring.channels import entry_schemas
from mlops_lab.monitoring.records import Kind
from mlops_lab.monitoring.settings import Policy
from mlops_lab.shapes import Duration, Line, Shape

__all__ = ["MonitorModel", "json_schema"]

By: TypeAlias = Literal["hour", "day", "week", "month", "all"]


def _nfc(name: str) -> str:
    """A name in one form: "é" can be one character or two."""
    return unicodedata.normalize("NFC", name)


Text = Annotated[Line, Field(min_length=1, max_length=500)]
Column = Annotated[Line, Field(min_length=1, max_length=1_000), AfterValidator(_nfc)]
Share = Annotated[float, Field(gt=0, le=1, strict=False)]
Weight = Annotated[float, Field(ge=0, le=1e6, strict=False)]


class LabelsModel(Shape):
    """When the truth is known."""

    after: Duration = Field(description="a duration such as 7d: how long labels take")


class DomainModel(Shape):
    """Rows outside the range of the data that the model was trained on."""

    columns: list[Column] | None = Field(
        default=None, min_length=1, description="a list of columns; default all numbers"
    )
    share: Share | None = Field(
        default=None, description="a share from 0 to 1: so many rows outside are an alarm"
    )


class PerformanceModel(Shape):
    """From where on a loss of performance is a warning."""

    gap: Share | None = Field(
        default=None, description="a number from 0 to 1: |mean score - share of the positive|"
    )
    auc: Share | None = Field(
        default=None, description="a number from 0 to 1: how far AUC is below the reference"
    )


class FairnessModel(Shape):
    """Whose error rates are compared."""

    by: list[Column] = Field(min_length=1, description="a list of columns that name groups")


class MonitorModel(Shape):
    """What is watched, what it is compared with, when, and who is told."""

    name: Annotated[Line, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="up to 100 letters, digits and . _ -; default the file's name"
    )
    current: Text = Field(
        description="dataset:NAME, also with @version or @alias; or endpoint:NAME, whose answers "
        "are watched"
    )
    reference: Text | None = Field(
        default=None, description="dataset:NAME, training, or rolling 28d"
    )
    model: Text | None = Field(default=None, description="a model such as flight-delay@champion")
    time: Column | None = Field(default=None, description="the column that orders the rows")
    by: By | None = Field(default=None, description="hour, day, week, month or all")
    size: Annotated[int, Field(ge=1, le=10**12)] | None = Field(
        default=None, description="a whole number from 1: rows of a chunk"
    )
    count: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="a whole number from 1 to 10000: how many chunks"
    )
    timezone: Text = Field(default="UTC", description="a time zone such as America/New_York")
    columns: list[Column] | None = Field(
        default=None, min_length=1, description="a list of columns; default all"
    )
    kinds: dict[Column, Kind] = Field(
        default_factory=dict,
        description="a map of columns and kinds: number, integer, category, boolean, time, text "
        "or id",
    )
    units: dict[Column, Text] = Field(
        default_factory=dict, description="a map of columns and units, such as {temp: °F}"
    )
    segment: Column | None = Field(default=None, description="the column that cuts into segments")
    target: Column | None = Field(default=None, description="the column of the truth")
    prediction: Column | None = Field(default=None, description="the column of the answer")
    score: Column | None = Field(default=None, description="the column of the probability")
    positive: str | int | float | bool | None = Field(
        default=None, description="the value of the target that is the positive one"
    )
    version: Column | None = Field(
        default=None, description="the column that says which model version answered"
    )
    labels: LabelsModel | None = Field(
        default=None, description="a map, such as {after: 7d}: when the truth is known"
    )
    policy: dict[str, Any] = Field(
        default_factory=dict,
        description="a map of the policy's numbers that differ, such as {ks_alert: 0.2}",
    )
    domain: bool | DomainModel = Field(
        default=True, description="true, false, or a map such as {columns: [temp], share: 0.1}"
    )
    performance: PerformanceModel | None = Field(
        default=None, description="a map such as {gap: 0.05, auc: 0.02}"
    )
    fairness: FairnessModel | None = Field(
        default=None, description="a map such as {by: [carrier]}"
    )
    importance: dict[Column, Weight] | None = Field(
        default=None,
        min_length=1,
        description="a map of columns and numbers from 0 on, such as {temp: 0.12}: what they are "
        "worth to the model; default measured",
    )
    mode: Literal["fast", "exact"] = Field(
        default="fast", description="fast, or exact, which reads the values again"
    )
    classifier: bool = Field(
        default=False,
        description="true or false: ask a classifier, too, to tell current rows from the reference",
    )
    schedule: Text | None = Field(
        default=None,
        description='five words as cron has them, such as "0 6 * * mon", in the time zone above',
    )
    channels: list[dict[str, Any]] = Field(
        default_factory=list,
        max_length=20,
        description="a list, each as '- webhook: https://…'",
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a monitor's file, for completion and checks in an editor."""
    schema = MonitorModel.model_json_schema()
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    for definition in [schema, *definitions.values()]:
        definition["title"] = definition["title"].removesuffix("Model").lower()
        for member in definition.get("properties", {}).values():
            member.pop("title", None)
    policy: dict[str, Any] = {}
    for number in fields(Policy):
        usual = number.default
        if isinstance(usual, tuple):
            pair = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}
            policy[number.name] = {**pair, "default": list(usual)}
        else:
            kind = "integer" if isinstance(usual, int) else "number"
            policy[number.name] = {"type": kind, "minimum": 0, "default": usual}
    schema["properties"]["policy"] |= {"properties": policy, "additionalProperties": False}
    schema["properties"]["reference"]["examples"] = ["training", "rolling 28d", "dataset:flights@2"]
    schema["properties"]["channels"]["items"] = {"anyOf": entry_schemas()}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
