"""Counting scores: one pass over the rows, in which every grouping is counted at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlops_lab.compute.chunks import Chunking, Placed, place
from mlops_lab.compute.engine import Engine, open_engine
from mlops_lab.compute.isotonic import Curve
from mlops_lab.compute.score_columns import (
    NOTHING,
    column_named,
    finite_number,
    label_text,
    segment_text,
)
from mlops_lab.compute.score_counts import NO_BIN, NO_LABEL, POINT
from mlops_lab.compute.score_cube import KEYS, ScoreCube, added
from mlops_lab.compute.score_grid import Bands, ScoreGrid
from mlops_lab.compute.source import Source
from mlops_lab.compute.types import kind_of_type
from mlops_lab.errors import InvalidInput

__all__ = ["count_scores"]

EPSILON: Final = 2.0**-52
"""Scores are kept so far from 0 and 1 in a logarithm, as scikit-learn does with doubles."""

_FAR: Final = 1024.0
"""What is further away than so many units counts as that far: one value must not end all sums."""

_FAR_FOURTH: Final = 32.0
"""The same for fourth powers, of which only the width of an interval depends."""

_ROWS: Final = "t."
"""The alias of the rows: tables of chunks beside it have columns of their own."""

STRANGE: Final = -2
"""A label that is none of the grid's, while it is counted."""


def count_scores(
    source: Any,
    grid: ScoreGrid,
    *,
    chunking: Chunking | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ScoreCube:
    """Count data by chunk, segment, score bin, label and answer.

    Parameters
    ----------
    source
        A `Source`, or whatever `Source.of` takes. A column of the target that is not there is one
        without any label yet.
    grid
        Of the reference: see `fit_scores`.
    chunking
        How it is cut over time; None is one chunk of all.
    progress
        Called with pieces done and of all.

    Returns
    -------
    ScoreCube
        The same for the same rows in any order and from any format.

    Raises
    ------
    InvalidInput
        The column of the score, prediction or a segment is not there, or of another type.
    """
    given = Source.of(source)
    with open_engine() as engine, given.reading():
        view = given.view(engine)
        types = dict(engine.columns(view))
        placed = place(engine, view, types, chunking or Chunking())
        if progress is not None:
            progress(1, 2)
        cube = _Counting(engine, placed, types, given.told, grid).count()
        if progress is not None:
            progress(2, 2)
    return cube


@dataclass(frozen=True, slots=True)
class _Counting:
    """One pass over the rows for all groupings."""

    engine: Engine
    placed: Placed
    types: Mapping[str, str]
    told: str
    grid: ScoreGrid

    def count(self) -> ScoreCube:
        import numpy as np

        self._keep_labels()
        query = self._query()
        found = self.engine.run(lambda: self.engine.connection.execute(query).fetchnumpy())
        arrays = {name: np.asarray(values).astype(np.int64) for name, values in found.items()}
        strange = arrays["label"] == STRANGE
        named = self._strange() if strange.any() else {}
        arrays["label"][strange] = NO_LABEL
        cells, sums = added(
            {key: arrays[key] for key in (*KEYS, "n")},
            {name: arrays[f"sum_{name}"] for name in self._sums()},
        )
        return ScoreCube(self.grid, self.placed.chunks, cells, sums, self.placed.undated, named)

    def _strange(self) -> dict[str, int]:
        rows = self.engine.rows(
            f"select label, count(*) as n from (select {self._text('target', self.grid.target)} "
            f"as label from {self.placed.table}) where label is not null "
            "and label not in (select value from labels) group by label order by n desc, label "
            "limit 5"
        )
        return {str(label): int(n) for label, n in rows}

    def _keep_labels(self) -> None:
        """Make the small tables that give labels, segments and score bins their numbers."""
        import pyarrow as pa

        tables: dict[str, dict[str, Any]] = {
            "labels": _numbered(self.grid.labels),
            **{f"values{i}": _numbered(one.values) for i, one in enumerate(self.grid.segments)},
        }
        edges = self.grid.edges
        # Of points: below the first value is bin 0, a value has an odd bin, what follows an even.
        places = range(0, 2 * len(edges) + 1, 2) if self.grid.points else range(len(edges) + 1)
        tables["bins"] = {
            "edge": pa.array([float("-inf"), *edges], pa.float64()),
            "bin": pa.array(places, pa.int32()),
        }
        if self.grid.curve is not None:
            tables["knots"] = _pieces(self.grid.curve)
        for name, columns in tables.items():
            self.engine.connection.register(f"{name} arrow", pa.table(columns))
            self.engine.execute(f'create temp table {name} as from "{name} arrow"')

    def _query(self) -> str:
        grid = self.grid
        segments = [f"s{i}" for i in range(len(grid.segments))]
        sets = ", ".join(
            "("
            + ", ".join(
                [
                    "chunk",
                    ("bin", "shown", "together")[len(columns)],
                    "label",
                    "answer",
                    *(segments[one] for one in columns),
                ]
            )
            + ")"
            for columns in grid.groupings
        )
        marks = ["bin", *(["shown", *segments] if segments else [])]
        which = f"grouping({', '.join(marks)})"
        numbers = " ".join(
            f"when {self._mask(columns)} then {i}" for i, columns in enumerate(grid.groupings)
        )
        bins = ("bin", "shown", "together")[: 1 + max(map(len, grid.groupings))]
        first, second = (self._column(place, which) for place in (0, 1))
        sums = ", ".join(
            f"cast(sum({value}) as bigint) as sum_{name}" for name, value in self._sums().items()
        )
        return (
            f"select chunk, case {which} {numbers} end as grouping, {first} as first, "
            f"{second} as second, coalesce({', '.join(bins)}, {NO_BIN}) as bin, label, answer, "
            f"count(*) as n, {sums} from ({self._coded()}) "
            f"where chunk is not null group by grouping sets ({sets})"
        )

    def _mask(self, columns: Sequence[int]) -> int:
        """What GROUPING() says of a set: a bit is 1 where the column is not in it."""
        bits = [len(columns) != 0, *([len(columns) != 1] if self.grid.segments else [])]
        bits += [i not in columns for i in range(len(self.grid.segments))]
        return int("".join(str(int(bit)) for bit in bits), 2)

    def _column(self, place: int, which: str) -> str:
        """The number of the first or the second column's value in each set."""
        chosen = " ".join(
            f"when {self._mask(columns)} then s{columns[place]}"
            for columns in self.grid.groupings
            if len(columns) > place
        )
        return f"coalesce(case {which} {chosen} end, 0)" if chosen else "0"

    def _sums(self) -> dict[str, str]:
        """What is summed, by name, as whole numbers in SQL."""
        unit = self.grid.unit
        score = _kept(f"score / {unit!r}", _FAR)
        if self.grid.task == "regression":
            error = _kept(f"error / {unit!r}", _FAR)
            values = {
                "score": score,
                "error": error,
                "absolute": f"abs({error})",
                "square": f"pow({error}, 2)",
                "fourth": f"pow({_kept(f'error / {unit!r}', _FAR_FOURTH)}, 4)",
            }
        else:
            values = {"score": score, "square": f"pow({score}, 2)"}
            if self.grid.task == "binary" and self.grid.probability:
                near = f"least(greatest(score, {EPSILON!r}), 1 - {EPSILON!r})"
                values |= {
                    "log_one": f"-ln({near})",
                    "log_zero": f"-ln(1 - {near})",
                    "outside": "cast(score < 0 or score > 1 as double)",
                }
            if self.grid.curve is not None:
                values["expected"] = "expected"
        there = "error" if self.grid.task == "regression" else "score"
        return {
            name: f"cast(case when {'score' if name == 'score' else there} is null then 0 "
            f"else round(({value}) * {2.0 ** POINT[name]!r}) end as bigint)"
            for name, value in values.items()
        }

    def _coded(self) -> str:
        """The rows with everything as numbers."""
        grid = self.grid
        columns, joins = [], []
        plain = [
            f"{self.placed.expression} as chunk",
            f"{self._number('score', grid.score)} as score",
            f"{self._text('target', grid.target)} as label",
            f"{self._text('prediction', grid.prediction)} as answer",
            f"{self._error()} as error",
        ]
        for i, bands in enumerate(grid.segments):
            name = column_named(bands.column, "segment", self.types, self.told)
            value = (
                finite_number(name, _ROWS)
                if bands.edges
                else segment_text(name, self.types[name], _ROWS)
            )
            plain.append(f"{value} as s{i}")
            columns.append(f"{_band(bands, i)} as s{i}")
            if not bands.edges:
                joins.append(f"left join values{i} on r.s{i} = values{i}.value")
        columns += self._answers()
        joins.append("left join labels on r.label = labels.value")
        joins.append("left join labels as answers on r.answer = answers.value")
        if grid.score is None:
            bin = "0"
        elif grid.even:
            last = grid.bins - 1
            found = f"cast(least(greatest(floor(r.score * {grid.bins}), 0), {last}) as integer)"
            # Of a missing value DuckDB's `greatest` is the other one.
            bin = f"(case when r.score is not null then {found} end)"
        else:
            joins.append("asof left join bins on r.score >= bins.edge")
            bin = f"(bins.bin{' - cast(r.score = bins.edge as integer)' if grid.points else ''})"
        if grid.curve is not None:
            joins.append("asof left join knots on r.score >= knots.score")
            columns.append("(knots.share + (r.score - knots.start) * knots.slope) as expected")
        columns += ["r.chunk", "r.score", f"{bin} as bin", "r.error"]
        inner = (
            f"select {', '.join(columns)} from (select {', '.join(plain)} "
            f"from {self.placed.table}{self.placed.joins}) as r {' '.join(joins)}"
        )
        shown = _shown_bin(grid.coarse.tolist())
        return f"select *, {shown} as shown, cast(bin * 0 as integer) as together from ({inner})"

    def _number(self, role: str, name: str | None) -> str:
        if name is None:
            return "null::double"
        name = column_named(name, role, self.types, self.told)
        if self.types[name] == NOTHING:
            return "null::double"
        if kind_of_type(self.types[name]) not in ("number", "boolean"):
            raise InvalidInput(
                f"The {role} {name} of {self.told} is {self.types[name]}; in the reference it is "
                "numbers."
            )
        return finite_number(name, _ROWS)

    def _text(self, role: str, name: str | None) -> str:
        """The label of a row as text; of a regression whether there is one."""
        if name is None or self.grid.task == "regression" or self._awaits(role, name):
            return "null::varchar"
        name = column_named(name, role, self.types, self.told)
        return label_text(name, self.types[name], role, _ROWS)

    def _error(self) -> str:
        """Of a regression: the answer less what came."""
        target = self.grid.target
        if self.grid.task != "regression" or target is None or self._awaits("target", target):
            return "null::double"
        return f"{self._number('prediction', self.grid.score)} - {self._number('target', target)}"

    def _awaits(self, role: str, name: str) -> bool:
        """Whether no label came yet, so that there is no column of them."""
        return role == "target" and name.casefold() not in {one.casefold() for one in self.types}

    def _answers(self) -> list[str]:
        """Label and answer by number."""
        grid = self.grid
        if grid.task == "regression":
            label = f"case when r.error is null then {NO_LABEL} else 0 end"
            return [f"{label} as label", f"{NO_LABEL} as answer"]
        label = (
            f"case when r.label is null then {NO_LABEL} else coalesce(labels.number, {STRANGE}) end"
        )
        if grid.prediction is not None and grid.task == "multiclass":
            # An answer that is none of the labels is wrong, whichever one came.
            known = f"coalesce(answers.number, {len(grid.labels)})"
            answer = f"case when r.answer is null then {NO_LABEL} else {known} end"
        elif grid.prediction is not None:
            answer = f"coalesce(answers.number, {NO_LABEL})"
        elif grid.task == "binary":
            answer = f"coalesce(cast(r.score >= {grid.threshold!r} as integer), {NO_LABEL})"
        else:
            answer = f"{NO_LABEL}"
        return [f"{label} as label", f"{answer} as answer"]


def _numbered(values: Sequence[str]) -> dict[str, Any]:
    import pyarrow as pa

    return {
        "value": pa.array(values, pa.string()),
        "number": pa.array(range(len(values)), pa.int32()),
    }


def _pieces(curve: Curve) -> dict[str, Any]:
    """The straight pieces of a curve: from which score on, its share there, its slope."""
    import numpy as np

    x, y = np.array(curve.scores), np.array(curve.shares)
    return {
        "score": np.r_[-np.inf, x],
        "start": np.r_[x[0], x],
        "share": np.r_[y[0], y],
        "slope": np.r_[0.0, np.diff(y) / np.diff(x), 0.0],
    }


def _band(bands: Bands, i: int) -> str:
    """The number of a row's segment in SQL; the last two are *other* and *missing*."""
    size = len(bands.told)
    if bands.edges:
        chosen = " ".join(_cases(bands, f"r.s{i}"))
        return f"case when r.s{i} is null then {size - 1} {chosen} else {len(bands.edges)} end"
    return (
        f"case when r.s{i} is null then {size - 1} else coalesce(values{i}.number, {size - 2}) end"
    )


def _kept(value: str, far: float) -> str:
    """A number in SQL, kept within so many units of 0."""
    return f"greatest(least({value}, {far!r}), {-far!r})"


def _shown_bin(numbers: Sequence[int]) -> str:
    """The shown bin of a score bin in SQL: as arithmetic where it is some."""
    step = len(numbers) // max(numbers[-1] + 1, 1)
    if step and all(number == i // step for i, number in enumerate(numbers)):
        return f"bin // {step}"
    listed = ", ".join(map(str, numbers))
    return f"([{listed}])[bin + 1]"


def _cases(bands: Bands, value: str) -> Iterator[str]:
    """The parts of a CASE that gives the number of the band of a number in SQL."""
    for i, edge in enumerate(bands.edges):
        yield f"when {value} < {edge!r} then {i}"
