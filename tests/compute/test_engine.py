"""The engine: limits, what it cannot reach, and being interrupted."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from mlops_lab.compute import open_engine
from mlops_lab.compute.engine import quote_glob
from mlops_lab.errors import InvalidInput

LONG = "select count(*) from range(1000000000000) where range % 7 = 3"


def test_limits_are_set(tmp_path: Path) -> None:
    with open_engine(tmp_path, threads=1, memory="200MB") as engine:
        found = engine.row(
            "select current_setting('threads'), current_setting('memory_limit'), "
            "current_setting('temp_directory'), current_setting('TimeZone'), "
            "current_setting('autoload_known_extensions'), current_setting('enable_progress_bar')"
        )
    assert found[0] == 1
    assert found[1] == "190.7 MiB"
    assert found[2].startswith(str(tmp_path))
    assert found[3:] == ("UTC", False, False)


def test_what_does_not_fit_goes_to_disk_and_is_removed(tmp_path: Path) -> None:
    with open_engine(tmp_path, memory="100MB") as engine:
        rows = engine.row(
            "select count(*) from (select i, row_number() over (order by hash(i)) "
            "from range(8000000) r(i))"
        )
    assert rows == (8_000_000,)
    assert list(tmp_path.iterdir()) == []


def test_more_than_memory_and_disk_is_said(tmp_path: Path) -> None:
    with (
        open_engine(tmp_path, memory="30MB") as engine,
        pytest.raises(InvalidInput, match="more memory"),
    ):
        engine.rows("select list(i) from range(50000000) r(i)")


def test_python_variables_are_no_tables(tmp_path: Path) -> None:
    frame = pa.table({"a": [1]})
    with open_engine(tmp_path) as engine, pytest.raises(duckdb.CatalogException):
        engine.rows("select * from frame")
    assert frame.num_rows == 1


def test_interrupt_stops_a_query_at_once(tmp_path: Path) -> None:
    begun = threading.Event()

    def interrupt() -> None:
        begun.wait(10)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with open_engine(tmp_path) as engine:
        with pytest.raises(KeyboardInterrupt):
            engine.run(lambda: (begun.set(), engine.connection.execute(LONG).fetchall()))
        # And it is of use afterwards.
        assert engine.row("select 1") == (1,)
    thread.join()


def test_interrupt_is_known_in_other_threads_by_its_own_word(tmp_path: Path) -> None:
    seen: list[BaseException] = []

    def scan() -> None:
        with open_engine(tmp_path) as engine:
            watcher = threading.Timer(0.2, engine.connection.interrupt)
            watcher.start()
            try:
                engine.rows(LONG)
            except BaseException as error:
                seen.append(error)

    thread = threading.Thread(target=scan)
    thread.start()
    thread.join()
    assert [type(error) for error in seen] == [KeyboardInterrupt]


def test_timeout_stops_a_query(tmp_path: Path) -> None:
    with open_engine(tmp_path) as engine, pytest.raises(InvalidInput, match=r"longer than 0\.1 s"):
        engine.run(lambda: engine.connection.execute(LONG).fetchall(), timeout_s=0.1)


def test_quote_glob_means_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "a b'[1]*{x}"
    folder.mkdir()
    (folder / "f?.csv").write_text("a\n1\n")
    (folder / "fx.csv").write_text("a\n2\n")
    (tmp_path / "a b'1y{x}").mkdir()
    (tmp_path / "a b'1y{x}" / "f?.csv").write_text("a\n3\n")
    with open_engine() as engine:
        found = engine.rows("select a from read_csv($1)", [quote_glob(folder / "f?.csv")])
    assert found == [(1,)]
