"""What a query may do, and everything that it may not."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

import pytest

from mlops_lab.errors import Forbidden, InvalidInput, LabError
from mlops_lab.store import ConceptTables, Fold, Store
from mlops_lab.store.sandbox import run_sql, run_sql_in_child

RUNNERS = {"here": run_sql, "child": run_sql_in_child}

THINGS = ConceptTables(
    name="things",
    ddl="create table if not exists lab.thing(id varchar, name varchar);",
    folds=(
        Fold(
            ("thing",),
            "insert into lab.thing select run, line->>'name' from lines where kind = 'thing'",
        ),
    ),
    views={"things": "select id, name from lab.thing"},
)


def make_store(folder):
    root = folder / "a b'[1]*{x}"
    root.mkdir()
    store = Store(root, (THINGS,))
    for i in range(5):
        store.append(
            {"e": "thing", "r": f"{i:032x}", "t": 1_700_000_000_000_000 + i, "name": f"thing {i}"}
        )
    return store


@pytest.fixture
def store(tmp_path):
    store = make_store(tmp_path)
    yield store
    store.close()


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """One store for all attacks: each leaves it as it was."""
    store = make_store(tmp_path_factory.mktemp("attacked"))
    run_sql(store, "select 1")
    yield store
    store.close()


@pytest.fixture(params=sorted(RUNNERS))
def run(request):
    return RUNNERS[request.param]


def test_public_views_are_reachable_by_their_names(store, run):
    result = run(store, "select name, id from things order by id limit 2")
    assert result.columns == ("name", "id")
    assert result.types == ("VARCHAR", "VARCHAR")
    assert result.arrow.to_pylist()[1] == {"name": "thing 1", "id": f"{1:032x}"}
    assert not result.truncated


@pytest.mark.parametrize(
    "query",
    [
        "from things",
        "with t as (select * from things) select count(*) from t",
        "select count(*) from lab.things",
        "values (1)",
        "describe things",
        "summarize things",
        "show tables",
        "explain select * from things",
        "explain analyze select * from things",
        "EXPLAIN (format json) select * from things",
        "select * from things; ",
        "-- a remark\nselect 1",
    ],
)
def test_reading_is_allowed(store, query):
    assert run_sql(store, query).arrow.num_rows > 0


def test_parameters_are_bound(store, run):
    found = run(store, "select id from things where name = $name", {"name": "thing 3"})
    assert found.arrow.num_rows == 1
    assert run(store, "select ?", ["'; drop table lab.thing"]).arrow.to_pylist()


def test_what_was_written_just_now_is_read(store, run):
    store.append({"e": "thing", "r": "f" * 32, "t": 1_800_000_000_000_000, "name": "new"})
    assert run(store, "from things where name = 'new'").arrow.num_rows == 1


ATTACKS = [
    # files, read
    "select * from read_csv('{file}')",
    "select * from '{file}'",
    "select * from read_text('{file}')",
    "select * from read_blob('{file}')",
    "select * from read_json('{file}')",
    "select * from read_json_objects('{file}')",
    "select * from read_parquet('{file}')",
    "select * from parquet_metadata('{file}')",
    "select * from sniff_csv('{file}')",
    "select * from glob('{folder}/*')",
    "select * from read_text('{folder}/*')",
    "select * from query('select * from read_text(''{file}'')')",
    "select * from query_table('{file}')",
    "select * from read_csv('http://127.0.0.1:9/x.csv')",
    "select * from 's3://bucket/x.parquet'",
    # files, written
    "copy (select 1) to '{folder}/out.csv'",
    "copy things to '{folder}/out.parquet'",
    "explain analyze copy (select 1) to '{folder}/out.csv'",
    "with x as (copy (select 1) to '{folder}/out.csv') select * from x",
    "export database '{folder}/out'",
    # the index and other databases
    "detach lab",
    "detach lab; attach '{index}' as lab",
    "attach '{index}' as other",
    "attach '{folder}/out.duckdb' as other",
    "attach ':memory:' as other",
    "use memory",
    "select * from query('attach ''{folder}/out.duckdb''')",
    "import database '{folder}'",
    "checkpoint lab",
    "force checkpoint lab",
    "vacuum",
    # writing
    "insert into lab.thing values ('a', 'b')",
    "update lab.thing set name = 'x'",
    "delete from lab.thing",
    "drop table lab.thing",
    "drop view things",
    "truncate lab.thing",
    "alter table lab.thing add column c integer",
    "create table t as select 1",
    "create temp table t as select 1",
    "create or replace view things as select 1",
    "create macro things() as table select 1",
    "explain analyze insert into lab.thing values ('a', 'b')",
    "explain analyze create temp table t as select 1",
    "explain (analyze) drop table lab.thing",
    "with x as (insert into lab.thing values ('a', 'b') returning *) select * from x",
    "merge into lab.thing using (select 'a' as id) s on thing.id = s.id when matched then delete",
    # settings, extensions, secrets
    "set threads = 1",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset disabled_filesystems",
    "set global python_enable_replacements = true",
    "pragma threads = 1",
    "pragma enable_external_access = true",
    "install httpfs",
    "load httpfs",
    "load '{file}'",
    "create secret s (type s3, key_id 'a', secret 'b')",
    "select * from enable_logging()",
    "call enable_logging()",
    "call pragma_version()",
    # statements
    "select 1; select 2",
    "select 1; drop table lab.thing",
    "begin",
    "commit",
    "prepare p as select 1",
    "execute p",
    "set variable v = 1",
    "",
    "   ",
    "-- nothing",
    "update extensions",
    "attach or replace '{index}' as lab",
    "detach database if exists lab",
    "copy from database lab to memory",
    "copy lab.thing from '{file}'",
    "create persistent secret s in local_file (type http)",
    "explain /* a */ analyze insert into lab.thing values ('a', 'b')",
    "explain (format json, analyze) insert into lab.thing values ('a', 'b')",
    "explain analyze explain analyze insert into lab.thing values ('a', 'b')",
    "with x as (update lab.thing set name = 'z' returning *) select * from x",
    "with x as (delete from lab.thing returning *) select * from x",
    "select * from query('select 1; drop table lab.thing')",
    "select * from read_duckdb('{index}')",
    "select * from read_text('/proc/self/environ')",
    "select * from read_csv('/dev/stdin')",
    "select * from duckdb_extensions()",
    "select * from pandas_scan(1::pointer)",
    "select * from force_checkpoint('lab')",
    "select * from json_execute_serialized_sql('{{}}')",
    "set profiling_output = '{folder}/out.json'",
    "pragma profiling_output = '{folder}/out.json'",
    "select 1\0; drop table lab.thing",
    # the process
    "select * from python_variable",
    "select * from frame",
    "select getenv('HOME')",
    "select * from pandas_scan(1)",
    "select * from arrow_scan(1, 2, 3)",
    "select * from memory.main.things",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused_and_change_nothing(attacked, tmp_path, attack):
    import pyarrow as pa

    python_variable = frame = pa.table({"a": [1]})
    assert python_variable is frame
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "secret.csv").write_text("a\n1\n")
    [index] = attacked.dir.glob("index-*.duckdb")
    before = index.read_bytes()
    query = attack.format(
        file=folder / "secret.csv",
        folder=folder,
        index=str(index).replace("'", "''"),
    )
    with pytest.raises((InvalidInput, Forbidden)):
        run_sql(attacked, query)
    assert sorted(path.name for path in folder.iterdir()) == ["secret.csv"]
    assert index.read_bytes() == before
    assert attacked.query("select count(*) from lab.things") == [(5,)]


@pytest.mark.parametrize(
    "attack",
    [
        "select * from read_text('/etc/passwd')",
        "copy (select 1) to '/tmp/mlops-lab-attack.csv'",
        "set lock_configuration = false",
        "drop table lab.thing",
    ],
)
def test_attacks_on_the_child_are_refused_with_the_same_errors(store, attack):
    with pytest.raises(LabError) as here:
        run_sql(store, attack)
    with pytest.raises(LabError) as child:
        run_sql_in_child(store, attack)
    assert type(child.value) is type(here.value)
    assert child.value.message == here.value.message


def test_an_unknown_table_is_pointed_at_and_the_nearest_named(store, run):
    with pytest.raises(InvalidInput, match=r"there are decisions, .*, things") as caught:
        run(store, "select * from thinsg")
    assert caught.value.details["position"] == 14
    assert caught.value.details["length"] == 6
    assert caught.value.details["suggestion"] == "things"


def test_wrong_sql_says_what_is_wrong(store, run):
    with pytest.raises(InvalidInput, match="nmae"):
        run(store, "select nmae from things")


def test_a_result_is_cut_at_the_row_limit(store, run):
    result = run(store, "select * from range(1000000000)", max_rows=25_000)
    assert result.arrow.num_rows == 25_000
    assert result.truncated
    exact = run(store, "select * from range(25000)", max_rows=25_000)
    assert exact.arrow.num_rows == 25_000
    assert not exact.truncated


def test_a_result_is_cut_at_the_size_limit(store, monkeypatch):
    monkeypatch.setattr("mlops_lab.store.sandbox.MAX_BYTES", 1 << 20)
    result = run_sql(store, "select repeat('x', 10000) as x from range(100000)")
    assert result.truncated
    assert 0 < result.arrow.num_rows < 100_000


def test_a_query_that_needs_too_much_memory_is_refused(store, run):
    with pytest.raises(InvalidInput, match="memory"):
        run(store, "select list(range || repeat('x', 100)) from range(100000000)")


def test_a_long_query_is_interrupted(store):
    started = time.monotonic()
    with pytest.raises(InvalidInput, match=r"longer than 0\.3 s"):
        run_sql(store, "select count(*) from range(1000000) a, range(1000000) b", timeout_s=0.3)
    assert time.monotonic() - started < 10


def test_ctrl_c_stops_a_long_query_at_once(store):
    run_sql(store, "select 1")
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_sql(store, "select count(*) from range(1000000) a, range(1000000) b")
    assert time.monotonic() - started < 10
    assert run_sql(store, "from things").arrow.num_rows == 5


def test_a_query_that_ignores_interrupts_is_killed(store, monkeypatch):
    monkeypatch.setattr("mlops_lab.store.sandbox._CHILD_GRACE_S", 1.0)
    started = time.monotonic()
    with pytest.raises(InvalidInput, match="longer than 1 s"):
        run_sql_in_child(store, "select list_aggregate(range(100000000), 'sum')", timeout_s=1.0)
    assert time.monotonic() - started < 15


def test_no_child_is_left_behind(store, monkeypatch):
    monkeypatch.setattr("mlops_lab.store.sandbox._CHILD_GRACE_S", 0.5)
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def remember(*args, **kwargs):
        started.append(real(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", remember)
    with pytest.raises(InvalidInput):
        run_sql_in_child(store, "select list_aggregate(range(100000000), 'sum')", timeout_s=0.5)
    [child] = started
    assert child.poll() is not None


def test_the_child_imports_nothing_from_the_current_folder(store, tmp_path, monkeypatch):
    (tmp_path / "duckdb.py").write_text("raise SystemExit('stolen')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert run_sql_in_child(store, "select 1").arrow.num_rows == 1


def test_queries_of_several_threads_do_not_disturb_one_another(store):
    found: list[int] = []

    def work() -> None:
        for _ in range(5):
            found.append(run_sql(store, "from things").arrow.num_rows)
            found.append(len(store.query("select * from lab.things")))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [5] * 40


def test_nothing_of_a_query_stays_in_the_process(store):
    run_sql(store, "select 1")
    with store.read() as cursor:
        rows = cursor.execute(
            "select current_database(), current_setting('lock_configuration')"
        ).fetchall()
    assert rows == [("memory", False)]


def test_a_huge_query_is_refused_unread(store, run):
    with pytest.raises(InvalidInput, match="characters"):
        run(store, "select " + "1+" * 100_000 + "1")


def test_deep_nesting_is_an_error_and_no_crash(store, run):
    with pytest.raises(InvalidInput):
        run(store, "select " + "(" * 40_000 + "1" + ")" * 40_000)
