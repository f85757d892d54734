"""Nothing that is asked can make a request wait, fail, or lose another one's line."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_lab.serving.predictions import files, scanning
from mlops_lab.serving.predictions.columns import Columns, fit
from mlops_lab.serving.predictions.reading import predictions
from mlops_lab.serving.predictions.rows import encode
from mlops_lab.serving.predictions.writing import Log
from mlops_lab.store.beside import read_stream

from .conftest import NOON, SIGNATURE, answered

OpenLog = Callable[..., Log]


def read(tmp_path: Path) -> pd.DataFrame:
    return predictions(tmp_path, "delay").arrow().to_pandas()


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file grows past a size: what a full disk looks like to who writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_line_has_who_answered_what(open_log: OpenLog, tmp_path: Path) -> None:
    log = open_log()
    log.add(answered(1, rows=2, unit="N1", rollout="a" * 32, role="canary", extra={"id": [7, 8]}))
    log.add(answered(2, frame=None, columns=None, status=400, error="no column hour"))
    assert log.flush()
    table = read(tmp_path)
    first = table.iloc[0].to_dict()
    assert first["prediction_id"] == f"{1:032x}-0"
    assert (first["role"], first["unit"], first["version"]) == ("canary", "N1", 1)
    assert (first["carrier"], first["hour"], first["probability_yes"]) == ("EV", 1, 0.5)
    assert table["id"].tolist()[:2] == [7, 8]
    assert table["status"].tolist() == [200, 200, 400]
    assert table["error"].iloc[2] == "no column hour"
    assert (log.written, log.dropped, log.dead) == (3, 0, False)


def test_frames_and_arrays_are_logged_as_rows_are(open_log: OpenLog, tmp_path: Path) -> None:
    log = open_log(signature=None)
    log.add(answered(1, frame=pd.DataFrame({"a": [1], "b": ["x"]})))
    log.add(answered(2, frame=pd.DataFrame({"a": [2], "b": [None]})))
    log.add(answered(3, frame=np.array([[1.5, 2.5]])))
    log.add(answered(4, frame=np.zeros((1, 700))))
    assert log.flush()
    table = read(tmp_path)
    assert table["a"].tolist()[:2] == [1, 2]
    assert table["b"].iloc[0] == "x"
    assert table["x1"].iloc[2] == 2.5
    assert len(table["x"].iloc[3]) == 700


def test_what_does_not_fit_is_told_beside_its_row(open_log: OpenLog, tmp_path: Path) -> None:
    odd = {
        "carrier": np.array(["a\0b", "\ud800", "x" * (2 << 20), 7], dtype=object),
        "hour": np.array([1, 7.5, 10**30, "noon"], dtype=object),
        "temp": np.array([None, 10**400, float("inf"), b"\xff"], dtype=object),
    }
    log = open_log()
    log.add(answered(1))
    log.add(answered(2, rows=4, frame=odd))
    log.add(answered(3))
    assert log.flush()
    table = read(tmp_path).iloc[1:5]
    assert table["carrier"].iloc[0] == "a\0b"
    assert table["carrier"].iloc[1] == "\\ud800"
    assert len(table["carrier"].iloc[2]) == 1 << 20
    assert table["carrier"].iloc[3] == "7"
    assert table["hour"].isna().tolist() == [False, True, True, True]
    assert "7.5" in table["unfit"].iloc[1]
    assert pd.isna(table["unfit"].iloc[0])
    assert (log.written, log.dropped, log.unfit) == (6, 0, 5)


def test_columns_of_one_name_stay_apart(open_log: OpenLog, tmp_path: Path) -> None:
    frame = {"T": np.array([1.0]), "t": np.array([2.0]), "Status": ["x"], "prediction": ["y"]}
    log = open_log(signature=None)
    log.add(answered(1, frame=frame))
    assert log.flush()
    row = read(tmp_path).iloc[0]
    assert (row["in_T"], row["in_in_t"]) == (1.0, 2.0)
    assert (row["in_Status"], row["in_prediction"], row["prediction"]) == ("x", "y", 1)


def test_new_column_begins_a_file_and_all_are_read(open_log: OpenLog, tmp_path: Path) -> None:
    log = open_log()
    log.add(answered(1))
    assert log.flush()
    log.add(answered(2, extra={"flight": ["EV1"]}))
    assert log.flush()
    assert read(tmp_path)["flight"].dropna().tolist() == ["EV1"]


def test_full_buffer_drops_and_counts(open_log: OpenLog) -> None:
    log = open_log(buffer_rows=10)
    kept = [log.add(answered(i, rows=6)) for i in range(2)]
    assert kept == [True, False]
    assert log.flush()
    assert (log.written, log.dropped) == (6, 6)
    assert log.add(answered(3, rows=6))
    big = open_log(buffer_bytes=10_000)
    assert not big.add(answered(1, size=1 << 20))
    text = {"carrier": np.array(["x" * 20_000], dtype=object)}
    assert not big.add(answered(2, frame=text)), "without a size it is estimated"


def test_full_disk_is_told_and_survived(open_log: OpenLog, tmp_path: Path) -> None:
    log = open_log(buffer_rows=30)
    log.add(answered(1))
    assert log.flush()
    with full_disk(files.open_files(log.folder)[0].stat().st_size + 100):
        for i in range(2, 50):
            log.add(answered(i))
            if i == 3:
                assert not log.flush(1.0)
        assert log.dead
        assert log.dropped > 0
        assert len(read(tmp_path)) == 1, "what was written before can be read"
    assert log.flush(10)
    assert not log.dead
    table = read(tmp_path)
    assert len(table) == log.written == 49 - log.dropped
    log.add(answered(99))
    assert log.close()
    assert len(read(tmp_path)) == log.written == 50 - log.dropped


def test_close_makes_parquet_of_the_open_file(open_log: OpenLog, tmp_path: Path) -> None:
    log = open_log()
    log.add(answered(1))
    assert log.close()
    assert files.open_files(log.folder) == []
    assert [one.suffix for one in log.folder.glob("day=*/*")] == [".parquet"]
    assert len(read(tmp_path)) == 1
    assert not log.add(answered(2)), "what comes after the end is dropped"
    assert log.dropped == 1


def test_large_file_and_new_day_begin_another(open_log: OpenLog, tmp_path: Path) -> None:
    now = [NOON * 1000]
    log = open_log(rotate_bytes=20_000, clock=lambda: now[0])
    log.add(answered(1, rows=300))
    assert log.flush()
    log.add(answered(2))
    assert log.flush()
    now[0] += 24 * 3600 * 10**9
    log.add(answered(3, at=NOON + 86_400_000_000))
    assert log.flush()
    assert log.close()
    assert len(list(log.folder.glob("day=*/*.parquet"))) == 3
    assert {one.name for one in log.folder.glob("day=*")} == {"day=2026-11-22", "day=2026-11-23"}
    assert len(read(tmp_path)) == 302


def test_deleted_file_is_begun_anew(open_log: OpenLog, tmp_path: Path) -> None:
    log = open_log()
    log.add(answered(1))
    assert log.flush()
    files.open_files(log.folder)[0].unlink()
    log.add(answered(2))
    assert log.flush()
    assert read(tmp_path)["request_id"].tolist() == [f"{2:032x}"]


def test_torn_end_is_cut(open_log: OpenLog, tmp_path: Path) -> None:
    log = open_log()
    log.add(answered(1))
    assert log.flush()
    size = files.open_files(log.folder)[0].stat().st_size
    log.add(answered(2))
    assert log.flush()
    path = files.open_files(log.folder)[0]
    whole = path.read_bytes()
    copy = tmp_path / "copy.arrows"
    for end in (0, 7, 200, size - 1, size, size + 1, size + 9, len(whole) - 1, len(whole)):
        copy.write_bytes(whole[:end])
        rows = sum(batch.num_rows for batch in read_stream(copy))
        assert rows == (0 if end < size else 1 if end < len(whole) else 2), end
    copy.write_bytes(whole[:size] + b"\0" * 500)
    assert sum(batch.num_rows for batch in read_stream(copy)) == 1


WRITER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import SIGNATURE, answered
from mlops_lab.serving.predictions.writing import Log
from mlops_lab.store.beside import read_stream
log = Log(Path(sys.argv[1]), worker="r1-0", signature=SIGNATURE)
number = 0
while True:
    log.add(answered(number, size=100))
    number += 1
    if number % 50 == 0:
        print(log.written, flush=True)
        time.sleep(0.002)
"""


def test_killed_writer_loses_nothing_that_was_written(open_log: OpenLog, tmp_path: Path) -> None:
    folder = tmp_path / ".mlops" / "predictions" / "delay"
    root = str(Path(__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), root], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        written = 0
        while written < 500:
            line = process.stdout.readline()
            assert line
            written = int(line)
        os.kill(process.pid, signal.SIGKILL)
    table = read(tmp_path)
    assert len(table) >= written
    assert sorted(table["hour"]) == list(range(len(table))), "none twice, none left out"
    assert files.adopt(folder) == 1
    assert files.open_files(folder) == []
    assert read(tmp_path).equals(table)


def test_living_writers_file_is_not_taken(open_log: OpenLog) -> None:
    log = open_log()
    log.add(answered(1))
    assert log.flush()
    assert files.adopt(log.folder) == 0
    log.add(answered(2))
    assert log.flush()
    assert log.written == 2


def test_damaged_file_is_set_aside_and_stops_no_other(open_log: OpenLog, tmp_path: Path) -> None:
    folder = scanning.folder_of(tmp_path, "delay")
    (folder / "open").mkdir(parents=True)
    stem = folder / "open" / f"{NOON}-r1-0"
    stem.with_name(f"{stem.name}-1.arrows").write_bytes(b"no stream" * 200_000)
    stem.with_name(f"{stem.name}-2.arrows").write_bytes(b"")
    log = open_log()
    log.add(answered(1))
    assert log.flush()
    path = files.open_files(folder)[-1]
    stem.with_name(f"{stem.name}-3.arrows").write_bytes(path.read_bytes())
    assert log.close()
    files.adopt(folder)
    assert [one.name for one in (folder / "open").iterdir()] == [f"{stem.name}-1.torn"]
    assert len(read(tmp_path)) == 2


def test_both_files_of_a_death_between_count_once(open_log: OpenLog, tmp_path: Path) -> None:
    log = open_log()
    log.add(answered(1))
    assert log.flush()
    path = files.open_files(log.folder)[0]
    data = path.read_bytes()
    assert log.close()
    path.write_bytes(data)  # it was not removed
    assert len(read(tmp_path)) == 1
    assert files.adopt(log.folder) == 0
    assert files.open_files(log.folder) == []


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=[]), max_size=20),
    st.binary(max_size=20),
    st.datetimes(),
    st.decimals(),
    st.lists(st.integers(), max_size=2),
    st.just(10**5000),
)


@given(st.lists(VALUES, max_size=6))
@settings(max_examples=60)
@pytest.mark.parametrize("kind", ["boolean", "integer", "number", "text", "time", "numbers"])
def test_any_value_fits_or_is_told(kind: str, values: list[object]) -> None:
    array, unfit = fit(values, kind)
    assert len(array) == len(values)
    assert all(array[place].as_py() is None for place in unfit)
    array.validate(full=True)


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=[]), max_size=9), VALUES, max_size=6)
)
@settings(max_examples=30)
def test_any_column_can_be_read(given: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        log = Log(scanning.folder_of(root, "delay"), worker="r1", signature=None)
        log.add(answered(1, frame={name: [value] for name, value in given.items()}))
        log.add(answered(2, extra={name: [value] for name, value in given.items()}))
        assert log.close()
        assert (log.written, log.dropped) == (2, 0)
        assert predictions(root, "delay").page().rows.num_rows == 2


def test_odd_request_spoils_no_other() -> None:
    torn = answered(2, rows=2, columns={"prediction": np.ones(3)})
    made = encode([answered(1), torn, answered(3)], Columns(SIGNATURE))
    assert sum(one.rows for one in made) == 3, "of the torn one a line says that it was"
    assert sum(one.lost for one in made) == 1


def test_add_is_a_list_append(open_log: OpenLog) -> None:
    log = open_log()
    began = time.thread_time()
    for i in range(2_000):
        log.add(answered(i, size=100))
    # A bound that only disk or encoding on the request's path would break, not a slow machine.
    assert time.thread_time() - began < 2_000 * 0.0005
