"""Learning on reference data how scores and outcomes are counted: labels, score bins, segments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mlops_lab.compute.engine import Engine, open_engine
from mlops_lab.compute.isotonic import Curve, isotonic
from mlops_lab.compute.score_columns import (
    NOTHING,
    column_named,
    finite_number,
    label_of,
    label_text,
    segment_text,
)
from mlops_lab.compute.score_grid import SHOWN_BINS, Bands, ScoreGrid, Task, even_edges
from mlops_lab.compute.source import Source
from mlops_lab.compute.types import kind_of_type
from mlops_lab.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

__all__ = ["fit_scores"]

MOST_CLASSES: Final = 50
"""Labels of more values than this are no classes."""

MOST_VALUES: Final = 50
"""A segment column with more different values keeps the most frequent, and one for the rest."""

BANDS: Final = 4
"""Into so many parts, about equally filled, is a number cut to be a segment."""

_SPREAD: Final = 200
"""If the score fills fewer bins of equal width than this, the bins follow its distribution."""

_MOST_SCORES: Final = 250_000
"""A curve is learnt on each single score while they are not more; else on so many bins."""

_FINE: Final = 1 << 16
"""Bins among which edges are chosen; counting them does not depend on the order of rows."""

_LARGEST: Final = 1e70
"""The fourth power of a larger number is none."""

_NATURAL: Final = ({"0", "1"}, {"-1", "1"})
"""Labels that say by themselves which one is positive: the 1."""


def fit_scores(
    source: Any,
    *,
    score: str | None = None,
    target: str | None = None,
    prediction: str | None = None,
    positive: str | float | bool | None = None,
    task: Task | None = None,
    threshold: float = 0.5,
    segments: Sequence[str] = (),
    bins: int = 1000,
) -> ScoreGrid:
    """Learn from reference data how scores and outcomes are counted.

    Parameters
    ----------
    source
        The reference: a `Source`, or whatever `Source.of` takes.
    score
        The column of the positive label's probability; of a regression the answer.
    target
        The column of what came; a missing value is a row without a label (yet).
    prediction
        The column of the answer, a label or a number.
    positive
        Which label is the positive one; not needed for true, 1 and "true".
    task
        None is found out from the columns.
    threshold
        From which score on a row counts as predicted positive, where there is no prediction.
    segments
        Columns by which rows are counted apart, too.
    bins
        Score bins. With at most so many different scores each has a bin of its own, and every
        figure is exact.

    Raises
    ------
    InvalidInput
        A column is not there or cannot be meant; the labels are more than two and no prediction is
        given; nobody said which of two texts is the positive one.

    Examples
    --------
    >>> import pyarrow
    >>> rows = pyarrow.table({"p": [0.1, 0.7, 0.7], "y": ["no", "yes", "no"]})
    >>> fit_scores(rows, score="p", target="y", positive="yes").labels
    ('no', 'yes')
    """
    if not math.isfinite(threshold):
        raise InvalidInput(f"The threshold of the score is a number; got {threshold!r}.")
    if bins < 1:
        raise InvalidInput(f"There must be at least one bin of the score; got bins={bins!r}.")
    given = Source.of(source)
    with open_engine() as engine, given.reading():
        view = given.view(engine)
        table = _Table(engine, view, given.told, dict(engine.columns(view)))
        if score is None and prediction is None:
            raise InvalidInput(
                "Performance needs the column of the model's score or of its prediction: give "
                'score="…" or prediction="…".'
            )
        score, target, prediction = (
            None if name is None else table.name(name, role)
            for name, role in ((score, "score"), (target, "target"), (prediction, "prediction"))
        )
        if target is not None and target in (score, prediction):
            raise InvalidInput(
                f"The target and what is judged by it are one column, {target}: every answer would "
                "be right. Name the column of what came."
            )
        found, labels, told = _Labels(table, score, target, prediction, positive, task).find()
        if found == "regression":
            score, prediction = prediction or score, None
        elif found == "binary" and prediction is not None and table.has_fractions(prediction):
            if score is not None:
                raise InvalidInput(
                    f"The prediction {prediction} has fractions, which no label has: it is a score."
                )
            score, prediction = prediction, None
        edges, points, probability = _Scores(table, score, bins).find()
        shown = _shown(edges, probability)
        unit = _unit(table, found, score, target, probability)
        bands, notes = _bands(table, segments)
        curve = _curve(table, score, target, labels) if found == "binary" else None
    return ScoreGrid(
        task=found,
        score=score,
        target=target,
        prediction=prediction,
        labels=labels,
        positive=told,
        threshold=threshold,
        edges=edges,
        points=points,
        shown=shown,
        probability=probability,
        unit=unit,
        segments=bands,
        notes=notes,
        curve=curve,
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """What is looked at, and a few questions to it."""

    engine: Engine
    view: str
    told: str
    types: dict[str, str]

    def name(self, name: str, role: str) -> str:
        """The column as the table writes it."""
        return column_named(name, role, self.types, self.told)

    def number(self, name: str, role: str) -> str:
        """The column in SQL as a double; not a number is missing."""
        if self.types[name] == NOTHING:
            return "null::double"
        if kind_of_type(self.types[name]) not in ("number", "boolean"):
            raise InvalidInput(
                f"The {role} {name} is {self.types[name]}; it must be numbers"
                f"{', from 0 to 1' if role == 'score' else ''}."
            )
        return finite_number(name)

    def has_fractions(self, name: str) -> bool:
        """Whether a column is numbers that are not all whole."""
        if kind_of_type(self.types[name]) != "number":
            return False
        value = finite_number(name)
        (found,) = self.engine.row(
            f"select count(*) from {self.view} where {value} <> trunc({value})"
        )
        return int(found) > 0

    def distinct(self, expression: str, most: int) -> list[Any] | None:
        """All different values that are there, ascending; None where they are more than `most`."""
        found = self.engine.rows(
            f"select v from (select distinct {expression} as v from {self.view}) "
            f"where v is not null limit {most + 1}"
        )
        return None if len(found) > most else sorted(value for (value,) in found)

    def frequent(self, expression: str, most: int) -> list[str]:
        """The most frequent texts; the smaller one first among equals."""
        return [
            str(value)
            for value, _ in self.engine.rows(
                # Named inside: the table may have a column of its own that is called so.
                f"select v, count(*) as n from (select {expression} as v from {self.view}) "
                f"where v is not null group by v order by n desc, v limit {most}"
            )
        ]

    def fine(self, expression: str) -> tuple[Floats, Floats]:
        """The distribution of a number in fine bins: their left edges, and the rows in each.

        Whichever keeps the values better apart, bins of equal width or of equal ratio. Counts do
        not depend on the order of rows, and memory does not depend on how many there are.
        """
        import numpy as np

        low, high = self.engine.row(
            f"select min(v), max(v) from (select {expression} as v from {self.view})"
        )
        if low is None or not math.isfinite(high - low):
            return np.zeros(0), np.zeros(0)
        if max(abs(low), abs(high)) > _LARGEST:
            raise InvalidInput(
                f"Among scores or errors are numbers up to {max(abs(low), abs(high)):.1g}: these "
                "cannot be added up."
            )
        width = (high - low) / _FINE or 1.0
        ratio = 512.0
        tiny = 2.0**-40
        ways = [
            f"floor((v - ({low!r})) / {width!r})",
            f"sign(v) * floor(log2(1 + abs(v) / {tiny!r}) * {ratio!r})",
        ]
        best: tuple[float, Floats, Floats] | None = None
        for i, way in enumerate(ways):
            rows = self.engine.rows(
                f"select cast({way} as bigint) as k, count(*) "
                f"from (select {expression} as v from {self.view}) "
                "where v is not null group by k order by k"
            )
            keys, counts = np.array(rows, dtype=float).T
            edges = (
                low + keys * width
                if i == 0
                else np.sign(keys) * (np.exp2(np.abs(keys) / ratio) - 1) * tiny
            )
            filled = counts.sum() ** 2 / (counts**2).sum()
            if best is None or filled > 1.1 * best[0]:
                best = filled, edges, counts
        assert best is not None
        return best[1], best[2]


@dataclass(frozen=True, slots=True)
class _Labels:
    """Finds out what the task is, which labels there are, and which of them is positive."""

    table: _Table
    score: str | None
    target: str | None
    prediction: str | None
    positive: str | float | bool | None
    task: Task | None

    def find(self) -> tuple[Task, tuple[str, ...], str | None]:
        """The task, its labels, and what the positive one is called."""
        if self.task == "regression":
            return self._regression()
        values = self._values()
        if values is None:
            if self.task is None and self.positive is None and self._numeric(self._first):
                return self._regression()
            raise InvalidInput(
                f"The target {self._first} has more than {MOST_CLASSES} different values: these "
                "are no labels."
            )
        if self.task == "binary" or self.positive is not None or len(values) <= 2:
            if self.task == "multiclass":
                return self._classes(values)
            if not any(set(values) <= pair for pair in _NATURAL) and self._is_number(values):
                return self._regression()
            return self._binary(values)
        if self.prediction is None:
            raise InvalidInput(
                f"The target {self._first} has {len(values)} values ({_listed(values)}), a score "
                'is about two: make it two, or name the column of the answers, prediction="…".'
            )
        if self._is_number(values):
            return self._regression()
        return self._classes(values)

    @property
    def _first(self) -> str:
        """The column of the labels: without a target that of the predictions."""
        name = self.target or self.prediction or self.score
        assert name is not None
        return name

    @property
    def _is_text(self) -> bool:
        return self.target is not None and kind_of_type(self.table.types[self.target]) == "text"

    def _numeric(self, name: str | None) -> bool:
        return name is not None and kind_of_type(self.table.types[name]) == "number"

    def _values(self) -> list[str] | None:
        """The different labels; None is too many."""
        if self.target is None and self.prediction is None:
            return []
        name = self._first
        return self.table.distinct(label_text(name, self.table.types[name], "target"), MOST_CLASSES)

    def _is_number(self, values: Sequence[str]) -> bool:
        """Whether the labels are rather numbers: the answers are no whole ones."""
        if self.positive is not None or self.task is not None:
            return False
        if not (self._numeric(self._first) and self._numeric(self.prediction)):
            return False
        assert self.prediction is not None
        fractions = self.table.has_fractions(self.prediction)
        return fractions or not all(_whole(value) for value in values)

    def _regression(self) -> tuple[Task, tuple[str, ...], None]:
        self.table.number(self.prediction or self.score or "", "prediction")
        if self.target is not None:
            self.table.number(self.target, "target")
        return "regression", (), None

    def _classes(self, values: Sequence[str]) -> tuple[Task, tuple[str, ...], None]:
        if self.prediction is None:
            raise InvalidInput(
                'Several classes need the column of the model\'s answers: prediction="…".'
            )
        found: list[str] = []
        for name, role in ((self._first, "target"), (self.prediction, "prediction")):
            text = label_text(name, self.table.types[name], role)
            found += self.table.frequent(text, MOST_CLASSES)  # also what never came is answered
        return "multiclass", tuple(dict.fromkeys(found)), None

    def _binary(self, values: Sequence[str]) -> tuple[Task, tuple[str, ...], str]:
        name, known = self._first, set(values)
        if len(values) > 2:
            raise InvalidInput(
                f"The target {name} has {len(values)} values ({_listed(values)}); with a positive "
                "one, there can be one other: leave the rest empty, or make it true and false."
            )
        if self.positive is not None:
            positive = label_of(self.positive)
            if positive not in known and len(known) == 2:
                raise InvalidInput(
                    f"The target {name} has no value {self.positive!r}; it has {_listed(values)}."
                )
        elif any(known <= pair for pair in _NATURAL) and (values or not self._is_text):
            positive = "1"
        elif not values:
            raise InvalidInput(
                f"The target {name} has no labels in the reference: say which will be the positive "
                'one, as positive="yes".'
            )
        else:
            raise InvalidInput(
                f"The target {name} has {_listed(values)}: say which one is the positive one, as "
                f"positive={values[-1]!r}."
            )
        others = [one for one in values if one != positive]
        negative = others[0] if others else ("0" if positive == "1" else f"not {positive}")
        boolean = kind_of_type(self.table.types[name]) == "boolean"
        return "binary", (negative, positive), "true" if boolean else positive


@dataclass(frozen=True, slots=True)
class _Scores:
    """Finds the bins of the score."""

    table: _Table
    score: str | None
    bins: int

    def find(self) -> tuple[tuple[float, ...], bool, bool]:
        """Edges, whether they are points, and whether all lie in 0 … 1."""
        if self.score is None:
            return (), False, True
        expression = self.table.number(self.score, "score")
        values = self.table.distinct(expression, self.bins)
        if values is not None:
            inside = not values or (values[0] >= 0 and values[-1] <= 1)
            if not values:
                return even_edges(self.bins), False, True
            return tuple(value + 0.0 for value in values), True, inside
        low, high = self.table.engine.row(
            f"select min({expression}), max({expression}) from {self.table.view}"
        )
        inside = low >= 0 and high <= 1
        if inside and self._filled(expression) >= _SPREAD:
            return even_edges(self.bins), False, True
        return self._following(expression, inside), False, inside

    def _filled(self, expression: str) -> float:
        """How many bins of equal width the scores fill: 1 / Σ share²."""
        rows = self.table.engine.rows(
            f"select count(*) from {self.table.view} where {expression} is not null "
            f"group by floor({expression} * {self.bins})"
        )
        counts = [int(n) for (n,) in rows]
        return float(sum(counts) ** 2 / sum(n * n for n in counts))

    def _following(self, expression: str, inside: bool) -> tuple[float, ...]:
        """Edges at equal shares of the rows, and some of equal width between them."""
        import numpy as np

        edges, counts = self.table.fine(expression)
        even = np.arange(1, SHOWN_BINS) / SHOWN_BINS
        some = self.bins - SHOWN_BINS
        reached = np.cumsum(counts) / counts.sum()
        cuts = edges[np.searchsorted(reached, np.arange(1, some) / some)]
        wide = even if inside else edges[0] + even * (edges[-1] - edges[0])
        return tuple(float(one) for one in np.unique(np.concatenate([cuts, wide])))


def _shown(edges: Sequence[float], probability: bool) -> tuple[float, ...]:
    """The edges of the shown bins: equal ones in 0 … 1, else where the scores are."""
    import numpy as np

    if probability or not edges:
        return tuple(i / SHOWN_BINS for i in range(SHOWN_BINS + 1))
    low, high = np.quantile(np.array(edges), [0.02, 0.98])
    if low == high:
        low, high = low - 0.5, high + 0.5
    return tuple(float(one) for one in np.linspace(low, high, SHOWN_BINS + 1))


def _unit(
    table: _Table, task: Task, score: str | None, target: str | None, probability: bool
) -> float:
    """About as large as nearly all of what is summed up, as a power of two."""
    import numpy as np

    if score is None or (task != "regression" and probability):
        return 1.0
    value = finite_number(score)
    sizes = [f"abs({value})"]
    if task == "regression" and target is not None:
        sizes.insert(0, f"abs({value} - {finite_number(target)})")
    for size in sizes:
        edges, counts = table.fine(size)
        if len(edges) and edges[-1] > 0:
            typical = edges[np.searchsorted(np.cumsum(counts), 0.9 * counts.sum())] or edges[-1]
            return float(2.0 ** math.ceil(math.log2(typical) + 1))
    return 1.0


def _curve(
    table: _Table, score: str | None, target: str | None, labels: Sequence[str]
) -> Curve | None:
    """What a score stands for: of every single score, or of very fine bins where they are many."""
    import numpy as np

    if score is None or target is None:
        return None
    value, label = finite_number(score), label_text(target, table.types[target], "target")
    negative, positive = (one.replace("'", "''") for one in labels)
    rows = f"select {value} as s, {label} as y from {table.view}"
    known = f"({rows}) where s is not null and y in ('{negative}', '{positive}')"
    many = table.engine.row(
        f"select count(*) from (select distinct s from {known} limit {_MOST_SCORES + 1})"
    )[0]
    exact = int(many) <= _MOST_SCORES
    unit = 1.0 / _MOST_SCORES if exact else _spacing(table, value)
    key = "s" if exact else f"floor(s / {unit!r})"
    found = table.engine.run(
        lambda: table.engine.connection.execute(
            f"select {key} as k, count(*) as n, count(*) filter (y = '{positive}') as p, "
            f"sum(cast(round((s - {key} * {1.0 if exact else unit!r}) / {unit!r} * 1000000) as "
            f"bigint)) as s from {known} group by k order by k"
        ).fetchnumpy()
    )
    n = np.asarray(found["n"], dtype=float)
    if not len(n):
        return None
    keys = np.asarray(found["k"], dtype=float)
    inside = np.asarray(found["s"], dtype=float) / n / 1e6
    return isotonic(keys if exact else (keys + inside) * unit, np.asarray(found["p"]), n)


def _spacing(table: _Table, value: str) -> float:
    """The width of very fine bins over all scores."""
    low, high = table.engine.row(f"select min({value}), max({value}) from {table.view}")
    return float(high - low) / _MOST_SCORES


def _bands(table: _Table, segments: Sequence[str]) -> tuple[tuple[Bands, ...], tuple[str, ...]]:
    """How each segment column is cut; where nearly all values are different it is left out."""
    import numpy as np

    found: list[Bands] = []
    notes: list[str] = []
    (rows,) = table.engine.row(f"select count(*) from {table.view}")
    for name in dict.fromkeys(table.name(one, "segment") for one in segments):
        kind = table.types[name]
        if kind_of_type(kind) not in ("number", "text", "boolean"):
            what = "has no values" if kind == NOTHING else f"is {kind}"
            notes.append(f"{name} {what}: it has no segments.")
            continue
        text = segment_text(name, kind)
        values = table.distinct(text, MOST_VALUES)
        if values is not None:
            found.append(Bands(name, tuple(table.frequent(text, MOST_VALUES))))
        elif kind_of_type(kind) == "number":
            edges, counts = table.fine(finite_number(name))
            reached = np.cumsum(counts) / counts.sum()
            cuts = edges[np.searchsorted(reached, np.arange(1, BANDS) / BANDS)]
            found.append(Bands(name, edges=tuple(float(f"{one:.3g}") for one in np.unique(cuts))))
        elif table.distinct(text, int(rows) // 2) is None:
            notes.append(f"{name} has another value in nearly every row: it has no segments.")
        else:
            found.append(Bands(name, tuple(table.frequent(text, MOST_VALUES - 1))))
    return tuple(found), tuple(notes)


def _whole(text: str) -> bool:
    return text.lstrip("-").isdigit()


def _listed(values: Sequence[str]) -> str:
    shown = [repr(one) for one in values[:5]]
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    return f"{', '.join(shown)}{more}"
