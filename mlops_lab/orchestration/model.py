"""What a pipeline file may say: the shape, and its JSON Schema for editors."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from mlops_lab.document import Document, Place
from mlops_lab.expressions import nearest
from mlops_lab.faults import Fault

__all__ = ["GateModel", "PipelineModel", "StepModel", "json_schema", "seconds", "validate"]

_DURATION = r"(\d+(\.\d+)?(ms|s|m|h|d))+"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]{0,99}"  # it also names folders
_LONGEST_S = 366 * 86400.0


def seconds(duration: str) -> float:
    """How long a duration such as ``20m`` or ``1h30m`` is, in seconds.

    >>> seconds("90s"), seconds("1h30m")
    (90.0, 5400.0)
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", duration)
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


def _identifier(name: str) -> str:
    if not re.fullmatch(_IDENTIFIER, name):
        raise PydanticCustomError(
            "identifier",
            "{name} cannot be a name here: use at most 100 letters, digits and _, "
            "and no digit first.",
            {"name": _shown(name)},
        )
    return name


def _sensible(duration: str) -> str:
    if not 0 < seconds(duration) <= _LONGEST_S:
        raise ValueError("from just above 0 to a year")
    return duration


def _line(name: str) -> str:
    if not name.isprintable():
        raise ValueError("one line without control characters")
    return name


Identifier = Annotated[str, AfterValidator(_identifier)]
Line = Annotated[str, AfterValidator(_line)]
Duration = Annotated[
    str,
    Field(pattern=f"^{_DURATION}$", examples=["20m", "90s", "1h30m"]),
    AfterValidator(_sensible),
]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class StepModel(_Shape):
    """A notebook with what goes in and what comes out."""

    notebook: str = Field(
        min_length=1,
        description="The notebook, relative to this file: .ipynb, or jupytext .py or .md.",
    )
    params: dict[Identifier, Any] = Field(
        default_factory=dict,
        description="Values injected below the cell tagged 'parameters', for this step only.",
    )
    inputs: dict[Identifier, str] = Field(
        default_factory=dict,
        description="Name in the notebook: 'step.output', or a file relative to this one.",
    )
    outputs: dict[Identifier, str] = Field(
        default_factory=dict,
        description="Name in the notebook: the file that the notebook writes to that path.",
    )
    retries: int = Field(default=0, ge=0, le=100, description="How often to try again.")
    timeout: Duration | None = Field(
        default=None, description="How long one try may take, such as 20m."
    )


class GateModel(_Shape):
    """A condition that the finished steps must meet."""

    metric: str = Field(
        min_length=1,
        description="A comparison of step.metric and params.name: evaluate.auc >= params.min_auc",
    )


class PipelineModel(_Shape):
    """A directed acyclic graph of notebooks, and the gates after it."""

    name: Line | None = Field(
        default=None, min_length=1, max_length=200, description="Default: the file's name."
    )
    params: dict[Identifier, Any] = Field(
        default_factory=dict,
        description="Values for every step whose parameters cell declares them; -p changes them.",
    )
    steps: dict[Identifier, StepModel] = Field(min_length=1, description="By name.")
    gates: list[GateModel] = Field(default_factory=list, description="Checked in this order.")


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a pipeline file, for completion and checks in an editor."""
    schema = PipelineModel.model_json_schema()
    for definition in [schema, *schema.get("$defs", {}).values()]:
        definition["title"] = definition["title"].removesuffix("Model").lower()
        for name, member in definition["properties"].items():
            member.pop("title", None)
            if name in ("params", "inputs", "outputs", "steps"):
                member["propertyNames"] = {"pattern": f"^{_IDENTIFIER}$"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


_WHAT: dict[str, str] = {
    "steps": "a map of steps",
    "params": "a map of names and values",
    "inputs": "a map of names and paths",
    "outputs": "a map of names and files",
    "gates": "a list, each as '- metric: …'",
    "retries": "a whole number from 0 to 100",
    "timeout": "a duration with a unit, such as 20m or 90s",
    "notebook": "a path",
    "name": "text of 1 to 200 characters",
    "metric": "a comparison, such as evaluate.auc >= 0.6",
}


def validate(document: Document) -> tuple[PipelineModel | None, list[Fault]]:
    """The file's model, or all that is wrong with its shape."""
    if document.value is None:
        return None, [document.fault((), "The file is empty: a pipeline needs steps.")]
    if not isinstance(document.value, dict):
        return None, [document.fault((), "A pipeline is a map with steps, not a list or text.")]
    try:
        return PipelineModel.model_validate(document.value), []
    except ValidationError as error:
        errors = [dict(one) for one in error.errors(include_url=False)]
        return None, sorted(
            (_fault(document, one) for one in errors if not _is_echo(one, errors)),
            key=lambda fault: fault.mark,
        )


def _is_echo(error: dict[str, Any], errors: list[dict[str, Any]]) -> bool:
    """Whether a missing key is missing only because it was written in another way."""
    if error["type"] != "missing":
        return False
    *owner, key = error["loc"]
    unknown = [
        one["loc"][-1]
        for one in errors
        if one["type"] == "extra_forbidden" and list(one["loc"][:-1]) == owner
    ]
    return any(nearest(str(word), [key]) for word in unknown) or bool(
        unknown and owner and owner[0] == "gates"
    )


def _fault(document: Document, error: dict[str, Any]) -> Fault:
    loc = tuple(part for part in error["loc"] if part != "[key]")
    place: Place = loc
    owner, fields = _owner(loc)
    match error["type"]:
        case "extra_forbidden":
            word = str(loc[-1])
            message = f"{word!r} is not known here: {owner} has {', '.join(fields)}."
            return document.fault(place, message, key=True, suggestion=nearest(word, fields))
        case "missing":
            owner = owner[0].upper() + owner[1:]
            return document.fault(place[:-1], f"{owner} has no {loc[-1]}.", key=True)
        case "identifier":
            return document.fault(place, error["msg"], key=True)
    field = next((part for part in reversed(loc) if part in _WHAT), None)
    empty = error["input"] is None  # then only the key stands anywhere
    if len(loc) == 2 and loc[0] in ("steps", "gates"):
        what = "a map with notebook" if loc[0] == "steps" else "a map with metric"
        name = f"step {loc[1]}" if loc[0] == "steps" else f"gate {loc[1] + 1}"
        message = f"{name[0].upper()}{name[1:]} is {_shown(error['input'])}: write {what}."
        return document.fault(place, message, key=empty)
    name = ".".join(str(part + 1 if isinstance(part, int) else part) for part in loc)
    what = _WHAT.get(str(field), "something else")
    if loc[-1] != field:
        what = "a path" if field in ("inputs", "outputs") else what
    if error["type"] == "value_error":
        what = str(error["ctx"]["error"])
    suggestion = None
    if field == "timeout" and type(error["input"]) in (int, float):
        suggestion = f"{error['input']}s"
    message = f"{name} is {_shown(error['input'])}; it must be {what}."
    if error["type"] == "too_short":
        message = f"{name} is empty: a pipeline needs at least one step."
    return document.fault(place, message, suggestion=suggestion, key=empty)


def _owner(loc: tuple[Any, ...]) -> tuple[str, list[str]]:
    """Whose key the last part of ``loc`` is, and which keys that one has."""
    if len(loc) == 3 and loc[0] == "steps":
        return f"step {loc[1]}", list(StepModel.model_fields)
    if len(loc) == 3 and loc[0] == "gates":
        return f"gate {loc[1] + 1}", list(GateModel.model_fields)
    return "a pipeline", list(PipelineModel.model_fields)


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
