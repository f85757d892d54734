"""Which kinds of channels there are: every module beside this one that has a ``KIND``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from mlops_lab.document import Document, Place
from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import nearest
from mlops_lab.faults import Fault
from mlops_lab.monitoring.channels.channel import Channel, ChannelKind
from mlops_lab.shapes import shape_faults

__all__ = ["channel_of", "entry_schemas", "find_kinds"]

_NOT_KINDS = ("channel", "registry")


@cache
def find_kinds() -> Mapping[str, ChannelKind]:
    """The kinds by the key under which a monitor's file writes them."""
    package = __name__.rpartition(".")[0]
    found: dict[str, ChannelKind] = {}
    for module in sorted(one.name for one in pkgutil.iter_modules([str(Path(__file__).parent)])):
        if module not in _NOT_KINDS:
            kind: ChannelKind = importlib.import_module(f"{package}.{module}").KIND
            found[kind.name] = kind
    return MappingProxyType(found)


def channel_of(document: Document, place: Place, entry: Mapping[str, Any]) -> Channel | list[Fault]:
    """The channel that an entry of a file says, or all that is wrong with it."""
    kinds = find_kinds()
    named = [key for key in entry if key in kinds]
    if len(named) != 1:
        known = ", ".join(kinds)
        near = next((word for key in entry if (word := nearest(str(key), kinds))), None)
        what = " and ".join(named) + " at once" if named else "no kind that is known"
        message = f"Channel {_number(place)} has {what}: write one of {known}."
        return [document.fault(place, message, suggestion=None if named else near)]
    kind = kinds[named[0]]
    try:
        value = kind.shape.model_validate(entry)
    except ValidationError as error:
        return shape_faults(document, error, kind.shape, f"the {kind.name} channel", place)
    try:
        return kind.channel(value)
    except InvalidInput as error:
        return [document.fault((*place, kind.name), error.message)]


def entry_schemas() -> list[dict[str, Any]]:
    """The JSON Schemas of what an entry may be, for editors."""
    schemas = []
    for kind in find_kinds().values():
        schema = kind.shape.model_json_schema()
        schema["title"] = kind.name
        for member in schema["properties"].values():
            member.pop("title", None)
        schemas.append(schema)
    return schemas


def _number(place: Place) -> int:
    index = place[-1]
    return index + 1 if isinstance(index, int) else 1
