"""How the values of numbers and times are spread: moments, quantiles, histogram."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlops_lab.compute.bins import number_edges, time_edges
from mlops_lab.compute.column import QUANTILES, ColumnProfile, Histogram
from mlops_lab.compute.engine import Engine
from mlops_lab.compute.types import INTEGERS, ZONED, finite, json_number, time_text

__all__ = ["SELECT_ROWS", "TOGETHER", "spread_of_numbers", "spread_of_time"]

SELECT_ROWS = 30_000_000
"""Quantiles are selected exactly up to here (240 MB of doubles), above estimated (t-digest)."""

TOGETHER = 20
"""So many columns are asked about in one query: planning it costs more than twice as much for twice
as many."""

_SELECTED = 8_000_000
"""Values that are selected from at once; each stays in memory for it."""


def spread_of_numbers(
    engine: Engine, columns: Sequence[tuple[str, ColumnProfile]], rows: int
) -> Iterator[ColumnProfile]:
    """Complete the profiles of columns of numbers that have finite values.

    Parameters
    ----------
    engine
        Where the table ``chunk`` is.
    columns
        Names in the chunk with the profiles so far, which have `min` and `max`.
    rows
        Of the chunk.
    """
    size = max(1, min(TOGETHER, _SELECTED // max(rows, 1)))
    for i in range(0, len(columns), size):
        yield from _numbers(engine, columns[i : i + size])


def _numbers(
    engine: Engine, columns: Sequence[tuple[str, ColumnProfile]]
) -> Iterator[ColumnProfile]:
    wanted: list[str] = []
    scales: list[float] = []
    for name, base in columns:
        # Of values that are at most 1: the square of a large double would be too large for one.
        scales.append(max(abs(float(base.min or 0)), abs(float(base.max or 0))) or 1.0)
        scaled, where = f"{name}::double / {scales[-1]!r}", _where(name, base)
        wanted += [
            f"favg({scaled}){where}",
            f"stddev_samp({scaled}){where}",
            f"{_quantiles(name, base.count)}{where}",
        ]
    values = engine.row(f"select {', '.join(wanted)} from chunk")
    measured: list[ColumnProfile] = []
    all_edges: list[list[float] | None] = []
    for i, (_, base) in enumerate(columns):
        mean, std, quantiles = values[3 * i : 3 * i + 3]
        named = dict(zip(QUANTILES, quantiles, strict=True))
        measured.append(
            replace(
                base,
                mean=_rounded(mean * scales[i], 12),
                std=None if std is None else _rounded(std * scales[i], 10),
                quantiles={key: json_number(one, base.type) for key, one in named.items()},
            )
        )
        all_edges.append(
            number_edges(
                float(base.min or 0),
                float(base.max or 0),
                low=float(named["p1"]),
                high=float(named["p99"]),
                whole=base.type in INTEGERS,
            )
        )
    asked = [
        (f"{name}::double", _where(name, base), edges)
        for (name, base), edges in zip(columns, all_edges, strict=True)
    ]
    for one, histogram in zip(measured, _histograms(engine, asked), strict=True):
        yield replace(one, histogram=histogram)


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
        f"histogram(-({value}), [{', '.join(f'{-edge!r}::double' for edge in edges[-2::-1])}])"
        f"{where}"
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


def _where(name: str, base: ColumnProfile) -> str:
    """Leave out what is not finite, where there is any; aggregates ignore what is missing."""
    return f" filter ({finite(name, base.type)})" if base.not_finite else ""


def _rounded(value: float, digits: int) -> float | None:
    """To so many digits that adding in another order gives the same."""
    return float(f"{value:.{digits - 1}e}") if math.isfinite(value) else None
