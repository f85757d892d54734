"""A suite asked of a table: one query for everything, one more for each check that failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from mlops_lab.compute import Cells, Engine, Source, count_rows, open_engine, read_cells
from mlops_lab.data.checks import Check, Finding, Plan, Table, Unsuitable
from mlops_lab.data.checks.check import MAX_ROWS
from mlops_lab.data.suite import Suite
from mlops_lab.errors import Corrupt, Forbidden, InvalidInput

__all__ = ["CheckResult", "SuiteReport", "run_suite"]

_TOGETHER = 200
_DISTINCT = 8
"""Counting different values takes as much as so many other aggregates."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check came to.

    Parameters
    ----------
    index
        Its place in the suite, from 0.
    check, column
        Its kind, and what it speaks of; None where it is the whole table.
    severity
        Whether a failure blocks the version or only warns.
    state
        Whether it passed.
    failed, total
        How many rows (or columns, of a schema) broke it, of how many.
    sentence
        With the numbers.
    sample
        At most 20 of the rows that broke it.
    """

    index: int
    check: str
    column: str | None
    severity: Literal["block", "warn"]
    state: Literal["passed", "failed"]
    failed: int
    total: int
    sentence: str
    sample: Cells | None = None

    def to_json(self) -> dict[str, Any]:
        """The result as JSON: what is stored and what REST sends."""
        return {
            "index": self.index,
            "check": self.check,
            "column": self.column,
            "severity": self.severity,
            "state": self.state,
            "failed": self.failed,
            "total": self.total,
            "sentence": self.sentence,
            "sample": None if self.sample is None else self.sample.to_json(),
        }


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """What a suite found.

    Parameters
    ----------
    suite, suite_digest
        Its name, and the content id of what it said then.
    state
        ``blocked`` when a check that blocks failed, ``warned`` when only others did.
    rows
        Of the table.
    checks
        In the suite's order.
    """

    suite: str
    suite_digest: str
    state: Literal["passed", "warned", "blocked"]
    rows: int
    checks: tuple[CheckResult, ...]

    @property
    def failed(self) -> int:
        """How many checks failed."""
        return sum(one.state == "failed" for one in self.checks)

    @property
    def sentence(self) -> str:
        """The report in one line."""
        n = len(self.checks)
        if not self.failed:
            return f"{self.suite}: all {n} checks passed" if n > 1 else f"{self.suite}: passed"
        what = "blocks" if self.state == "blocked" else "warns"
        return f"{self.suite} {what}: {self.failed} of {n} check{'s' * (n != 1)} failed"

    def __repr__(self) -> str:
        broken = [one for one in self.checks if one.state == "failed"]
        lines = [f"  {one.severity}s: {one.sentence}" for one in broken]
        return "\n".join([f"<SuiteReport {self.sentence}>", *lines])

    def to_json(self) -> dict[str, Any]:
        """The report as JSON: what is stored and what REST sends."""
        return {
            "suite": self.suite,
            "suite_digest": self.suite_digest,
            "state": self.state,
            "rows": self.rows,
            "checks": [one.to_json() for one in self.checks],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SuiteReport:
        """Read what `to_json` made.

        Raises
        ------
        Corrupt
            It is no report.
        """
        try:
            checks = tuple(_result(one) for one in value["checks"])
            return cls(value["suite"], value["suite_digest"], value["state"], value["rows"], checks)
        except (KeyError, TypeError) as error:
            raise Corrupt(
                f"This is no report of a suite: {error!r} is wrong or missing."
            ) from error


def _result(value: Mapping[str, Any]) -> CheckResult:
    sample = value["sample"]
    rows = sample and tuple(tuple(row) for row in sample["rows"])
    cells = None if sample is None else Cells(tuple(sample["columns"]), rows)
    return CheckResult(**{**value, "sample": cells})


def run_suite(
    source: Any,
    suite: Suite,
    *,
    previous_rows: Sequence[int] = (),
    now: datetime | None = None,
    progress: Callable[[int, int], None] | None = None,
    tmp: Path | None = None,
) -> SuiteReport:
    """Ask every check of a table.

    A check that cannot be asked (its column is not there, or of another type) has failed.

    Parameters
    ----------
    source
        A `Source`, or whatever `Source.of` takes.
    suite
        As `read_suite` gives it.
    previous_rows
        How many rows the earlier versions have that nothing blocked, newest first.
    now
        What freshness is measured from; default the present. It has a time zone.
    progress
        Called with the number of checks done and of all.
    tmp
        Where temporary files go; default the system's folder for them.

    Raises
    ------
    InvalidInput
        The data cannot be read.
    """
    given = Source.of(source)
    with open_engine(tmp) as engine, given.reading():
        name = given.view(engine)
        confined = _Confined(given, engine, name)
        table = Table(
            engine,
            name,
            dict(engine.columns(name)),
            (),
            tuple(previous_rows),
            now or datetime.now(UTC),
            confined,
        )
        table.key = [one for one in suite.key if one in table.columns]
        planned = [_plan(check, table) for check in suite.checks]
        rows, found = _judge(table, planned)
        results = []
        for index, (check, plan, finding) in enumerate(
            zip(suite.checks, planned, found, strict=True)
        ):
            results.append(_settle(table, index, check, plan, finding))
            if progress is not None:
                progress(index + 1, len(suite.checks))
    failed = {one.severity for one in results if one.state == "failed"}
    state = "blocked" if "block" in failed else ("warned" if failed else "passed")
    return SuiteReport(
        suite.name,
        suite.digest,
        cast(Literal["passed", "warned", "blocked"], state),
        rows,
        tuple(results),
    )


def _plan(check: Check, table: Table) -> Plan | Finding:
    try:
        return check.plan(table)
    except (Unsuitable, InvalidInput, Forbidden) as error:
        about = check.about
        said = str(error)
        lead = "" if about is None or said.startswith(about) else f"{about}: "
        return Finding(1, 1, f"{lead}{said.rstrip('.')}", False)


def _judge(table: Table, planned: Sequence[Plan | Finding]) -> tuple[int, list[Finding]]:
    """The one query, and what each check makes of its part of the answer.

    Hundreds of aggregates are several queries: together they would need more memory than there is,
    whatever the number of rows.
    """
    # Equal aggregates (count(*) above all) are asked once.
    wanted = dict.fromkeys(["count(*)"])
    for plan in planned:
        if isinstance(plan, Plan):
            wanted.update(dict.fromkeys(plan.measures))
    values: dict[str, Any] = {}
    for batch in _batches(wanted):
        sql = f"select {', '.join(batch)} from {table.name}"  # noqa: S608 - names are quoted
        values.update(zip(batch, table.engine.row(sql, table.parameters_of(sql)), strict=True))
    found = [
        plan.judge([values[one] for one in plan.measures]) if isinstance(plan, Plan) else plan
        for plan in planned
    ]
    return int(values["count(*)"]), found


def _batches(measures: Iterable[str]) -> Iterator[list[str]]:
    """All of them together, but for suites of a size that nobody writes by hand."""
    batch: list[str] = []
    weight = 0
    for one in measures:
        batch.append(one)
        weight += _DISTINCT if "distinct" in one else 1
        if weight >= _TOGETHER:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _settle(
    table: Table, index: int, check: Check, plan: Plan | Finding, finding: Finding
) -> CheckResult:
    if finding.failed and finding.sample is None and isinstance(plan, Plan) and plan.rows:
        cells = read_cells(table.engine, plan.rows, table.parameters_of(plan.rows), limit=MAX_ROWS)
        finding = replace(finding, sample=cells)
    return CheckResult(
        index,
        check.kind,
        check.about,
        check.severity,
        "passed" if finding.passed else "failed",
        finding.failed,
        finding.total,
        finding.sentence,
        finding.sample,
    )


class _Confined:
    """The table as Arrow for SQL that must not reach anything else; made when it is needed."""

    def __init__(self, source: Source, engine: Engine, name: str) -> None:
        self._source = source
        self._engine = engine
        self._name = name
        self._data: Any = None

    def __call__(self, query: str) -> tuple[int, Cells]:
        if self._data is None:
            self._data = self._source.arrow(self._engine, self._name)
        return count_rows(self._data, query, limit=MAX_ROWS)
