"""The newest first, a page at a time, and found by what stands in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.serving.predictions import retention, truth
from mlops_lab.serving.predictions.reading import predictions
from mlops_lab.serving.predictions.scanning import folder_of
from mlops_lab.serving.predictions.writing import Log

from .conftest import NOON, SIGNATURE, answered

OpenLog = Callable[..., Log]
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A log of twelve days with five predictions each, the last day in an open file."""
    root = tmp_path_factory.mktemp("year")
    now = [0]
    log = Log(folder_of(root, "delay"), worker="r1", signature=SIGNATURE, clock=lambda: now[0])
    for day in range(12):
        now[0] = (NOON + day * DAY) * 1000
        for i in range(5):
            log.add(
                answered(
                    day * 5 + i,
                    at=NOON + day * DAY + i,
                    role="canary" if i == 4 else "stable",
                    version=2 if i == 4 else 1,
                    unit=f"Unit-{i}",
                )
            )
        assert log.flush()
    yield root
    log.close()


def test_pages_are_newest_first_and_whole(year: Path) -> None:
    found = predictions(year, "delay")
    seen: list[int] = []
    cursor = None
    while True:
        page = found.page(7, cursor)
        assert page.total == 60
        seen += page.rows.column("hour").to_pylist()
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == list(range(59, -1, -1))
    with pytest.raises(InvalidInput, match="cursor"):
        found.page(7, "nonsense")


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"role": "canary"}, 12),
        ({"version": 2}, 12),
        ({"revision": "r9"}, 0),
        ({"since": NOON + 11 * DAY}, 5),
        ({"since": "2026-12-01", "until": "2026-12-03T00:00"}, 10),
        ({"since": "36h"}, 10),
        ({"search": "UNIT-2"}, 12),
        ({"search": f"{7:032x}"}, 1),
        ({"search": "' or 1=1 --"}, 0),
        ({"where": "hour >= 50 and carrier = 'EV' and role = 'stable'"}, 8),
        ({"where": "t > '2026-12-03' and late = 1"}, 1),
    ],
)
def test_filters_are_of_all_rows(year: Path, asked: dict[str, object], count: int) -> None:
    folder = predictions(year, "delay").folder
    truth.log(folder, pd.DataFrame({"hour": [58, 2], "late": [1, 1]}), on="hour", value="late")
    found = predictions(year, "delay", now=NOON + 11 * DAY + 3_600_000_000, **asked)
    assert found.count() == count
    page = found.page(100)
    assert (page.rows.num_rows, page.total) == (count, count)
    assert found.arrow().num_rows == sum(one.num_rows for one in found.batches()) == count


def test_newest_come_in_order_of_time(year: Path) -> None:
    assert predictions(year, "delay").arrow(limit=3).column("hour").to_pylist() == [57, 58, 59]


def test_unknown_name_is_pointed_at(year: Path) -> None:
    with pytest.raises(InvalidInput, match="Did you mean hour"):
        predictions(year, "delay", where="hours > 3").page()
    with pytest.raises(InvalidInput, match="A time is"):
        predictions(year, "delay", since="yesterday")


def test_nothing_logged_is_an_empty_page(tmp_path: Path) -> None:
    found = predictions(tmp_path, "none")
    assert (found.count(), found.page().rows.num_rows) == (0, 0)
    with pytest.raises(NotFound, match="Nothing has been logged"):
        found.arrow()


def test_versions_with_other_types_are_read_together(open_log: OpenLog, tmp_path: Path) -> None:
    for number, hour in enumerate([7, 7.5, "seven"]):
        log = open_log(signature=None)
        log.add(answered(number, frame={"hour": [hour]}))
        assert log.close() if number < 2 else log.flush()
    assert predictions(tmp_path, "delay").arrow().column("hour").to_pylist() == [
        "7.0",
        "7.5",
        "seven",
    ]


def test_sweep_removes_days_that_are_over(year: Path, tmp_path: Path) -> None:
    year = shutil.copytree(year, tmp_path / "copy")
    folder = predictions(year, "delay").folder
    assert retention.sweep(folder, 3, now_us=NOON + 11 * DAY) == 8
    assert predictions(year, "delay").count() == 20
    assert retention.sweep(folder, 1e9, now_us=NOON) == 0
    assert retention.sweep(folder, 0, now_us=NOON + 11 * DAY) == 3
    assert predictions(year, "delay").count() == 5
