"""What a check is: a few aggregates to compute, how to judge them, and the rows that broke it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from mlops_lab.compute.cells import Cells
from mlops_lab.compute.engine import Engine, quote
from mlops_lab.expressions import nearest

__all__ = [
    "KINDS",
    "Check",
    "Columns",
    "Finding",
    "Plan",
    "RowCheck",
    "Table",
    "Unsuitable",
    "figure",
    "register",
    "sendable",
    "share",
]

MAX_ROWS = 20
"""Of the rows that broke a check so many are shown."""

Measured = Sequence[Any]
"""The values of a plan's measures, in their order."""


class Unsuitable(Exception):
    """The table is not one that this check can be asked of: its message is the check's sentence."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to.

    Parameters
    ----------
    failed, total
        How many rows (or whatever is counted) broke it, of how many.
    sentence
        With the numbers, whether it passed or not.
    passed
        Whether it did.
    sample
        Evidence that is no row of the data; rows are asked for with `Plan.rows`.
    """

    failed: int
    total: int
    sentence: str
    passed: bool
    sample: Cells | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a check is asked of one table.

    Parameters
    ----------
    measures
        SQL aggregates over the table. Those of all checks are computed in one query.
    judge
        Makes the finding of their values.
    rows
        A SELECT of the rows that broke it, asked only when some did.
    """

    measures: tuple[str, ...]
    judge: Callable[[Measured], Finding]
    rows: str | None = None


@dataclass(slots=True)
class Table:
    """A table that is being checked; used by one thread.

    Parameters
    ----------
    engine
        Where it is.
    name
        What follows FROM.
    columns
        Types by name, in order.
    key
        The columns that tell rows apart, as far as they exist.
    previous_rows
        How many rows earlier versions have, newest first.
    now
        With a time zone.
    confined
        Answers one SELECT over the table ``data`` where it can reach nothing else.
    """

    engine: Engine
    name: str
    columns: Mapping[str, str]
    key: Sequence[str]
    previous_rows: Sequence[int]
    now: datetime
    confined: Callable[[str], tuple[int, Cells]]
    parameters: dict[str, Any] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """A column's name in SQL.

        Raises
        ------
        Unsuitable
            The table has none of that name.
        """
        if name not in self.columns:
            near = nearest(name, self.columns)
            hint = f" Did you mean {near}?" if near else ""
            raise Unsuitable(f"There is no column {name}.{hint}")
        return quote(name)

    def type_of(self, name: str) -> str:
        """A column's type, as DuckDB writes it."""
        self.column(name)
        return self.columns[name]

    def bind(self, value: Any, kind: str | None = None) -> str:
        """A value as SQL: what users wrote is bound, never pasted.

        Parameters
        ----------
        value
            What the suite says.
        kind
            The type it has to have.

        Raises
        ------
        Unsuitable
            It is no value of that type.
        """
        name = f"mlops_check_{len(self.parameters)}"
        value = sendable(value)
        if kind is None:
            self.parameters[name] = value
            return f"${name}"
        try_it = f"select try_cast($1 as {kind}) is null and $1 is not null"
        if self.engine.row(try_it, [value])[0]:
            raise Unsuitable(f"{value!r} is no {kind}.")
        self.parameters[name] = value
        return f"cast(${name} as {kind})"

    def bind_all(self, values: Sequence[str | int | float], kind: str) -> str:
        """Values as a SELECT of one column: thousands of them are as cheap as a few.

        Parameters
        ----------
        values
            What the suite says.
        kind
            The type they have to have.

        Raises
        ------
        Unsuitable
            One is no value of that type.
        """
        selects = []
        for own in (int, float, str):  # a list in SQL is of one type
            some = [sendable(one) for one in values if type(one) is own]
            if not some:
                continue
            wrong = self.engine.rows(
                f"select one from (select unnest($1) as one) where try_cast(one as {kind}) is null "
                "limit 1",
                [some],
            )
            if wrong:
                raise Unsuitable(f"{wrong[0][0]!r} is no {kind}.")
            selects.append(f"select cast(unnest({self.bind(some)}) as {kind})")
        return " union all ".join(selects)

    def parameters_of(self, sql: str) -> dict[str, Any]:
        """Those that a statement uses; DuckDB refuses others."""
        used = set(re.findall(r"\$(mlops_check_\d+)", sql))
        return {name: value for name, value in self.parameters.items() if name in used}

    def shown(self, *columns: str) -> str:
        """The SELECT list for rows that broke a check: the key, and the columns it speaks of.

        Without a key the first five columns tell which row it is.
        """
        key = list(self.key) or list(self.columns)[:5]
        wanted = dict.fromkeys([*key, *columns])
        return ", ".join(quote(one) for one in wanted)


class Check(BaseModel, ABC):
    """One expectation of a suite. A kind of check is a subclass with `register`, in a file of its
    own.

    The fields are what the suite's file says; each one's description completes the sentence "it
    must be …".
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    kind: ClassVar[str]
    severity: Literal["block", "warn"] = Field(default="block", description="block or warn")

    @property
    def about(self) -> str | None:
        """The column it speaks of; None where it is the whole table."""
        column = getattr(self, "column", None)
        return column if isinstance(column, str) else None

    def faults(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the fields together: a field's name and a sentence."""
        return iter(())

    @abstractmethod
    def plan(self, table: Table) -> Plan:
        """How to ask it of a table.

        Raises
        ------
        Unsuitable
            The table is not one that it can be asked of.
        """


class RowCheck(Check):
    """A check that each row passes or breaks by itself."""

    tolerance: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0, description="the share of rows that may break it, from 0 to below 1"
    )

    def finding(self, failed: int, total: int, sentence: str) -> Finding:
        """The finding for so many broken rows, within the tolerance."""
        passed = failed <= self.tolerance * total
        if failed and self.tolerance:
            allowed = f"{share(self.tolerance)} may"
            sentence = f"{sentence}; {share(failed / total)}, {allowed}"
        return Finding(failed, total, sentence, passed)

    def row_plan(
        self,
        table: Table,
        broken: str,
        told: Callable[[int, int, Measured], str],
        *columns: str,
        more: Sequence[str] = (),
    ) -> Plan:
        """A plan for a condition that broken rows meet.

        Parameters
        ----------
        table
            The table.
        broken
            The condition, in SQL.
        told
            Makes the sentence of the number of broken rows, of all rows, and of `more`.
        columns
            The columns it speaks of.
        more
            Further aggregates for the sentence.
        """

        def judge(values: Measured) -> Finding:
            failed, total, *rest = values
            return self.finding(failed, total, told(failed, total, rest))

        measures = (f"count(*) filter ({broken})", "count(*)", *more)
        rows = f"select {table.shown(*columns)} from {table.name} where {broken}"
        return Plan(measures, judge, rows)


class Columns(RowCheck):
    """A row check of one column, or of several together."""

    column: str | None = Field(default=None, min_length=1, description="a column's name")
    columns: list[str] | None = Field(
        default=None, min_length=1, description="a list of columns' names"
    )

    @property
    def about(self) -> str | None:
        """The columns' names."""
        return ", ".join(self.together)

    @property
    def together(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.columns or ()) if self.column is None else (self.column,)

    def faults(self) -> Iterator[tuple[str, str]]:
        """Whether it is one of both."""
        if (self.column is None) == (self.columns is None):
            yield "column", f"{self.kind} needs either column or columns."


def sendable(value: Any) -> Any:
    """A value as DuckDB takes it: whole numbers past its 128 bits become the nearest double.

    >>> sendable(7), sendable(10**400)
    (7, inf)
    """
    if type(value) is not int or -(2**127) <= value < 2**127:
        return value
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


KINDS: dict[str, type[Check]] = {}
"""Every kind of check by its word in a suite."""

_C = TypeVar("_C", bound=type[Check])


def register(kind: str) -> Callable[[_C], _C]:
    """Make a kind of check known under the word that a suite's ``check:`` uses."""

    def take(check: _C) -> _C:
        if kind in KINDS and KINDS[kind].__module__ != check.__module__:
            raise ValueError(f"there is a check {kind!r} already: {KINDS[kind]}")
        check.kind = kind
        KINDS[kind] = check
        return check

    return take


def figure(value: Any) -> str:
    """A number for a sentence.

    >>> figure(1048.3605), figure(26115), figure(0.25), figure(None)
    ('1,048', '26,115', '0.25', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = str(value)
        return text if len(text) <= 60 else text[:59] + "…"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if value != value:
        return "NaN"
    size = abs(value)
    if size >= 1e15:
        text = f"{value:.4g}"
    elif size >= 1000 or value == int(value):
        text = f"{value:,.0f}"
    else:
        text = f"{value:.4g}"
    return text.replace("-", "−")


def share(value: float) -> str:
    """A share in percent, never rounded to nothing or all.

    >>> share(0.031), share(0.00004), share(0.9999), share(0.5)
    ('3.1%', '0.004%', '99.99%', '50%')
    """
    percent = 100 * value
    for digits in range(1, 8):
        text = f"{percent:.{digits}g}"
        if float(text) not in (0.0, 100.0) or percent in (0.0, 100.0):
            break
    if 1 <= percent < 99.95:
        text = f"{percent:.1f}".removesuffix(".0")
    return f"{text}%"
