"""A request that was understood, and what readers of every form share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.inputs import Rows
from mlops_lab.serving.protocol.packing import Encoding
from mlops_lab.wording import counted, quoted

__all__ = ["HEADER", "PREDICTION_ID", "Form", "Request", "Wanted", "beside_rows", "noun_of"]

HEADER: Final = "inference-header-content-length"
"""The header with the length of the JSON, of a body with bytes behind it."""

PREDICTION_ID: Final = "prediction_id"

Form = Literal["v2", "split", "records"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that a request asks for; `binary` as bytes, None as the request says of all."""

    name: str
    binary: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A request that was understood.

    Attributes
    ----------
    data
        What goes through the model.
    id
        What the client calls it; it is echoed.
    unit
        Whom it is about (``parameters.unit``), for a split of traffic that keeps people together.
    outputs
        What is asked for, in this order; None for all.
    binary
        Whether outputs are to be bytes, where they do not say it themselves.
    form
        How it was written: the answer is written likewise.
    encoding
        How the answer may be packed.
    extra
        Columns that the model does not take, as they came: a unit, a key for the truth. Lists, or
        arrays; of a tensor with ``parameters.type`` time or duration an array of such.
    """

    data: Rows
    id: str | None = None
    unit: str | None = None
    outputs: tuple[Wanted, ...] | None = None
    binary: bool = False
    form: Form = "v2"
    encoding: Encoding | None = None
    extra: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.data.count


def beside_rows(
    rows: Rows, extra: dict[str, Sequence[Any]]
) -> tuple[Rows, dict[str, Sequence[Any]]]:
    """Refuse what stands beside the model's columns and is no column of the same rows."""
    for name, values in extra.items():
        if len(values) != rows.count:
            raise InvalidInput(
                f"Column {quoted(name)} has {counted(len(values), 'row')}, the others have "
                f"{rows.count:,}: all must be equally long."
            )
    return rows, extra


def noun_of(value: Any) -> str:
    """Name what a value of JSON is."""
    names = {dict: "an object", list: "a list", str: "a text", type(None): "missing"}
    return names.get(type(value), "a number" if type(value) in (int, float) else "true or false")
