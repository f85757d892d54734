"""What a model takes and gives: inferred from an example, checked against a frame in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mlops_lab.errors import Corrupt, InvalidInput
from mlops_lab.registry.compare import Fault, compare
from mlops_lab.registry.fields import Field, fields_of

__all__ = ["Fault", "Field", "Signature", "infer"]

_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class Signature:
    """The input and the output of a model.

    Attributes
    ----------
    inputs
        Columns in their order, or one array.
    outputs
        Likewise, of what ``predict`` (or ``transform``) gives.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = infer(pd.DataFrame({"hour": [7, 23], "carrier": ["UA", "DL"]}), [0.1, 0.4])
    >>> print(seen)
    hour: integer, carrier: text → prediction: number (any)
    >>> [str(fault) for fault in seen.check(pd.DataFrame({"hour": [7.5]}))]
    ["Column 'hour' holds 7.5; whole numbers are expected.", "Column 'carrier' (text) is missing."]
    """

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...] = ()

    def check(self, data: object) -> list[Fault]:
        """Compare data with the inputs.

        Parameters
        ----------
        data
            A frame, an array, or records: what `predict` would be given.

        Returns
        -------
        list of Fault
            Severe ones first; empty when it fits.
        """
        return compare(self.inputs, data)

    def require(self, data: object) -> None:
        """Refuse data that the model cannot mean.

        Raises
        ------
        InvalidInput
            A sentence for each column that does not fit.
        """
        severe = [fault for fault in self.check(data) if fault.severe]
        if severe:
            shown = " ".join(fault.message for fault in severe[:_NAMED])
            more = f" And {len(severe) - _NAMED} more." if len(severe) > _NAMED else ""
            raise InvalidInput(f"The model does not take this input. {shown}{more}")

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "inputs": [field.to_json() for field in self.inputs],
            "outputs": [field.to_json() for field in self.outputs],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Signature:
        """Read what `to_json` gave.

        Raises
        ------
        Corrupt
            It is no signature.
        """
        try:
            return cls(
                tuple(Field.from_json(field) for field in data["inputs"]),
                tuple(Field.from_json(field) for field in data.get("outputs") or ()),
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise Corrupt(f"The model's signature cannot be read: {error!r}.") from None

    def __repr__(self) -> str:
        return f"<Signature {self}>"

    def __str__(self) -> str:
        inputs = ", ".join(map(str, self.inputs))
        outputs = ", ".join(map(str, self.outputs))
        return f"{inputs} → {outputs or 'unknown'}"


def infer(example: object, prediction: object = None) -> Signature:
    """Infer a signature from an example and what the model makes of it.

    Parameters
    ----------
    example
        A pandas or polars frame or series, an array, a sparse matrix, a list of texts, or records.
    prediction
        What the model gave for it; None leaves the outputs open.
    """
    return Signature(
        fields_of(example, "input"),
        () if prediction is None else fields_of(prediction, "prediction"),
    )
