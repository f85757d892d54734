"""The archive of a model file: looked at from outside before anything in it is believed.

A skops file is a zip archive with ``schema.json`` and one npy or npz file for each array. Readers
of zip and npy files trust the sizes and shapes that the file itself states, so those are checked
here: names, counts, sizes after unpacking, overlapping members, and for each array that its header
says exactly as many bytes as there are.
"""

from __future__ import annotations

import io
import json
import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from tokenize import TokenError
from typing import Any, BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from mlops_lab.errors import Corrupt

__all__ = ["SCHEMA", "check_arrays", "name_fully", "opened", "pack", "read_schema"]

SCHEMA: Final = "schema.json"

_MEMBERS: Final = 1_000_000
_EXPANDED_FLOOR: Final = 512 * 2**20
_EXPANDED_RATIO: Final = 100
"""Unpacked a file may be so many times its size, or the floor if that is more. Honest models stay
far below: numbers shrink two- to tenfold, and the schema some fiftyfold."""
_EXPANDED_MOST: Final = 64 * 2**30
_SMALL: Final = 16 * 2**20
_SAMPLE: Final = 2**20
_SCHEMA_BYTES: Final = 2 * 2**30
_SCHEMA_DEPTH: Final = 600
_HEADER_BYTES: Final = 10_000
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}\.(json|npy|npz)")
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBERS: Final = frozenset("biufcSUmM")
_SPARSE_PARTS: Final = frozenset(
    {"_is_array.npy", "blocksize.npy", "col.npy", "coords.npy", "data.npy", "format.npy"}
    | {"indices.npy", "indptr.npy", "offsets.npy", "row.npy", "shape.npy"}
)
_BY_VALUE: Final = frozenset({"FunctionNode", "JsonNode", "TypeNode"})
_SHORT_MODULES: Final = {"_loss": "sklearn._loss._loss"}
_MADE: Final = (1980, 1, 1, 0, 0, 0)
"""The date of every member, so that an equal model makes an equal file."""


@contextmanager
def opened(file: BinaryIO, what: str) -> Iterator[ZipFile]:
    """Open an archive whose members may be read without surprises.

    Parameters
    ----------
    file
        The archive, seekable.
    what
        What it is called in a message.

    Raises
    ------
    Corrupt
        It is no archive, it is cut short, or what it says of itself is not to be believed.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if not size:
        raise Corrupt(f"{what} is empty.")
    with _broken_as_corrupt(what), ZipFile(file) as archive:
        _check_members(archive.infolist(), size, what, _NAME.fullmatch)
        yield archive


def read_schema(archive: ZipFile, what: str) -> Any:
    """Read ``schema.json`` of a model file.

    Raises
    ------
    Corrupt
        There is none, or it is nested without end, or no JSON.
    """
    try:
        info = archive.getinfo(SCHEMA)
    except KeyError:
        raise Corrupt(f"{what} has no {SCHEMA}: it is no skops file.") from None
    if info.file_size > _SCHEMA_BYTES:
        raise Corrupt(f"{what}'s {SCHEMA} has {info.file_size:,} bytes: too many to be believed.")
    data = archive.read(info)
    if _depth(data) > _SCHEMA_DEPTH:
        raise Corrupt(f"{what}'s {SCHEMA} is nested deeper than {_SCHEMA_DEPTH} levels.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"{what}'s {SCHEMA} is no JSON: {error}.") from None


def check_arrays(archive: ZipFile, used: frozenset[str], what: str) -> dict[str, tuple[int, ...]]:
    """Check every array's header against the bytes that are there.

    Parameters
    ----------
    archive
        The model file.
    used
        The members that its schema refers to: all must be there, and nothing else.
    what
        What the file is called in a message.

    Returns
    -------
    dict
        The shapes of the arrays by the names of their members.

    Raises
    ------
    Corrupt
        A member is missing, or left over, or is not the array that it says.
    """
    members = {info.filename: info for info in archive.infolist()}
    missing = sorted(used - members.keys())
    if missing:
        raise Corrupt(f"{what} has no member {missing[0]}, which its schema refers to.")
    left = sorted(members.keys() - used - {SCHEMA})
    if left:
        raise Corrupt(f"{what} has a member {left[0]!r} that its schema does not refer to.")
    shapes: dict[str, tuple[int, ...]] = {}
    for name in sorted(used):
        label = f"{what}: member {name}"
        if name.endswith(".npz"):
            with opened_sparse(archive.read(name), label) as parts:
                for info in parts.infolist():
                    _check_header(parts, info, f"{label}/{info.filename}")
        else:
            shapes[name] = _check_header(archive, members[name], label)
    return shapes


@contextmanager
def opened_sparse(data: bytes, what: str) -> Iterator[ZipFile]:
    """Open the archive of a sparse matrix that lies in a model file."""
    with _broken_as_corrupt(what), ZipFile(io.BytesIO(data)) as archive:
        _check_members(
            archive.infolist(), len(data), what, lambda name: name in _SPARSE_PARTS or None
        )
        yield archive


def name_fully(schema: Any) -> None:
    """Give types that are named by a short module their full name, in place.

    Before scikit-learn 1.8 compiled losses say that they are of a module ``_loss``: where that is
    not loaded, looking for it would import whatever file of that name is around.
    """
    stack = [schema]
    while stack:
        state = stack.pop()
        if isinstance(state, dict):
            full = _SHORT_MODULES.get(str(state.get("__module__")))
            if full is not None and "__loader__" in state:
                state["__module__"] = full
            stack.extend(value for value in state.values() if isinstance(value, (dict, list)))
        elif isinstance(state, list):
            stack.extend(state)


def pack(archive: ZipFile, schema: Any) -> bytes:
    """Write what skops wrote again: compressed, and equal bytes for an equal model.

    skops names arrays and nodes by addresses in memory, dates the members, and writes an object
    once for each place that it is held at, though it reads only the first. Here arrays and what is
    held twice are numbered in the order of the schema, and each object is written once.

    Parameters
    ----------
    archive
        What skops wrote.
    schema
        Its schema, with full names.
    """
    times: Counter[int] = Counter()
    stack: list[Any] = [schema]
    while stack:
        state = stack.pop()
        if isinstance(state, dict):
            if "__loader__" in state and "__id__" in state:
                times[state["__id__"]] += 1
            stack.extend(state.values())
        elif isinstance(state, list):
            stack.extend(state)
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}

    def anew(state: Any) -> Any:
        if isinstance(state, list):
            return [anew(item) for item in state]
        if not isinstance(state, dict):
            return state
        identity: Any = state.get("__id__") if "__loader__" in state else None
        # Numbers and texts are one object or several by chance.
        shared = (
            identity is not None and times[identity] > 1 and state["__loader__"] not in _BY_VALUE
        )
        if shared and identity in numbers and state["__loader__"] == "ObjectNode":
            kept = ("__class__", "__module__", "__loader__")
            return {**{key: state[key] for key in kept}, "__id__": numbers[identity]}
        new: dict[str, Any] = {}
        if shared:
            new["__id__"] = numbers.setdefault(identity, len(numbers) + 1)
        new.update((key, anew(value)) for key, value in state.items() if key != "__id__")
        if "__loader__" in state and isinstance(file := state.get("file"), str):
            suffix = file.rpartition(".")[2]
            new["file"] = names.setdefault(file, f"{len(names) + 1}.{suffix}")
        return new

    again = anew(schema)
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as packed:
        text = json.dumps(again, separators=(",", ":"), allow_nan=False)
        _write(packed, SCHEMA, text.encode("utf-8"))
        for old, new in names.items():
            data = archive.read(old)
            _write(packed, new, _undated(data) if new.endswith(".npz") else _unpadded(data))
    return buffer.getvalue()


def _undated(data: bytes) -> bytes:
    """Write the archive of a sparse matrix without the time; it is compressed with the others."""
    buffer = io.BytesIO()
    with ZipFile(io.BytesIO(data)) as parts, ZipFile(buffer, "w") as packed:
        for info in parts.infolist():
            packed.writestr(ZipInfo(info.filename, _MADE), parts.read(info))
    return buffer.getvalue()


def _unpadded(data: bytes) -> bytes:
    """Zero what lies between the fields of records: whatever was in memory there."""
    import numpy as np

    if b"'descr': [" not in data[:_HEADER_BYTES]:
        return data
    records = np.load(io.BytesIO(data), allow_pickle=False)
    clean = np.zeros(records.shape, dtype=records.dtype)
    for name in records.dtype.names or ():
        clean[name] = records[name]
    buffer = io.BytesIO()
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()


def _write(packed: ZipFile, name: str, data: bytes) -> None:
    info = ZipInfo(name, _MADE)
    info.external_attr = 0o644 << 16
    # What shrinks beyond belief is kept as it is: it would look like a bomb when it is read (the
    # coefficients of a sparse model are mostly zeros).
    sample = data[:_SAMPLE]
    believed = len(zlib.compress(sample, 1)) * _EXPANDED_RATIO > 2 * len(sample)
    info.compress_type = ZIP_DEFLATED if believed or len(data) < _SMALL else ZIP_STORED
    packed.writestr(info, data, compresslevel=6)


@contextmanager
def _broken_as_corrupt(what: str) -> Iterator[None]:
    try:
        yield
    except (
        BadZipFile,
        EOFError,
        NotImplementedError,
        OverflowError,
        RuntimeError,
        UnicodeError,
        struct.error,
        zlib.error,
    ) as error:
        if isinstance(error, RecursionError):
            raise Corrupt(f"{what} is nested too deeply to be read.") from None
        said = str(error).rstrip(".") or type(error).__name__
        raise Corrupt(f"{what} is damaged or no archive: {said[:200]}.") from None


def _check_members(infos: list[ZipInfo], size: int, what: str, named: Any) -> None:
    if len(infos) > _MEMBERS:
        raise Corrupt(f"{what} has {len(infos):,} members: more than {_MEMBERS:,}.")
    most = min(max(_EXPANDED_FLOOR, _EXPANDED_RATIO * size), _EXPANDED_MOST)
    expanded, seen, end = 0, set(), 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if not named(info.filename):
            raise Corrupt(f"{what} has a member with the name {info.filename[:200]!r}.")
        if info.filename in seen:
            raise Corrupt(f"{what} has two members {info.filename}.")
        seen.add(info.filename)
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or info.flag_bits & 0x1:
            raise Corrupt(f"{what}: member {info.filename} is encrypted or strangely packed.")
        expanded += info.file_size
        if expanded > most:
            raise Corrupt(
                f"{what} would unpack to more than {most:,} bytes from {size:,}: it is refused as "
                "a bomb."
            )
        # Members that share bytes make a small file large without any of them looking so.
        if info.header_offset < end:
            raise Corrupt(f"{what}: member {info.filename} overlaps another one.")
        end = info.header_offset + info.compress_size + 30 + len(info.filename.encode())


def _check_header(archive: ZipFile, info: ZipInfo, what: str) -> tuple[int, ...]:
    from numpy.lib import format as npy

    if not info.file_size:
        raise Corrupt(f"{what} is empty.")
    with archive.open(info) as file:
        head = io.BytesIO(file.read(_HEADER_BYTES + 16))
    try:
        version = npy.read_magic(head)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version}")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(head, max_header_size=_HEADER_BYTES)
    except (
        KeyError,
        MemoryError,
        OverflowError,
        RecursionError,
        SyntaxError,
        TokenError,
        TypeError,
        ValueError,
    ) as error:
        said = str(error).partition("\n")[0]
        raise Corrupt(f"{what} is no array: {said[:200]}.") from None
    count = 1
    for length in shape:
        if length < 0:
            raise Corrupt(f"{what} has a negative length.")
        count *= length
    if not _plain(dtype):
        raise Corrupt(f"{what} has the type {str(dtype)[:100]}, which holds more than numbers.")
    if head.tell() + count * dtype.itemsize != info.file_size:
        raise Corrupt(
            f"{what} says {count:,} values of {dtype.itemsize} bytes; the file has "
            f"{info.file_size - head.tell():,} bytes."
        )
    return tuple(shape)


def _plain(dtype: Any) -> bool:
    if dtype.fields:
        return all(_plain(field[0]) for field in dtype.fields.values())
    return dtype.subdtype is None and dtype.kind in _NUMBERS


def _depth(data: bytes) -> int:
    """How deep brackets lie in each other, without parsing."""
    import numpy as np

    codes = np.frombuffer(_STRING.sub(b"", data), dtype=np.uint8)
    steps = np.zeros(256, dtype=np.int8)
    steps[[ord("["), ord("{")]] = 1
    steps[[ord("]"), ord("}")]] = -1
    moves = steps[codes]
    moves = moves[moves != 0]
    return int(np.cumsum(moves, dtype=np.int64).max(initial=0))
