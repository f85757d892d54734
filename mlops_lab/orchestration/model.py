"""What a pipeline file may say: the shape, and its JSON Schema for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError, create_model, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mlops_lab.document import Document, Place
from mlops_lab.expressions import nearest
from mlops_lab.faults import Fault
from mlops_lab.orchestration import deploy as deploying
from mlops_lab.orchestration.deploy import DeployModel
from mlops_lab.orchestration.gates import KINDS
from mlops_lab.orchestration.shapes import (
    ALIAS_WORDS,
    IDENTIFIER,
    Alias,
    Duration,
    Identifier,
    Line,
    Shape,
    shown,
)
from mlops_lab.orchestration.triggers.model import LIMIT_WORDS, LIMITS, AnyTrigger
from mlops_lab.orchestration.triggers.registry import KINDS as TRIGGERS
from mlops_lab.serving.asked import GuardAsked
from mlops_lab.shapes import unknown_key

__all__ = [
    "GateModel",
    "PipelineModel",
    "PromoteModel",
    "StepModel",
    "json_schema",
    "validate",
]


class StepModel(Shape):
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
        description="Name in the notebook: 'step.output', 'dataset:NAME' or 'model:NAME', "
        "these with @version or @alias, or a file relative to this one.",
    )
    outputs: dict[Identifier, str] = Field(
        default_factory=dict,
        description="Name in the notebook: the file that the notebook writes to that path; or "
        "'dataset:NAME', 'model:NAME', which the notebook commits or registers.",
    )
    retries: int = Field(default=0, ge=0, le=100, description="How often to try again.")
    timeout: Duration | None = Field(
        default=None, description="How long one try may take, such as 20m."
    )


class GateModel(Shape):
    """A condition that the finished steps must meet, under the name of its kind."""

    @model_validator(mode="after")
    def _one_kind(self) -> GateModel:
        if len(self.model_fields_set) != 1:
            said = " and ".join(sorted(self.model_fields_set))
            raise PydanticCustomError("kinds", "{said}", {"said": said})
        return self

    @property
    def kind(self) -> str:
        """The key under which it was written."""
        return next(iter(self.model_fields_set))

    @property
    def value(self) -> Any:
        """What stands behind the key."""
        return getattr(self, self.kind)


if TYPE_CHECKING:
    AnyGate = GateModel
else:
    AnyGate = create_model(
        "GateModel",
        __base__=GateModel,
        __doc__=GateModel.__doc__,
        # No default is ever read: one key is there, and only that.
        **{
            kind.name: (kind.shape, Field(default=None, description=kind.about))
            for kind in KINDS.values()
        },
    )


class PromoteModel(Shape):
    """What becomes of the model once every gate has passed."""

    model: str = Field(
        min_length=1, description="step.output: the model output that gets the alias."
    )
    alias: Alias = Field(description="The name that moves to it, such as champion.")
    replaces: str | None = Field(
        default=None,
        min_length=1,
        description="step.input: where the champion goes when that step judges it. Default: the "
        "one input that the model feeds.",
    )
    against: Alias | None = Field(
        default=None,
        description="The alias whose holder 'champion' means in gates. Default: the same alias.",
    )


class PipelineModel(Shape):
    """A directed acyclic graph of notebooks, and the gates after it."""

    name: Line | None = Field(
        default=None, min_length=1, max_length=200, description="Default: the file's name."
    )
    params: dict[Identifier, Any] = Field(
        default_factory=dict,
        description="Values for every step whose parameters cell declares them; -p changes them.",
    )
    steps: dict[Identifier, StepModel] = Field(min_length=1, description="By name.")
    gates: list[AnyGate] = Field(default_factory=list, description="Checked in this order.")
    promote: PromoteModel | None = Field(
        default=None, description="Which model gets which alias when the gates have passed."
    )
    deploy: DeployModel | None = Field(
        default=None, description="Which endpoint serves the model once it has been promoted."
    )
    triggers: list[AnyTrigger] = Field(
        default_factory=list, max_length=50, description="What starts it by itself."
    )

    @field_validator("promote", "deploy", mode="before")
    @classmethod
    def _written_out(cls, value: Any) -> Any:
        # Whoever wrote the word meant something by it, and nothing is not what it was.
        if value is None:
            raise PydanticCustomError("empty", "empty")
        return value


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a pipeline file, for completion and checks in an editor."""
    schema = PipelineModel.model_json_schema()
    definitions: dict[str, Any] = schema.get("$defs", {})
    for definition in [schema, *definitions.values()]:
        definition["title"] = definition["title"].removesuffix("Model").lower()
        for name, member in definition["properties"].items():
            member.pop("title", None)
            if name in ("params", "inputs", "outputs", "steps"):
                member["propertyNames"] = {"pattern": f"^{IDENTIFIER}$"}
    for name, model in (("promote", "PromoteModel"), ("deploy", "DeployModel")):
        told = schema["properties"][name]["description"]
        schema["properties"][name] = {"$ref": f"#/$defs/{model}", "description": told}
    gate, trigger = definitions["GateModel"], definitions["TriggerModel"]
    gate |= {"minProperties": 1, "maxProperties": 1}
    trigger["oneOf"] = [{"required": [name]} for name in TRIGGERS]
    for member in [*gate["properties"].values(), *trigger["properties"].values()]:
        member.pop("default", None)
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
    "promote": "a map, such as {model: train.model, alias: champion}",
    "deploy": "a map, such as {endpoint: delay, strategy: canary, share: 5}",
    "triggers": "a list, each as '- schedule: …' or '- alert: …'",
    **{kind.name: kind.example for kind in KINDS.values()},
}
_MAPS = {
    "steps": "a map with notebook",
    "gates": "a map with metric",
    "triggers": "a map with schedule, alert, dataset or code",
}
_WHAT_OF_PROMOTE: dict[str, str] = {
    "model": "step.output, such as train.model",
    "alias": ALIAS_WORDS,
    "replaces": "step.input, such as evaluate.model",
    "against": ALIAS_WORDS,
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
    return any(nearest(str(word), [key]) for word in unknown)


def _fault(document: Document, error: dict[str, Any]) -> Fault:
    loc = tuple(part for part in error["loc"] if part != "[key]")
    place: Place = loc
    empty = error["input"] is None  # then only the key stands anywhere
    match error["type"]:
        case "extra_forbidden":
            owner, fields = _owner(loc[:-1])
            return unknown_key(document, place, fields, owner)
        case "missing":
            owner, _ = _owner(loc[:-1])
            return document.fault(place[:-1], f"{_capital(owner)} has no {loc[-1]}.", key=True)
        case "identifier":
            return document.fault(place, error["msg"], key=True)
        case "kinds":
            owner, _ = _owner(loc)
            fields = list(TRIGGERS if loc[0] == "triggers" else KINDS)
            said = f"is {error['ctx']['said']} at once" if error["ctx"]["said"] else "is empty"
            if loc[0] == "triggers" and not error["ctx"]["said"]:
                said = "has no kind"
            message = f"{_capital(owner)} {said}: write one of {', '.join(fields)}."
            return document.fault(place, message)
        case "unlimited":
            owner, _ = _owner(loc)
            return document.fault(
                place, f"{_capital(owner)} has no limit: {error['msg']}.", key=True
            )
        case "too_short":
            message = f"{_dotted(loc)} is empty: a pipeline needs at least one step."
            return document.fault(place, message, key=empty)
    if len(loc) == 2 and loc[0] in ("steps", "gates", "triggers"):
        owner, _ = _owner(loc)
        what = _MAPS[loc[0]]
        message = f"{_capital(owner)} is {shown(error['input'])}: write {what}."
        return document.fault(place, message, key=empty)
    what = _what(loc)
    if error["type"] == "value_error":
        what = str(error["ctx"]["error"])
    suggestion = None
    if loc[-1] == "timeout" and type(error["input"]) in (int, float):
        suggestion = f"{error['input']}s"
    message = f"{_dotted(loc)} is {shown(error['input'])}; it must be {what}."
    return document.fault(place, message, suggestion=suggestion, key=empty)


def _what(loc: tuple[Any, ...]) -> str:
    """What must stand at a place of the file."""
    words: list[dict[str, str]] = [_WHAT]
    if loc[0] == "promote" and len(loc) > 1:
        words = [_WHAT_OF_PROMOTE]
    elif loc[0] == "deploy" and len(loc) > 1:
        words = [dict(deploying.WORDS)]
    elif loc[0] == "gates" and len(loc) > 3:
        words = [dict(KINDS[loc[2]].words), _WHAT]
    elif loc[0] == "triggers" and len(loc) > 2:
        words = [LIMIT_WORDS, {kind.name: kind.example for kind in TRIGGERS.values()}]
        if loc[2] in TRIGGERS and len(loc) > 3:
            words = [dict(TRIGGERS[loc[2]].words), *words]
    elif loc[0] == "steps" and len(loc) > 3 and loc[2] in ("inputs", "outputs"):
        return "a path"
    for part in reversed(loc):
        for known in words:
            if part in known:
                return known[part]
    return "something else"


def _owner(loc: tuple[Any, ...]) -> tuple[str, list[str]]:
    """What stands at a place of the file, and which keys it has."""
    match loc:
        case ("steps", name):
            return f"step {name}", list(StepModel.model_fields)
        case ("gates", int(index)):
            return f"gate {index + 1}", list(KINDS)
        case ("gates", int(index), kind):
            return f"the {kind} gate {index + 1}", list(KINDS[kind].shape.model_fields)
        case ("triggers", int(index)):
            return f"trigger {index + 1}", [*TRIGGERS, *LIMITS]
        case ("triggers", int(index), kind, *_):
            return f"the {kind} trigger {index + 1}", list(TRIGGERS[kind].words)
        case ("promote",):
            return "promote", list(PromoteModel.model_fields)
        case ("deploy",):
            return "deploy", list(DeployModel.model_fields)
        case ("deploy", "guard"):
            return "guard", list(GuardAsked.model_fields)
    return "a pipeline", list(PipelineModel.model_fields)


def _dotted(loc: tuple[Any, ...]) -> str:
    """A place as people read it, lists counted from 1."""
    return ".".join(str(part + 1 if isinstance(part, int) else part) for part in loc)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
