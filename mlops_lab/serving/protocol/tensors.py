"""Tensors of the Open Inference Protocol, version 2: as JSON and as bytes.

References
----------
Open Inference Protocol, https://github.com/kserve/open-inference-protocol; the extension for binary
tensor data, https://github.com/triton-inference-server/server (docs/protocol).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from mlops_lab.serving.columns import Column
from mlops_lab.serving.protocol.fault import ProtocolError
from mlops_lab.wording import quoted

__all__ = [
    "DATATYPES",
    "Tensor",
    "datatype_of",
    "from_bytes",
    "from_json",
    "to_bytes",
]

DATATYPES: Final[Mapping[str, str]] = {
    "BOOL": "?",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "BF16": "<u2",
    "FP32": "<f4",
    "FP64": "<f8",
    "BYTES": "",
}
"""The protocol's datatypes and what numpy calls them; BYTES has no size of its own."""

_BY_TYPE: Final = {
    numpy.lstrip("<"): name for name, numpy in DATATYPES.items() if name not in ("BF16", "BYTES")
}
_WORDS: Final = {"B": "true or false", "S": "texts", "F": "numbers", "I": "whole numbers"}
_KINDS: Final[Mapping[str, frozenset[type]]] = {
    "B": frozenset({bool, type(None)}),
    "S": frozenset({str, type(None)}),
    "F": frozenset({float, int, type(None)}),
    "I": frozenset({int, type(None)}),
}
_LIMITS: Final = {
    f"{sign}INT{bits}": (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for bits in (8, 16, 32, 64)
    for sign in ("", "U")
}
_FAMILY: Final = {
    name: "B" if name == "BOOL" else "S" if name == "BYTES" else "F" if "F" in name else "I"
    for name in DATATYPES
}
_DIMENSIONS: Final = 16


class Tensor(NamedTuple):
    """What a request says a tensor is. A tuple: requests have one for each column.

    Attributes
    ----------
    name
        The column's, or the array's.
    datatype
        One of `DATATYPES`.
    shape
        Its lengths; the first is the number of rows.
    column
        What the model knows it as, if it does.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    column: Column | None = None

    @property
    def size(self) -> int:
        """How many elements its shape stands for; never allocated on the word of a client."""
        shape = self.shape
        return shape[0] if len(shape) == 1 else math.prod(shape)

    @property
    def told(self) -> str:
        """What errors call it: with the signature's type and range, where the model takes it."""
        return f"Input {quoted(self.name)}" if self.column is None else str(self.column)

    @classmethod
    def of(cls, name: str, datatype: Any, shape: Any, column: Column | None = None) -> Tensor:
        """Check what a request says.

        Raises
        ------
        ProtocolError
            There is no such datatype, or the shape is none.
        """
        if (
            type(shape) is not list
            or not shape
            or [n for n in shape if type(n) is not int or n < 0]
        ):
            told = cls(name, "", (), column).told
            raise ProtocolError(
                400,
                f"{told} has the shape {_short(shape)}; a list of lengths from 0 is expected, the "
                "number of rows first.",
            )
        made = cls(name, datatype, tuple(shape), column)
        if type(datatype) is not str or datatype not in DATATYPES:
            raise ProtocolError(
                400,
                f"{made.told} has the datatype {_short(datatype)}; there are "
                f"{', '.join(DATATYPES)}.",
            )
        if len(shape) > _DIMENSIONS:
            raise ProtocolError(400, f"{made.told} has more than {_DIMENSIONS} dimensions.")
        return made


def from_json(tensor: Tensor, data: Any) -> Any:
    """Read a tensor's ``data``: flat in row-major order, or nested as its shape is.

    Returns
    -------
    list or array of shape (size,)
        A list where values may be missing or are texts.

    Raises
    ------
    ProtocolError
        It has another number of elements than its shape, or one that its datatype cannot hold.
    """
    import numpy as np

    if not isinstance(data, list):
        raise ProtocolError(400, f"{tensor.told} has no data; a list is expected.")
    if data and isinstance(data[0], list):
        data = _flat(tensor, data)
    if len(data) != tensor.size:
        raise ProtocolError(
            400,
            f"{tensor.told} has the shape {_shape(tensor.shape)}, that is {tensor.size:,} values; "
            f"its data has {len(data):,}.",
        )
    family = _FAMILY[tensor.datatype]
    if not set(map(type, data)) <= _KINDS[family]:
        row, value = next((i, v) for i, v in enumerate(data) if type(v) not in _KINDS[family])
        raise _wrong(tensor, row, value, _WORDS[family])
    if family == "I":
        least, most = _LIMITS[tensor.datatype]
        for row, value in enumerate(data):
            if value is not None and not least <= value <= most:
                span = f"whole numbers from {least:,} to {most:,}"
                raise _wrong(tensor, row, value, span)
    elif tensor.datatype in ("FP32", "FP16"):
        # What is sent as a number of 32 bits is one, whichever way it is sent.
        with np.errstate(over="ignore"):
            try:
                return np.array(data, dtype=np.float64).astype(DATATYPES[tensor.datatype])
            except OverflowError:
                return data
    return data


def from_bytes(tensor: Tensor, data: memoryview) -> Any:
    """Read a tensor's bytes: little-endian, row-major, without gaps.

    Returns
    -------
    array or list of shape (size,)
        A list of texts.

    Raises
    ------
    ProtocolError
        They are fewer or more than its shape and datatype need, or no text.
    """
    import numpy as np

    if tensor.datatype == "BYTES":
        return _texts(tensor, data)
    kind = np.dtype(DATATYPES[tensor.datatype])
    if tensor.size * kind.itemsize != len(data):
        raise ProtocolError(
            400,
            f"{tensor.told} has the shape {_shape(tensor.shape)} and the datatype "
            f"{tensor.datatype}, that is {tensor.size * kind.itemsize:,} bytes; "
            f"binary_data_size is {len(data):,}.",
        )
    if tensor.datatype == "BF16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    if tensor.datatype == "BOOL":
        return np.frombuffer(data, np.uint8) != 0
    return np.frombuffer(data, kind)


def _texts(tensor: Tensor, data: memoryview) -> list[str]:
    found: list[str] = []
    at, end = 0, len(data)
    while at < end:
        if at + 4 > end:
            raise _cut(tensor, len(found))
        (length,) = struct.unpack_from("<I", data, at)
        at += 4
        if at + length > end:
            raise _cut(tensor, len(found))
        try:
            found.append(str(data[at : at + length], "utf-8"))
        except UnicodeDecodeError:
            raise ProtocolError(
                400, f"{tensor.told} holds bytes in row {len(found) + 1} that are no UTF-8 text."
            ) from None
        at += length
    if len(found) != tensor.size:
        raise ProtocolError(
            400,
            f"{tensor.told} has the shape {_shape(tensor.shape)}, that is {tensor.size:,} texts; "
            f"its bytes hold {len(found):,}.",
        )
    return found


def _cut(tensor: Tensor, row: int) -> ProtocolError:
    return ProtocolError(
        400,
        f"{tensor.told} ends within the text of row {row + 1}: each begins with its length in "
        "bytes, as a number of 4 bytes.",
    )


def to_bytes(values: Any) -> bytes:
    """Give an array as the bytes of a tensor; a missing text is an empty one."""
    import numpy as np

    if values.dtype.kind not in "biuf":
        encoded = (_text(value).encode("utf-8", "replace") for value in values.ravel().tolist())
        return b"".join(struct.pack("<I", len(one)) + one for one in encoded)
    kind = DATATYPES[datatype_of(values)]
    return np.ascontiguousarray(values).astype(kind, copy=False).tobytes()


def datatype_of(values: Any) -> str:
    """Name the datatype of an array; what is neither number nor boolean is BYTES."""
    if values.dtype.kind not in "biuf":
        return "BYTES"
    return _BY_TYPE.get(values.dtype.str.lstrip("<|>=").replace("b1", "?"), "FP64")


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _flat(tensor: Tensor, data: list[Any]) -> list[Any]:
    """Undo the nesting, which must be that of the shape."""
    for depth in range(1, len(tensor.shape)):
        length = tensor.shape[depth]
        below: list[Any] = []
        for part in data:
            if not isinstance(part, list) or len(part) != length:
                raise ProtocolError(
                    400,
                    f"{tensor.told} has nested data that is not of the shape "
                    f"{_shape(tensor.shape)}.",
                )
            below += part
        data = below
    return data


def _wrong(tensor: Tensor, place: int, value: Any, expected: str) -> ProtocolError:
    row = place // max(math.prod(tensor.shape[1:]), 1)
    hint = ""
    if isinstance(value, str) and value.strip().lower() in ("nan", "null", "none", "na", ""):
        hint = " A missing value is null."
    return ProtocolError(
        400,
        f"{tensor.told} holds {_short(value)} in row {row + 1}; with the datatype "
        f"{tensor.datatype}, {expected} are expected.{hint}",
    )


def _shape(lengths: Sequence[int]) -> str:
    return f"[{', '.join(map(str, lengths))}]"


def _short(value: Any) -> str:
    if isinstance(value, (list, dict)):
        text = repr(value[:4] if isinstance(value, list) else list(value)[:4])
        return text if len(text) <= 60 else f"{text[:59]}…"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return quoted(value)
