"""Params of a pipeline run: typed by the file, changed by who starts it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_lab.document import MAX_DEPTH, scalar
from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import nearest
from mlops_lab.orchestration.check import kind_of
from mlops_lab.orchestration.spec import PipelineSpec, Step

__all__ = ["as_text", "read_value", "resolve_params", "step_params"]


def resolve_params(
    spec: PipelineSpec, given: Mapping[str, Any] | None
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The params of a run: those of the file, with the given ones in their place.

    Parameters
    ----------
    spec
        The pipeline.
    given
        By name: ``seed`` is the pipeline's, ``train.max_depth`` one step's. Text for what is not
        text in the file is read by the type it has there, so ``{"seed": "3"}`` is the number 3.

    Returns
    -------
    pipeline
        The pipeline's params.
    steps
        Each step's own params.

    Raises
    ------
    InvalidInput
        A name that nobody declares (with the nearest one), or a value of another type.
    """
    pipeline = dict(spec.params)
    steps = {step.name: dict(step.params) for step in spec.steps}
    known = [*spec.params, *_step_names(spec)]
    for name, wanted in (given or {}).items():
        value = _plain(name, wanted)
        first, dot, rest = name.partition(".")
        if name in pipeline:
            pipeline[name] = read_value(name, value, spec.params[name])
            _check_notebooks(spec, name, pipeline[name])
        elif (
            dot
            and first in steps
            and rest not in spec.step(first).inputs
            and rest not in spec.step(first).outputs
            and (rest in steps[first] or spec.step(first).facts.declares(rest))
        ):
            steps[first][rest] = _step_value(spec.step(first), rest, value)
        else:
            raise _unknown(spec, name, known)
    return pipeline, steps


def step_params(step: Step, pipeline: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What is injected into a step's notebook, without its paths.

    The pipeline's params go where the notebook declares them (everywhere, when that cannot be
    told, as in a notebook in R); the step's own always do.
    """
    taken = {*step.inputs, *step.outputs}
    facts = step.facts
    shared = {
        name: value
        for name, value in pipeline.items()
        if name not in taken and (facts.parameters is None or facts.declares(name))
    }
    return {**shared, **own}


def read_value(name: str, value: Any, declared: Any) -> Any:
    """A given value as the type that the file's value has.

    >>> read_value("seed", "3", 7), read_value("rate", "1", 0.5), read_value("on", "false", True)
    (3, 1.0, False)
    >>> read_value("model", "3", "gbm")
    '3'
    """
    if isinstance(value, str) and not isinstance(declared, str):
        value = _from_text(name, value, declared)
    fits = (
        declared is None
        or value is None
        or type(value) is type(declared)
        or (
            isinstance(declared, float)
            and isinstance(value, int)
            and value is not True
            and value is not False
        )
    )
    if not fits:
        raise InvalidInput(
            f"{name} is {kind_of(declared)} in the pipeline, and {value!r} is {kind_of(value)}."
        )
    return float(value) if isinstance(declared, float) and value is not None else value


def as_text(value: Any) -> str:
    """A value as ``-p name=TEXT`` needs it, so that it is read back as the same.

    >>> as_text(0.5), as_text("gbm"), as_text([1, "a"]), as_text(None)
    ('0.5', 'gbm', '[1, "a"]', 'null')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else (".inf" if value > 0 else "-.inf")
    return json.dumps(value, ensure_ascii=False)


def _plain(name: str, value: Any, depth: int = 0) -> Any:
    """A value as a YAML file could say it; what no file and no process can be given is refused."""
    if depth > MAX_DEPTH:
        raise InvalidInput(f"{name} is nested more than {MAX_DEPTH} deep.")
    if isinstance(value, dict):
        return {
            _plain(name, key, depth + 1): _plain(name, one, depth + 1) for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(name, one, depth + 1) for one in value]
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidInput(f"{name} holds a character that no text file can: {value[:40]!r}.")
        return str(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)  # numpy's float64 is a float as well
    if isinstance(value, Path):
        return str(value)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return _plain(name, item(), depth + 1)  # a number of numpy's
    raise InvalidInput(
        f"{name} is {type(value).__name__}; a param is text, a number, true or false, null, "
        "a list or a map."
    )


def _from_text(name: str, text: str, declared: Any) -> Any:
    if not text.strip() and declared is not None:
        # As `-p seed=$SEED` leaves it where the variable is not set.
        raise InvalidInput(f"{name} is empty, and {kind_of(declared)} in the pipeline.")
    if isinstance(declared, list | dict):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise InvalidInput(
                f"{name} is {kind_of(declared)} in the pipeline; write it as JSON, "
                f"such as {as_text(declared)}: {error}."
            ) from error
    return scalar(text.strip())


def _step_value(step: Step, name: str, value: Any) -> Any:
    if name in step.params:
        value = read_value(f"{step.name}.{name}", value, step.params[name])
    declared = next((one for one in step.facts.parameters or () if one.name == name), None)
    if declared is None:
        return value
    if isinstance(value, str) and declared.type_name != "str":
        example = _EXAMPLES.get(declared.type_name or "")
        value = _from_text(f"{step.name}.{name}", value, example)
    if not declared.accepts(value):
        raise InvalidInput(
            f"{step.name}.{name} is declared as {declared.type_name} in the parameters cell of "
            f"{step.facts.path.name}, and {value!r} is {kind_of(value)}."
        )
    return value


_EXAMPLES: dict[str, Any] = {
    "bool": True,
    "int": 1,
    "float": 0.5,
    "list": [1, 2],
    "dict": {"a": 1},
}


def _check_notebooks(spec: PipelineSpec, name: str, value: Any) -> None:
    for step in spec.steps:
        for declared in step.facts.parameters or ():
            if declared.name == name and name not in step.params and not declared.accepts(value):
                raise InvalidInput(
                    f"{name} is declared as {declared.type_name} in the parameters cell of "
                    f"{step.facts.path.name}, and {value!r} is {kind_of(value)}."
                )


def _step_names(spec: PipelineSpec) -> list[str]:
    return [
        f"{step.name}.{name}"
        for step in spec.steps
        for name in {
            **step.params,
            **{one.name: None for one in step.facts.parameters or ()},
        }
        if name not in step.inputs and name not in step.outputs
    ]


def _unknown(spec: PipelineSpec, name: str, known: list[str]) -> InvalidInput:
    # A step's own param without its step is the likeliest slip: name it in full.
    owned = [one for one in known if one.partition(".")[2] == name]
    suggestion = owned[0] if owned else nearest(name, known)
    hint = f" Did you mean {suggestion}?" if suggestion else ""
    has = f"it has {', '.join(spec.params)}" if spec.params else "it declares none"
    return InvalidInput(
        f"pipeline {spec.name} has no param {name!r}; {has}.{hint}", suggestion=suggestion
    )
