"""Suites: read strictly, asked in one query, found by name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from mlops_lab.compute import Engine
from mlops_lab.data.suite import find_suite, list_suites, read_suite
from mlops_lab.data.suite_run import SuiteReport, run_suite
from mlops_lab.errors import Corrupt, InvalidInput, NotFound

GOOD = """\
# what must hold
name: weather
dataset: weather-hourly
key: [origin, at]
checks:
  - {check: not_null, column: origin}
  - check: range
    column: speed
    max: 150
    severity: warn
"""
DATA = pa.table({"origin": ["EWR", "JFK", None], "at": [1, 2, 3], "speed": [3.0, 1048.0, 5.0]})


def write(folder: Path, text: str, name: str = "weather.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_suite_is_read(tmp_path: Path) -> None:
    suite = read_suite(write(tmp_path, GOOD))
    assert (suite.name, suite.dataset, suite.key) == ("weather", "weather-hourly", ("origin", "at"))
    assert [(one.kind, one.severity) for one in suite.checks] == [
        ("not_null", "block"),
        ("range", "warn"),
    ]


def test_names_default_to_the_file(tmp_path: Path) -> None:
    suite = read_suite(write(tmp_path, "checks: [{check: unique, column: id}]", "flights.yaml"))
    assert (suite.name, suite.dataset, suite.key) == ("flights", "flights", ())


def test_the_digest_is_that_of_what_is_said(tmp_path: Path) -> None:
    first = read_suite(write(tmp_path, GOOD)).digest
    assert first.startswith("b3-")
    relaid = GOOD.replace("# what must hold\n", "\n\n").replace(
        "    max: 150\n", "    max:   150 # mph\n"
    )
    assert read_suite(write(tmp_path, relaid)).digest == first
    assert read_suite(write(tmp_path, GOOD.replace("150", "151"))).digest != first


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "s.yaml:1:1: The file is empty: a suite needs checks."),
        ("[1]", "s.yaml:1:1: A suite is a map with checks, not a list or text."),
        ("name: x", "s.yaml:1:1: A suite has no checks."),
        ("checks: []", "s.yaml:1:9: checks is an empty list; checks must be a list, each as"),
        ("chekcs: []", "s.yaml:1:1: 'chekcs' is not known here"),
        ("chekcs: []", "Did you mean checks?"),
        ("checks:\n  - 7", "s.yaml:2:5: checks 1 is 7; checks must be a list"),
        ("checks:\n  - {column: a}", "s.yaml:2:5: Check 1 has no check: write one of freshness"),
        ("checks:\n  - {chek: set}", "s.yaml:2:6: 'chek' is not known here"),
        (
            "checks:\n  - {check: not_nul, column: a}",
            "s.yaml:2:13: 'not_nul' is no check: there are freshness, not_null,",
        ),
        ("checks:\n  - {check: not_nul, column: a}", "Did you mean not_null?"),
        ("checks:\n  - {check: range, column: a}", "s.yaml:2:13: range needs min, max or both."),
        (
            "checks:\n  - {check: range, column: a, mx: 3}",
            "s.yaml:2:31: 'mx' is not known here. Did you mean max? Check range has check, "
            "severity, tolerance, column, min, max.",
        ),
        ("checks:\n  - {check: range, max: 3}", "s.yaml:2:5: Check range has no column."),
        (
            "checks:\n  - {check: range, column: a, min: 5, max: 3}",
            "s.yaml:2:44: max 3 is below min 5.",
        ),
        (
            "checks:\n  - {check: range, column: a, max: .nan}",
            "s.yaml:2:36: max is NaN, and nothing is below or above that.",
        ),
        (
            f"checks:\n  - {{check: set, column: a, values: {list(range(10_001))}}}",
            "values must be a list of 1 to 10,000 values",
        ),
        (
            "checks:\n  - {check: range, column: a, min: [5]}",
            "s.yaml:2:36: min is a list; min must be a number or a time as text.",
        ),
        (
            "checks:\n  - {check: not_null, column: a, severity: blok}",
            "s.yaml:2:44: severity is 'blok'; severity must be block or warn.",
        ),
        (
            "checks:\n  - {check: not_null, column: a, tolerance: 1.5}",
            "tolerance is 1.5; tolerance must be the share of rows that may break it",
        ),
        ("checks:\n  - {check: unique}", "unique needs either column or columns."),
        ("checks:\n  - {check: set, column: a, values: [[1]]}", "s.yaml:2:38: values 1 is a list"),
        (
            "checks:\n  - {check: regex, column: a, pattern: '('}",
            "s.yaml:2:41: '(' is no regular expression: missing ): (.",
        ),
        (
            "checks:\n  - {check: freshness, column: a, max_age: 3 days}",
            "s.yaml:2:44: '3 days' is no duration: write one like 12h, 7d or 2w.",
        ),
        (
            "checks:\n  - {check: sql, query: drop table data}",
            "s.yaml:2:25: This is DROP; only one SELECT can stand here.",
        ),
        ("checks:\n  - {check: row_count}", "row_count needs min, max or within."),
        ("checks:\n  - {check: row_count, min: 2.5}", "min is 2.5; min must be a whole number."),
        ("a: &x 1\nchecks: *x", "is an anchor"),
        ("checks: !!python/object:os.system {}", "is a tag"),
        ("name: [", "This is not YAML"),
    ],
)
def test_faults_say_where_and_what_would_be_right(text: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as error:
        read_suite(write(tmp_path, text, "s.yaml"), file="s.yaml")
    assert fault in str(error.value)


def test_all_faults_are_said_at_once_in_order(tmp_path: Path) -> None:
    text = "ky: a\nchecks:\n  - {check: rnge}\n  - {check: range, column: a}\n"
    with pytest.raises(InvalidInput) as error:
        read_suite(write(tmp_path, text))
    assert [one["line"] for one in error.value.details["faults"]] == [1, 3, 4]


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no suite"):
        read_suite(tmp_path / "nowhere.yaml")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_suite(tmp_path)


def test_suites_of_a_project_are_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="data infer"):
        find_suite(tmp_path, "weather")
    write(tmp_path, GOOD, "suites/hourly.yaml")
    write(tmp_path, "checks: [", "suites/broken.yml")
    assert [path.name for path in list_suites(tmp_path)] == ["broken.yml", "hourly.yaml"]
    assert find_suite(tmp_path, "hourly") == find_suite(tmp_path, "weather")
    with pytest.raises(NotFound, match="Did you mean hourly"):
        find_suite(tmp_path, "hourli")


def test_a_report_says_the_worst_and_survives_json(tmp_path: Path) -> None:
    suite = read_suite(write(tmp_path, GOOD))
    report = run_suite(DATA, suite)
    assert (report.state, report.failed, report.rows) == ("blocked", 2, 3)
    assert report.sentence == "weather blocks: 2 of 2 checks failed"
    assert report.suite_digest == suite.digest
    assert (
        SuiteReport.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False))) == report
    )
    warned = run_suite(DATA.slice(0, 2), suite)
    assert (warned.state, warned.sentence) == ("warned", "weather warns: 1 of 2 checks failed")
    assert warned.checks[1].sentence == "speed: 1 of 2 rows above 150 (max 1,048)"
    passed = run_suite(DATA.slice(0, 1), suite)
    assert (passed.state, passed.sentence) == ("passed", "weather: all 2 checks passed")
    with pytest.raises(Corrupt):
        SuiteReport.from_json({"suite": "x"})


def test_all_checks_are_one_query_and_one_more_for_each_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = Engine.rows

    def rows(self: Engine, sql: str, parameters: object = None) -> list[tuple[object, ...]]:
        asked.append(sql)
        return real(self, sql, parameters)

    text = GOOD + "".join(f"  - {{check: range, column: speed, min: {i}}}\n" for i in range(-40, 0))
    suite = read_suite(write(tmp_path, text))
    monkeypatch.setattr(Engine, "rows", rows)
    report = run_suite(DATA, suite)
    assert len(report.checks) == 42
    scans = [sql for sql in asked if ' from "source"' in sql and not sql.startswith("describe")]
    assert len(scans) == 1 + report.failed


def test_progress_counts_checks(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    run_suite(
        DATA,
        read_suite(write(tmp_path, GOOD)),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 2), (2, 2)]


def test_data_that_cannot_be_read_is_an_error_not_a_failed_check(tmp_path: Path) -> None:
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"PAR1 and nothing")
    with pytest.raises(InvalidInput, match=r"bad\.parquet cannot be read"):
        run_suite(bad, read_suite(write(tmp_path, GOOD)))


def test_a_stranger_adds_a_check_by_adding_one_file(tmp_path: Path) -> None:
    """The package finds what lies in its folder: no list names the kinds."""
    (tmp_path / "even.py").write_text(
        '''
"""``even``: whole numbers are even."""
from mlops_lab.data.checks import Plan, Table, register
from mlops_lab.data.checks.check import RowCheck


@register("even")
class Even(RowCheck):
    """Every number is even."""

    column: str

    def plan(self, table: Table) -> Plan:
        name = table.column(self.column)
        return self.row_plan(
            table, f"{name} % 2 <> 0", lambda n, rows, _: f"{n} of {rows} odd", self.column
        )
'''
    )
    suite = write(tmp_path, "checks: [{check: even, column: v}]", "s.yaml")
    script = f"""
import mlops_lab.data.checks as checks
checks.__path__.append({str(tmp_path)!r})
from mlops_lab.data.suite import read_suite
from mlops_lab.data.suite_run import run_suite
import pyarrow as pa
report = run_suite(pa.table({{"v": [2, 3]}}), read_suite({str(suite)!r}))
print(report.checks[0].sentence, report.state)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout == "1 of 2 odd blocked\n", done.stderr
