"""Values of monitoring as JSON and back, without loss: what is stored, sent, saved and reported.

One codec for every record, made from its own types: a field that is added to a record is on the
wire. Numbers that are not finite are texts; times are ISO 8601 in UTC.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mlops_lab.errors import Corrupt

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from pydantic import GetCoreSchemaHandler, TypeAdapter
    from pydantic_core import CoreSchema

__all__ = ["DIGITS", "EXACT", "Packed", "decode", "encode", "series", "significant"]

DIGITS: Final = 4
"""Of a statistic: what comes after is noise at any number of rows that people have."""

EXACT: Final = 17
"""All that a double has, for who asked for exact values."""

LARGEST: Final = 1 << 28
"""Bytes that packed counts may have: 64 bins of a million cells."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Packed:
    """Counts of any shape in few bytes: little-endian uint32 in C order, deflated on the wire.

    Parameters
    ----------
    shape
        Its dimensions.
    raw
        Four bytes a count.

    Examples
    --------
    >>> Packed.of([[1, 0], [2, 3]]).array().tolist()
    [[1, 0], [2, 3]]
    """

    shape: tuple[int, ...]
    raw: bytes = field(repr=False)

    @classmethod
    def of(cls, counts: Any) -> Packed:
        """Pack an array of whole numbers from 0 to 2³² − 1; larger ones become that."""
        import numpy as np

        array = np.clip(np.asarray(counts), 0, 2**32 - 1).astype("<u4", order="C")
        return cls(tuple(array.shape), array.tobytes())

    def array(self) -> npt.NDArray[np.int64]:
        """The counts, of the dtype with which sums are safe."""
        import numpy as np

        return np.frombuffer(self.raw, "<u4").reshape(self.shape).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        """The counts as JSON; a browser reads them with its own DecompressionStream."""
        data = base64.b64encode(zlib.compress(self.raw, 6)).decode()
        return {"shape": list(self.shape), "dtype": "u4", "codec": "deflate", "data": data}

    @classmethod
    def from_json(cls, value: Any) -> Packed:
        """Read what `to_json` made.

        Raises
        ------
        ValueError
            It is nothing of that, or not as long as its shape says.
        """
        if isinstance(value, Packed):
            return value
        try:
            if (value["dtype"], value["codec"]) != ("u4", "deflate"):
                raise ValueError(f"the counts are {value['dtype']} in {value['codec']}")
            shape = tuple(int(size) for size in value["shape"])
            size = 4 * math.prod(shape)
            if min(shape, default=0) < 0 or size > LARGEST:
                raise ValueError(f"the shape {shape} is none of packed counts")
            raw = zlib.decompressobj().decompress(base64.b64decode(value["data"]), size + 1)
        except (KeyError, TypeError, OverflowError, zlib.error, binascii.Error) as error:
            raise ValueError(f"these are no packed counts: {error!r}") from error
        if len(raw) != size:
            raise ValueError(f"the counts are not as many as their shape {shape} says")
        return cls(shape, raw)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls.from_json,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.to_json),
        )


def encode(value: Any) -> Any:
    """Give a record as JSON: dicts, lists, texts, numbers."""
    # By its text: only there are numbers that are not finite written as texts.
    return json.loads(_adapter(type(value)).dump_json(value, by_alias=True))


def decode(kind: type[_T], value: Any) -> _T:
    """Read a record from the JSON that `encode` gave.

    Raises
    ------
    Corrupt
        It is no such record; the message names the first place that is wrong.
    """
    from pydantic import ValidationError

    try:
        found: _T = _adapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise Corrupt(f"This is no {kind.__name__}: {where}: {first['msg']}.") from error
    return found


def significant(value: float | None, digits: int = DIGITS) -> float | None:
    """Round to significant digits; None and what is not a number are None.

    >>> significant(0.1234567), significant(1234567.0), significant(float("nan"))
    (0.1235, 1235000.0, None)
    """
    if value is None or math.isnan(value):
        return None
    return float(f"{value:.{digits}g}")


def series(values: Sequence[float | None], digits: int = DIGITS) -> tuple[float | None, ...]:
    """Round each value of a line over the chunks; see `significant`."""
    return tuple(significant(value, digits) for value in values)


_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]
