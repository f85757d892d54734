"""The shapes of files that people write: their small types, and what is wrong with them in words.

A file's shape is a tree of `Shape` classes. Every field says in its description what must stand
there, so that a fault can tell it: "by is 'weak'; it must be hour, day, week or month." A field
with ``repr=False`` may hold a secret: its value is not told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any, Final, TypedDict, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from mlops_lab.document import Document, Place
from mlops_lab.expressions import nearest
from mlops_lab.faults import Fault

__all__ = [
    "Duration",
    "Line",
    "Shape",
    "Told",
    "seconds",
    "shape_faults",
    "shown",
    "unknown_key",
    "unknown_word",
]

_DURATION: Final = r"(\d+(\.\d+)?(ms|s|m|h|d))+"
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_S: Final = 366 * 86400.0


class Shape(BaseModel):
    """A map of a file: nothing but its own keys, each of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def seconds(duration: str) -> float:
    """How long a duration such as ``20m`` or ``1h30m`` is, in seconds.

    >>> seconds("90s"), seconds("1h30m")
    (90.0, 5400.0)
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", duration)
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


def shown(value: object) -> str:
    """A value as a fault tells it, in at most 60 characters."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _sensible(duration: str) -> str:
    if not 0 < seconds(duration) <= _LONGEST_S:
        raise ValueError("from just above 0 to a year")
    return duration


def _line(name: str) -> str:
    if not name.isprintable():
        raise ValueError("one line without control characters")
    return name


Line = Annotated[str, AfterValidator(_line)]
Duration = Annotated[
    str,
    Field(pattern=f"^{_DURATION}$", examples=["20m", "90s", "1h30m"]),
    AfterValidator(_sensible),
]


def shape_faults(
    document: Document,
    error: ValidationError,
    model: type[BaseModel],
    owner: str,
    place: Place = (),
    habits: Mapping[str, str] = MappingProxyType({}),
) -> list[Fault]:
    """Say what pydantic found, in our words; one fault for each place, in the file's order.

    Parameters
    ----------
    document
        The file.
    error
        What the model refused.
    model
        The shape of what stands at `place`; the descriptions of its fields say what must be there.
    owner
        What people call the whole: ``a monitor``.
    place
        Where in the file the model begins.
    habits
        What other tools call its keys.
    """
    listed: set[str] = set()
    found: dict[Place, Fault] = {}
    errors = error.errors(include_url=False)
    unknown = [one["loc"] for one in errors if one["type"] == "extra_forbidden"]
    for one in errors:
        loc = one["loc"]
        where, value = _in_file(document, place, loc)
        if one["type"] == "extra_forbidden":
            fields = list(_model_at(model, loc[:-1]).model_fields)
            who = _owner(owner, where[:-1], place)
            near = habits.get(str(loc[-1]))
            fault = unknown_key(document, where, fields, who, near if near in fields else None)
            # All there is to write is told once.
            found[where] = replace(fault, others="") if who in listed else fault
            listed.add(who)
        elif one["type"] == "missing":
            word = str(loc[-1])
            if any(
                other[:-1] == loc[:-1]
                and (habits.get(str(other[-1])) == word or nearest(str(other[-1]), [word]))
                for other in unknown
            ):
                continue  # it is there, misspelt
            message = f"{_capital(_owner(owner, where, place))} has no {word}."
            found.setdefault((*where, word), document.fault(where, message, key=bool(where)))
        else:
            field = _field_at(model, loc)
            what = (field and field.description) or "something else"
            told = "something else" if field and not field.repr else shown(value)
            message = f"{_dotted(where[len(place) :])} is {told}; it must be {what}."
            found.setdefault(where, document.fault(where, message, key=value is None))
    # Of what could be one thing or another, pydantic says both: the place inside tells more.
    inner = [
        fault
        for where, fault in found.items()
        if not any(len(other) > len(where) and other[: len(where)] == where for other in found)
    ]
    return sorted(inner, key=lambda fault: fault.mark)


def unknown_key(
    document: Document,
    where: Place,
    known: Sequence[str],
    owner: str,
    meant: str | None = None,
) -> Fault:
    """The fault of a key that nothing knows, in the words of `unknown_word`."""
    told = unknown_word(str(where[-1]), known, owner, meant)
    return document.fault(where, key=True, **told)


class Told(TypedDict):
    """What `Fault` and `sentence` are made of."""

    message: str
    suggestion: str | None
    others: str


def unknown_word(word: str, known: Sequence[str], owner: str, meant: str | None = None) -> Told:
    """What is said of a word that nothing knows; what is probably meant comes before what there is.

    Parameters
    ----------
    known
        The words that there are.
    owner
        What has them: ``a monitor``.
    meant
        What it is called here, where that is known; default the nearest.
    """
    return {
        "message": f"{shown(word)} is not known here.",
        "suggestion": meant or nearest(word, known),
        "others": f"{_capital(owner)} has {', '.join(known)}.",
    }


def _in_file(document: Document, place: Place, loc: Sequence[int | str]) -> tuple[Place, Any]:
    """The deepest place of an error that stands in the file, and the value there; pydantic adds
    the names of types to its places.
    """
    value: Any = document.value
    for part in place:
        value = value[part]
    found = list(place)
    for part in loc:
        try:
            value = value[part]
        except (KeyError, TypeError, IndexError):
            continue
        found.append(part)
    return tuple(found), value


def _model_at(model: type[BaseModel], loc: Sequence[int | str]) -> type[BaseModel]:
    """The innermost shape on the way to a place."""
    for part in loc:
        field = model.model_fields.get(str(part))
        if field is not None:
            model = _shape_in(field.annotation) or model
    return model


def _field_at(model: type[BaseModel], loc: Sequence[int | str]) -> FieldInfo | None:
    """The innermost field on the way that says what must stand there."""
    found: FieldInfo | None = None
    for part in loc:
        field = model.model_fields.get(str(part))
        if field is not None:
            found = field if field.description else found
            model = _shape_in(field.annotation) or model
    return found


def _shape_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inside = (_shape_in(one) for one in get_args(annotation))
    return next((one for one in inside if one is not None), None)


def _owner(owner: str, where: Place, place: Place) -> str:
    return _dotted(where[len(place) :]) or owner


def _dotted(where: Place) -> str:
    """A place as people read it, lists counted from 1."""
    return ".".join(str(part + 1 if isinstance(part, int) else part) for part in where)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
