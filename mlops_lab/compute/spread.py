"""How the values of numbers and times are spread: moments, quantiles, histogram."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlops_lab.compute.bins import number_edges, time_edges
from mlops_lab.compute.column import QUANTILES, ColumnProfile, Histogram
from mlops_lab.compute.engine import Engine
from mlops_lab.compute.stacked import ask, stacks
from mlops_lab.compute.types import INTEGERS, ZONED, finite, json_number, time_text

__all__ = ["SELECT_ROWS", "spread_of_numbers", "spread_of_time"]

SELECT_ROWS = 30_000_000
"""Quantiles are selected exactly up to here (240 MB of doubles), above estimated (t-digest)."""

_TOGETHER = 100
"""Histograms of so many columns are one query."""


def spread_of_numbers(
    engine: Engine, columns: Mapping[str, ColumnProfile], rows: int
) -> dict[str, ColumnProfile]:
    """Complete the profiles of columns of numbers that have finite values.

    Parameters
    ----------
    engine
        Where the table ``chunk`` is.
    columns
        By name in the chunk the profiles so far, which have `min` and `max`.
    rows
        Of the chunk.
    """
    measured: dict[str, tuple[ColumnProfile, list[float] | None]] = {}
    for kind, names, relation in stacks({name: columns[name].type for name in columns}, rows):
        measured |= _moments(engine, {name: columns[name] for name in names}, relation, kind)
    found: dict[str, ColumnProfile] = {}
    listed = list(measured.items())
    for i in range(0, len(listed), _TOGETHER):
        some = listed[i : i + _TOGETHER]
        asked = [(f"{name}::double", _where(name, base), edges) for name, (base, edges) in some]
        for (name, (base, _)), histogram in zip(some, _histograms(engine, asked), strict=True):
            found[name] = replace(base, histogram=histogram)
    return found


def _moments(
    engine: Engine, columns: Mapping[str, ColumnProfile], relation: str, kind: str
) -> dict[str, tuple[ColumnProfile, list[float] | None]]:
    """Mean, deviation and quantiles of columns of one type, and edges for their histograms."""
    # Of values that are at most 1: the square of a large double would be too large for one.
    ends = [(abs(float(one.min or 0)), abs(float(one.max or 0))) for one in columns.values()]
    scales = [max(pair) or 1.0 for pair in ends]
    scale = repr(scales[0]) if len(scales) == 1 else f"({_doubles(scales)})[i + 1]"
    scaled = f"v::double / {scale}"
    quantiles = _quantiles("v", max(one.count for one in columns.values()))
    finite_only = any(one.not_finite for one in columns.values())
    values = ask(
        engine,
        [f"favg({scaled})", f"stddev_samp({scaled})", quantiles],
        list(columns),
        f"{relation} where {finite('v', kind)}" if finite_only else relation,
    )
    found = {}
    for (name, base), factor in zip(columns.items(), scales, strict=True):
        mean, std, selected = values[name]
        named = dict(zip(QUANTILES, selected, strict=True))
        edges = number_edges(
            float(base.min or 0),
            float(base.max or 0),
            low=float(named["p1"]),
            high=float(named["p99"]),
            whole=kind in INTEGERS,
        )
        complete = replace(
            base,
            mean=_rounded(mean * factor, 12),
            std=None if std is None else _rounded(std * factor, 10),
            quantiles={key: json_number(one, kind) for key, one in named.items()},
        )
        found[name] = (complete, edges)
    return found


def spread_of_time(engine: Engine, name: str, base: ColumnProfile) -> ColumnProfile:
    """Complete the profile of a column of times that has finite values."""
    there, seconds = finite(name, base.type), _seconds(name, base.type)
    least, most, low, high, quantiles = engine.row(
        "select min(s), max(s), quantile_disc(s, 0.01), quantile_disc(s, 0.99), "
        f"list_transform({_quantiles('c', base.count)}, lambda one: one::varchar) "
        f"from (select {name} as c, {seconds} as s from chunk where {there})"
    )
    unit = 86_400.0 if base.type == "DATE" else 1.0
    edges = time_edges(least, most, low=low, high=high, unit=unit)
    (histogram,) = _histograms(engine, [(seconds, f" filter ({there})", edges)])
    if histogram is not None:
        histogram = Histogram(tuple(_time_labels(engine, edges, base.type)), histogram.counts)
    told = {key: time_text(one, base.type) for key, one in zip(QUANTILES, quantiles, strict=True)}
    return replace(base, quantiles=told, histogram=histogram)


def _time_labels(engine: Engine, edges: Sequence[float], kind: str) -> list[str]:
    rows = engine.rows(
        "select (make_timestamp(round(unnest($1) * 1e6)::bigint))::varchar", [list(edges)]
    )
    labels = [str(row[0]) for row in rows]
    if kind in ("TIME", "TIME_NS"):
        hours = [label.partition(" ")[2] for label in labels]
        return [*hours[:-1], "24:00:00" if hours[-1] == "00:00:00" else hours[-1]]
    zone = "+00" if kind == ZONED else ""
    return [time_text(f"{label}{zone}", kind) for label in labels]


def _seconds(name: str, kind: str) -> str:
    if kind in ("TIME", "TIME_NS"):
        return f"epoch({name}::time)::double"
    if kind == "TIMESTAMP_NS":
        return f"epoch_ns({name})::double / 1e9"
    if kind == "DATE":
        return f"epoch({name})::double"
    return f"epoch_us({name}::{'timestamptz' if kind == ZONED else 'timestamp'})::double / 1e6"


def _quantiles(value: str, count: int) -> str:
    wanted = ", ".join(map(str, QUANTILES.values()))
    if count > SELECT_ROWS:
        return f"approx_quantile({value}, [{wanted}])"
    return f"quantile_disc({value}, [{wanted}])"


def _histograms(
    engine: Engine, asked: Sequence[tuple[str, str, Sequence[float] | None]]
) -> list[Histogram | None]:
    """Counts between edges, for several columns in one query."""
    wanted = [
        # DuckDB's bins have their upper edge; of the negated values that is the lower one.
        f"histogram(-({value}), {_doubles([-edge for edge in edges[-2::-1]])}){where}"
        for value, where, edges in asked
        if edges is not None
    ]
    answers = iter(engine.row(f"select {', '.join(wanted)} from chunk") if wanted else ())
    found: list[Histogram | None] = []
    for _, _, edges in asked:
        if edges is None:
            found.append(None)
            continue
        counts = next(answers)
        found.append(Histogram(tuple(edges), tuple(counts[-edge] for edge in edges[:-1])))
    return found


def _doubles(values: Sequence[float]) -> str:
    """A list in SQL, as one text: literals one by one take five times as long to plan."""
    return f"'{list(map(float, values))}'::double[]"


def _where(name: str, base: ColumnProfile) -> str:
    """Leave out what is not finite, where there is any; aggregates ignore what is missing."""
    return f" filter ({finite(name, base.type)})" if base.not_finite else ""


def _rounded(value: float, digits: int) -> float | None:
    """To so many digits that adding in another order gives the same."""
    return float(f"{value:.{digits - 1}e}") if math.isfinite(value) else None
