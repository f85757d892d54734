"""SQL sees what was answered, at once, and still no file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlops_lab.errors import Forbidden, InvalidInput
from mlops_lab.serving.predictions import truth
from mlops_lab.serving.predictions.writing import Log
from mlops_lab.store.sandbox import run_sql, run_sql_in_child

from .conftest import NOON, SIGNATURE, answered


@pytest.fixture
def project(new_project: Callable[[Path], Any], tmp_path: Path) -> Any:
    """A project whose endpoint has answered before and now, by versions that differ."""
    project = new_project(tmp_path / "a b'[1]*{x}")
    folder = project.root / ".mlops" / "predictions" / "delay"
    log = Log(folder, worker="r1-0", signature=SIGNATURE)
    for i in range(3):
        log.add(answered(i, at=NOON + i))
    assert log.close()
    log = Log(folder, worker="r2-0", signature=None)
    frame = {"carrier": ["EV"], "hour": [3.5], "wind": [9]}
    log.add(answered(3, at=NOON + 3, frame=frame, version=2))
    log.flush()
    yield project
    log.close()
    project.close()


@pytest.mark.parametrize("run", [run_sql, run_sql_in_child])
def test_predictions_are_there_with_their_truth(project: Any, run: Any) -> None:
    folder = project.root / ".mlops" / "predictions" / "delay"
    truth.log(folder, pd.DataFrame({"hour": [1, 3.5], "late": [1, 0]}), on="hour", value="late")
    truth.log(folder, pd.DataFrame({"hour": [2], "late": ["?"]}), on="hour", value="late")
    query = "select endpoint, t, version, hour, wind, late from Predictions order by t"
    result = run(project.store, query)
    rows = result.arrow.to_pylist()
    assert [row["hour"] for row in rows] == [0, 1, 2, 3.5]
    assert [row["late"] for row in rows] == [None, "1", "?", "0"]
    assert {row["endpoint"] for row in rows} == {"delay"}
    assert result.types[1] == "TIMESTAMP"
    assert str(rows[0]["t"]) == "2026-11-22 12:00:00"
    found = run(project.store, "select count(*) as n from predictions p join runs r on true")
    assert found.arrow.to_pylist() == [{"n": 0}]


def test_table_is_there_before_anything_is_logged(
    new_project: Callable[[Path], Any], tmp_path: Path
) -> None:
    project = new_project(tmp_path / "new")
    result = run_sql(project.store, "select prediction_id, role, t from predictions")
    assert result.arrow.num_rows == 0
    with pytest.raises(InvalidInput, match="Did you mean predictions"):
        run_sql(project.store, "select * from prediction -- predictions")
    project.close()


@pytest.mark.parametrize("run", [run_sql, run_sql_in_child])
def test_door_stays_shut(project: Any, run: Any) -> None:
    path = next((project.root / ".mlops" / "predictions").rglob("*.parquet"))
    told = str(path).replace("'", "''")
    for query in (
        f"select * from predictions, read_parquet('{told}')",
        f"select * from predictions, '{told}'",
        "select * from predictions, read_text('/etc/passwd')",
    ):
        with pytest.raises((Forbidden, InvalidInput)):
            run(project.store, query)
