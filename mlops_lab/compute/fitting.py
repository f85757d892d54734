"""Making the grids of a reference: what each column is, and how it is best counted.

Up to 100,000 rows are looked at in full. Of more a sample is taken by what the rows say, not by
where they stand, so that the grids too are the same in any order and from any format. Words are
counted in full: whether a value is new is no question for a sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.compute.counting import stream
from mlops_lab.compute.engine import Engine, open_engine, quote
from mlops_lab.compute.grids import Grid, Grids
from mlops_lab.compute.kinds import (
    FEW,
    MOST_VALUES,
    Kind,
    KindFound,
    Looked,
    check_declared,
    settle_kind,
)
from mlops_lab.compute.number_grid import fixed_grid, number_grid
from mlops_lab.compute.profiling import Progress
from mlops_lab.compute.reading import number_sql, unreadable_sql, word_sql
from mlops_lab.compute.source import Source
from mlops_lab.compute.types import FLOATS, is_number, kind_of_type
from mlops_lab.errors import InvalidInput

if TYPE_CHECKING:
    from mlops_lab.compute.slots import Floats, Ints

__all__ = ["fit_grids", "infer_kinds"]

SAMPLE: Final = 100_000
"""Rows that are enough for a centre, a scale and the frequent values."""

TOP_WORDS: Final = 49
"""Of more than 50 words the vocabulary has so many; then come other and new."""

MOST_KNOWN: Final = 250_000
"""So many words of a reference are remembered (by 8 bytes each) to tell new ones from them."""

_HASHED: Final = (3, 16)
"""A row is drawn by the hash of so many of its columns; of more, if these repeat."""

_MANY_ROWS: Final = 2_000_000
"""Up to here all words are counted; above, only where they may be a category."""

_WIDE: Final = 64 << 20


def infer_kinds(
    source: Any,
    *,
    columns: Sequence[str] | None = None,
    declared: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    tmp: Path | None = None,
) -> dict[str, KindFound]:
    """Tell what the columns of a table are for a drift statistic.

    Parameters
    ----------
    source
        A `Source`, or whatever `Source.of` takes.
    columns
        Only these; default all.
    declared
        Kinds that a person gave, by column.
    progress, tmp
        As for `fit_grids`.

    Raises
    ------
    InvalidInput
        A column is not there, or cannot be what it is declared to be.

    Examples
    --------
    >>> import pyarrow
    >>> infer_kinds(pyarrow.table({"carrier": ["EV", "UA", "EV"]}))["carrier"].reason
    '2 different values'
    """
    return dict(
        fit_grids(source, columns=columns, kinds=declared, progress=progress, tmp=tmp).kinds
    )


def fit_grids(
    source: Any,
    *,
    columns: Sequence[str] | None = None,
    kinds: Mapping[str, str] | None = None,
    time: str | None = None,
    progress: Progress | None = None,
    tmp: Path | None = None,
) -> Grids:
    """Make the grids that a reference, and whatever is compared with it, is counted on.

    Parameters
    ----------
    source
        The reference: a `Source`, or whatever `Source.of` takes.
    columns
        Only these; default all.
    kinds
        Kinds that a person declares, by column; they win over the inferred ones.
    time
        The column that tells when a row is from: it is left out.
    progress
        Called with the number of columns done and of all.
    tmp
        Where temporary files go.

    Raises
    ------
    InvalidInput
        The data cannot be read, a column is not there, or cannot be what it is declared to be.
    """
    given = Source.of(source)
    with open_engine(tmp) as engine, given.reading():
        table = given.view(engine)
        types = dict(engine.columns(table))
        chosen = _chosen(types, columns, kinds or {}, time)
        declared = {
            name: check_declared(name, types[name], kind)
            for name, kind in (kinds or {}).items()
            if name in chosen
        }
        fitting = _Fitting(engine, f"{table} as t", types, progress, len(chosen))
        found = fitting.fit(chosen, declared)
    return Grids(
        {name: found[name][0] for name in chosen}, {name: found[name][1] for name in chosen}
    )


def _chosen(
    types: Mapping[str, str],
    columns: Sequence[str] | None,
    kinds: Mapping[str, str],
    time: str | None,
) -> list[str]:
    for name in [*(columns or ()), *kinds]:
        if name not in types:
            near = get_close_matches(name, types, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise InvalidInput(f"There is no column {name} in the reference.{hint}")
    wanted = list(dict.fromkeys(types if columns is None else columns))
    return [name for name in wanted if name != time]


@dataclass(slots=True)
class _Fitting:
    """One reference while its grids are made.

    Parameters
    ----------
    engine
        Where it is.
    table
        What follows FROM, with the alias ``t``.
    types
        Of its columns.
    progress, columns
        Whom to tell, and how many there are to do.
    """

    engine: Engine
    table: str
    types: Mapping[str, str]
    progress: Progress | None
    columns: int
    rows: int = 0
    done: int = 0
    _drawn: str | None = None
    _failed: bool = False
    _looked: int = 0

    def fit(
        self, chosen: Sequence[str], declared: Mapping[str, KindFound]
    ) -> dict[str, tuple[Grid, KindFound]]:
        """Grid and kind of each column."""
        self.rows = int(self.engine.row(f"select count(*) from {self.table}")[0])
        found: dict[str, tuple[Grid, KindFound]] = {}
        numbers: dict[str, Kind] = {}
        texts: list[str] = []
        for name in chosen:
            said = declared.get(name)
            family = kind_of_type(self.types[name])
            if said is not None:
                self._check_values(name, said.kind)
                if said.kind in ("number", "integer", "text", "time"):
                    numbers[name] = said.kind
                elif said.kind == "category":
                    texts.append(name)
                else:
                    self._take(found, name, fixed_grid(name, said.kind), said)
            elif family == "number":
                numbers[name] = "number"
            elif family == "text":
                texts.append(name)
            else:
                kind = settle_kind(Looked(self.types[name], 0, 0))
                if kind.kind == "time":
                    numbers[name] = "time"
                else:
                    self._take(found, name, fixed_grid(name, kind.kind), kind)
        self._fit_words(found, texts, declared, numbers)
        self._fit_numbers(found, numbers, declared)
        return found

    def _check_values(self, name: str, kind: Kind) -> None:
        """Refuse a declared kind that the values cannot be, whatever their type says."""
        type_name = self.types[name]
        column = f"t.{quote(name)}"
        if kind in ("number", "integer"):
            odd = unreadable_sql(name, type_name, kind)
            wanted = "no value of it is a number"
            least = "count(*) = count(v)"  # one number is enough
        elif kind == "boolean" and type_name != "BOOLEAN":
            odd = f"{word_sql(column, type_name, kind)} not in ('true', 'false')"
            wanted = "a value is true or false, or 1 or 0"
            least = "count(v) > 0"
        else:
            return
        if odd is None:
            return
        refused, example = self.engine.row(
            f"select {least}, min(v) from (select case when {odd} then {column}::varchar end as v "
            f"from {self.table} where {column} is not null)"
        )
        if refused and example is not None:
            raise InvalidInput(
                f'The column {name} is declared as {kind}, but {wanted}: it holds "{example}".'
            )

    def _take(
        self, found: dict[str, tuple[Grid, KindFound]], name: str, grid: Grid, kind: KindFound
    ) -> None:
        found[name] = (grid, kind)
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.columns)

    # ------------------------------------------------------------------ numbers

    def _fit_numbers(
        self,
        found: dict[str, tuple[Grid, KindFound]],
        kinds: Mapping[str, Kind],
        declared: Mapping[str, KindFound],
    ) -> None:
        rows = max(1, min(self.rows, 2 * SAMPLE))
        together = max(1, min(500, _WIDE // (8 * rows)))
        names = list(kinds)
        for start in range(0, len(names), together):
            complete, looked = self._numbers(names[start : start + together], kinds)
            for name, values, weights in looked:
                exact = complete
                if not exact and len(values) <= MOST_VALUES and kinds[name] != "time":
                    values, weights = self._all_values(name, kinds[name])
                    exact = True
                grid, kind = number_grid(
                    name, self.types[name], kinds[name], values, weights, exact
                )
                self._take(found, name, grid, _said(found, name, declared.get(name), kind))

    def _conditions(self) -> Iterator[str]:
        """Ways to draw rows by what they say, so that their order does not matter."""
        # Floats first: they tell rows apart best.
        usable = sorted(
            (one for one in self.types if kind_of_type(self.types[one]) in ("number", "text")),
            key=lambda one: (self.types[one] not in FLOATS, one),
        )
        listed = [
            number_sql(one, self.types[one], "number")
            if is_number(self.types[one])
            else f"t.{quote(one)}::varchar"
            for one in usable[: max(_HASHED)]
        ]
        share = (1 << self._shift) - 1
        for columns in _HASHED:
            if len(listed) > columns or (columns == max(_HASHED) and listed):
                yield f"hash({', '.join(listed[:columns])}) & {share} = 0"

    @property
    def _shift(self) -> int:
        """One of two to the power of this rows is looked at."""
        return (self.rows // SAMPLE).bit_length() if self.rows > SAMPLE else 0

    def _numbers(
        self, names: Sequence[str], kinds: Mapping[str, Kind]
    ) -> tuple[bool, list[tuple[str, Floats, Ints]]]:
        """Whether all rows were looked at, and the different finite values of some columns in those
        that were, with how often they occur.
        """
        if not self._shift:
            return True, self._values(names, kinds, "")
        expected = self.rows >> self._shift
        if not self._failed:
            for condition in self._conditions() if self._drawn is None else [self._drawn]:
                found = self._values(names, kinds, f" where {condition}")
                if self._drawn is not None or expected / 2 <= self._looked <= 2 * expected:
                    self._drawn = condition
                    return False, found
            self._failed = True
        # Rows that repeat come all or not at all: then the values repeat as well.
        return True, [(name, *self._all_values(name, kinds[name])) for name in names]

    def _values(
        self, names: Sequence[str], kinds: Mapping[str, Kind], where: str
    ) -> list[tuple[str, Floats, Ints]]:
        import numpy as np

        wanted = ", ".join(
            f"{number_sql(name, self.types[name], kinds[name])} as c{i}"
            for i, name in enumerate(names)
        )
        parts: list[list[Any]] = [[] for _ in names]
        self._looked = 0
        with closing(stream(self.engine, f"select {wanted} from {self.table}{where}")) as batches:
            for batch in batches:
                self._looked += batch.num_rows
                for i, part in enumerate(parts):
                    part.append(np.asarray(batch.column(i).drop_null()))
        found = []
        for name, part in zip(names, parts, strict=True):
            values = np.concatenate(part) if part else np.zeros(0)
            unique, counts = np.unique(values[np.isfinite(values)], return_counts=True)
            found.append((name, unique, counts))
        return found

    def _all_values(self, name: str, kind: Kind) -> tuple[Floats, Ints]:
        """All different finite values of a column, ascending, and how often they occur."""
        import numpy as np

        value = number_sql(name, self.types[name], kind)
        query = (
            f"select v, count(*) as n from (select {value} as v from {self.table}) "
            "where v is not null and isfinite(v) group by v order by v"
        )
        batches = list(stream(self.engine, query))
        if not batches:
            return np.zeros(0), np.zeros(0, dtype=np.int64)
        values = np.concatenate([np.asarray(one.column(0)) for one in batches])
        return values, np.concatenate([np.asarray(one.column(1)) for one in batches])

    # ------------------------------------------------------------------ words

    def _fit_words(
        self,
        found: dict[str, tuple[Grid, KindFound]],
        names: Sequence[str],
        declared: Mapping[str, KindFound],
        numbers: dict[str, Kind],
    ) -> None:
        for name in names:
            said = declared.get(name)
            found_words = (
                None if said is None and self._is_hopeless(name) else self._vocabulary(name)
            )
            looked = self._look(name, found_words is not None)
            kind = said or settle_kind(looked)
            if kind.kind == "text":
                found[name] = (Grid(name, "text", "bins"), kind)
                numbers[name] = "text"
            elif kind.kind == "category" and found_words is not None:
                self._take(found, name, found_words, kind)
            else:
                self._take(found, name, fixed_grid(name, kind.kind), kind)

    def _is_hopeless(self, name: str) -> bool:
        """Whether a column has far too many different values for a category, to count them all."""
        if self.rows <= _MANY_ROWS:
            return False
        word = f"t.{quote(name)}"
        count, estimate = self.engine.row(
            f"select count({word}), approx_count_distinct({word}) from {self.table}"
        )
        return bool(estimate > MOST_KNOWN and estimate > 0.6 * count)

    def _look(self, name: str, counted: bool) -> Looked:
        """The look at a column of texts; where its words are counted, at each of them once."""
        source = "words_found"
        if not counted:
            column = f"t.{quote(name)}"
            text = word_sql(column, self.types[name], "category")
            drawn = f"{column} is not null and hash({column}) & 63 = 0"
            source = f"(select {text} as v, 1 as n from {self.table} where {drawn})"
        count, distinct, chars, spaces = self.engine.row(
            "select sum(n), count(distinct v), sum(n * length(v)), "
            f"sum(n * (length(v) - length(replace(v, ' ', '')))) from {source}"
        )
        rows = int(count or 0)
        return Looked(
            self.types[name],
            rows,
            int(distinct),
            chars=float(chars or 0) / max(rows, 1),
            words=1 + float(spaces or 0) / max(rows, 1),
        )

    def _vocabulary(self, name: str) -> Grid:
        """The grid of a column of words, which stay in the table ``words_found``."""
        import numpy as np

        word = word_sql("raw", self.types[name], "category")
        self.engine.execute(
            f"create or replace temp table words_found as select {word} as v, sum(n)::bigint as n "
            f"from (select t.{quote(name)} as raw, count(*) as n from {self.table} group by 1) "
            "where raw is not null group by v"
        )
        distinct = int(self.engine.row("select count(*) from words_found")[0])
        most = FEW if distinct <= FEW else TOP_WORDS
        top = self.engine.rows(f"select v from words_found order by n desc, v limit {most}")
        others, complete = b"", distinct <= MOST_KNOWN
        if distinct > most and complete:
            batches = stream(
                self.engine,
                "select md5_number_lower(v) as h from (select v from words_found "
                f"order by n desc, v offset {most}) order by h",
            )
            others = b"".join(np.asarray(one.column(0)).astype("<u8").tobytes() for one in batches)
        words = tuple(str(row[0]) for row in top)
        return Grid(name, "category", "words", words=words, others=others, complete=complete)


def _said(
    found: Mapping[str, tuple[Grid, KindFound]],
    name: str,
    declared: KindFound | None,
    inferred: KindFound,
) -> KindFound:
    if declared is not None:
        return declared
    return found[name][1] if name in found else inferred
