"""Asking one check of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.data.suite import Suite, read_suite
from mlops_lab.data.suite_run import CheckResult, run_suite

NOW = datetime(2013, 12, 31, 12, tzinfo=UTC)

Ask = Callable[..., CheckResult]


@pytest.fixture
def suite(tmp_path: Path) -> Callable[[str], Suite]:
    """A suite of the checks that are written."""

    def made(checks: str, **head: str) -> Suite:
        path = tmp_path / "suite.yaml"
        lines = [f"{key}: {value}" for key, value in head.items()]
        path.write_text("\n".join([*lines, "checks:", *checks.strip().splitlines()]) + "\n")
        return read_suite(path)

    return made


@pytest.fixture
def ask(suite: Callable[..., Suite]) -> Ask:
    """The result of one check on a table."""

    def asked(
        table: Any,
        check: str,
        *,
        key: str = "id",
        previous: Sequence[int] = (),
        now: datetime = NOW,
    ) -> CheckResult:
        made = suite(f"  - {{{check}}}", key=key)
        report = run_suite(table, made, previous_rows=previous, now=now)
        (result,) = report.checks
        state = (
            "passed"
            if result.state == "passed"
            else ("blocked" if result.severity == "block" else "warned")
        )
        assert report.state == state
        return result

    return asked
