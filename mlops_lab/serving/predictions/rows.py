"""Requests as record batches: many at once, and one by one when something in them is odd."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.serving.predictions.columns import FIXED, Columns, array_names, arrow_type, fit

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_lab.serving.predictions.writing import Batch

__all__ = ["Encoded", "encode"]

logger = logging.getLogger(__name__)

_MOST_CLASSES: Final = 100
"""Probabilities of more classes are one column of lists."""

_FACTS: Final = (
    "request_id",
    "model",
    "version",
    "revision",
    "role",
    "rollout",
    "unit",
    "latency_ms",
    "status",
    "error",
)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows as bytes of an Arrow stream.

    Attributes
    ----------
    data, schema
        The message of the rows, and that of their columns, which comes first in a file.
    columns
        How many columns they are; a log's columns only grow, so this names them.
    rows
        How many rows.
    unfit
        Values that did not fit.
    lost
        Rows that could not be kept at all.
    """

    data: bytes
    schema: bytes
    columns: int
    rows: int
    unfit: int = 0
    lost: int = 0


def encode(batches: Sequence[Batch], columns: Columns) -> list[Encoded]:
    """Make record batches of answered requests; it never raises.

    Parameters
    ----------
    batches
        In any order; those of equal columns become one record batch.
    columns
        Of the log; new ones are added to it.
    """
    groups: dict[Any, list[Batch]] = {}
    for batch in batches:
        groups.setdefault(_likeness(batch), []).append(batch)
    made: list[tuple[pa.RecordBatch, int, int]] = []
    lost = 0
    for group in groups.values():
        try:
            made.append(_together(group, columns))
        except Exception:
            logger.exception("%d requests are logged one by one", len(group))
            for batch in group:
                lost += _alone(batch, columns, made)
    return _as_messages(made, columns, lost)


def _alone(batch: Batch, columns: Columns, made: list[tuple[pa.RecordBatch, int, int]]) -> int:
    """One request; without its values when they cannot be kept. Gives the rows that are lost."""
    from dataclasses import replace

    try:
        made.append(_together([batch], columns))
    except Exception as error:  # noqa: BLE001 - what it was stands in the log itself
        said = f"It could not be logged whole: {type(error).__name__}."
        bare = replace(batch, frame=None, columns=None, extra=None, error=batch.error or said)
        try:
            made.append(_together([bare], columns))
        except Exception:
            logger.exception("a request of %d rows could not be logged", batch.rows)
            return batch.rows
        return batch.rows - 1
    return 0


def _as_messages(
    made: Sequence[tuple[pa.RecordBatch, int, int]], columns: Columns, lost: int
) -> list[Encoded]:
    """The stream's messages, all with the columns as they are at the end."""
    import pyarrow as pa

    schema = columns.schema()
    head = schema.serialize().to_pybytes()
    found: list[Encoded] = []
    for batch, rows, unfit in made:
        arrays = [
            batch.column(name) if name in batch.schema.names else pa.nulls(rows, schema[i].type)
            for i, name in enumerate(schema.names)
        ]
        data = pa.RecordBatch.from_arrays(arrays, schema=schema).serialize().to_pybytes()
        found.append(Encoded(data, head, len(schema.names), rows, unfit))
    if lost:
        found.append(Encoded(b"", head, len(schema.names), 0, 0, lost))
    return found


def _likeness(batch: Batch) -> Any:
    """What requests have in common that can be joined."""
    given = batch.frame
    names: Any = None
    if hasattr(given, "iloc"):
        names = tuple(given.columns)
    elif given is not None:
        table = _table_of(given)
        names = tuple(table) if table is not None else _array_of(given).shape[1:]
    return names, tuple(batch.columns or ()), batch.classes, tuple(batch.extra or ())


def _table_of(given: Any) -> Mapping[Any, Any] | None:
    """The inputs by their names; None when they are one array."""
    if isinstance(given, Mapping):
        return given
    columns = getattr(given, "columns", None)
    return columns if isinstance(columns, Mapping) else None


def _array_of(given: Any) -> Any:
    import numpy as np

    return np.asarray(getattr(given, "array", given))


def _together(group: Sequence[Batch], columns: Columns) -> tuple[pa.RecordBatch, int, int]:
    """One record batch, its rows, and how many values did not fit."""
    import pyarrow as pa

    counts = [batch.rows for batch in group]
    rows = sum(counts)
    arrays = _facts(group, counts)
    unfit: list[dict[str, str] | None] = [None] * rows

    def keep(name: str | None, values: Any) -> None:
        if name is None:
            return
        arrays[name], odd = fit(values, columns.kinds[name])
        for place, text in odd.items():
            unfit[place] = {**(unfit[place] or {}), name: text}

    for name, values in _inputs(group, counts):
        keep(columns.input(name, values), values)
    for name in group[0].extra or ():
        values = _joined([(batch.extra or {})[name] for batch in group], counts, name)
        keep(columns.key(name, values), values)
    for name, values in _outputs(group, counts):
        keep(columns.output(name, values), values)
    odd = sum(len(one) for one in unfit if one)
    told = [None if not one else json.dumps(one, ensure_ascii=False) for one in unfit]
    arrays["unfit"] = pa.array(told, type=pa.string())
    return pa.RecordBatch.from_pydict(arrays), rows, odd


def _facts(group: Sequence[Batch], counts: list[int]) -> dict[str, pa.Array]:
    """The columns that say who answered, when, and how."""
    import pyarrow as pa

    def each(values: Iterable[Any], name: str) -> pa.Array:
        kind = FIXED[name]
        found, _ = fit(list(values), kind)
        return found if single else found.take(place)

    single = all(count == 1 for count in counts)
    place = pa.array([i for i, count in enumerate(counts) for _ in range(count)], type=pa.int64())
    facts = {name: each((getattr(batch, name) for batch in group), name) for name in _FACTS}
    times = pa.array([batch.t for batch in group], type=pa.int64()).cast(arrow_type("time"))
    ids = [
        f"{batch.request_id}-{i}"
        for batch, count in zip(group, counts, strict=True)
        for i in range(count)
    ]
    return {
        "prediction_id": fit(ids, "text")[0],
        "t": times if single else times.take(place),
        **facts,
    }


def _inputs(group: Sequence[Batch], counts: list[int]) -> Iterable[tuple[object, Any]]:
    if group[0].frame is None:
        return
    if hasattr(group[0].frame, "iloc"):
        import pandas as pd

        frames = [batch.frame for batch in group]
        frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
        for i, name in enumerate(frame.columns):
            yield name, frame.iloc[:, i]
        return
    tables = [_table_of(batch.frame) for batch in group]
    first = tables[0]
    if first is not None:
        for name in first:
            yield name, _joined([(table or {})[name] for table in tables], counts, name)
        return
    array = _joined([_array_of(batch.frame) for batch in group], counts, "the input")
    if array.ndim == 1:
        yield array_names(1)[0], array
        return
    array = array.reshape(len(array), -1)
    names = array_names(array.shape[1])
    for i, name in enumerate(names):
        yield name, array[:, i]
    if not names:
        yield "x", array


def _outputs(group: Sequence[Batch], counts: list[int]) -> Iterable[tuple[str, Any]]:
    for name in group[0].columns or ():
        values = _joined([(batch.columns or {})[name] for batch in group], counts, name)
        if getattr(values, "ndim", 1) == 1:
            yield name, values
            continue
        values = values.reshape(len(values), -1)
        names = group[0].classes or tuple(str(i) for i in range(values.shape[1]))
        if len(names) != values.shape[1] or len(names) > _MOST_CLASSES:
            yield name, values
            continue
        for i, each in enumerate(names):
            yield f"{name}_{each}", values[:, i]


def _joined(parts: Sequence[Any], counts: list[int], name: object) -> Any:
    """The values of several requests as one; exact, also where their types differ.

    Raises
    ------
    ValueError
        They are not as many as the rows.
    """
    import numpy as np

    if list(map(len, parts)) != counts:
        wrong = next(i for i, part in enumerate(parts) if len(part) != counts[i])
        raise ValueError(f"{len(parts[wrong])} values of {name} for {counts[wrong]} rows")
    if len(parts) == 1:
        return parts[0]
    if set(map(type, parts)) == {np.ndarray} and len({part.dtype for part in parts}) == 1:
        return np.concatenate(parts)
    # Whole numbers beside such with missing ones: as floats the large would be others.
    found: list[Any] = []
    for part in parts:
        found += part.tolist() if hasattr(part, "tolist") else part
    return found
