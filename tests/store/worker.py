"""The processes of the store's tests: small verbs, which `nursery.py` forks.

What a process has been acknowledged is in a file that survives its death.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import threading
import time
from pathlib import Path

from mlops_lab.store import ConceptTables, Fold, Store

BY = {"id": "tester", "via": "test"}

TABLES = ConceptTables(
    name="demo",
    ddl="""
    create table lab.run(id varchar, owner varchar, t bigint, off bigint, said varchar,
                         status varchar);
    create table lab.point(run varchar, key varchar, step bigint, value double, writer varchar,
                           off bigint);
    create table lab.removed(run varchar, n bigint);
    """,
    folds=(
        Fold(
            ("run", "end"),
            """
            insert into lab.run
            select run, null, null, null, null, null
            from (select distinct run from lines where kind in ('run', 'end'))
            where run not in (select id from lab.run);
            update lab.run set owner = x.writer, t = x.t, off = x.off
            from (select run, last(writer order by t, writer, off) as writer,
                         last(off order by t, writer, off) as off, max(t) as t
                  from lines where kind = 'run' group by run) x
            where run.id = x.run
              and (run.t is null or (x.t, x.writer, x.off) > (run.t, run.owner, run.off));
            update lab.run set said = x.status
            from (select run, max(line ->> '$.status') as status
                  from lines where kind = 'end' group by run) x
            where run.id = x.run;
            update lab.run set status = coalesce(said, 'running');
            """,
        ),
        Fold(
            ("metric",),
            """
            insert into lab.point
            select run, unnest(map_keys(m)), step, unnest(map_values(m)), writer, off
            from (select *, from_json(line -> '$.m', '"MAP(VARCHAR, DOUBLE)"') as m,
                         (line ->> '$.s')::bigint as step
                  from lines where kind = 'metric');
            """,
        ),
        Fold(
            ("run.delete",),
            """
            insert into lab.removed
            select run, (line ->> '$.n')::bigint from lines where kind = 'run.delete';
            """,
        ),
    ),
    views={
        "runs": "select id, owner, status from lab.run",
        "points": "select run, key, step, value from lab.point",
        "removed_runs": "select run, n from lab.removed",
    },
    deaths="""
    update lab.run set status = 'killed'
    where said is null and status = 'running' and owner in (select writer from dead);
    update lab.run set status = 'running'
    where said is null and status = 'killed' and owner in (select writer from alive);
    """,
)


class Acks:
    """How many things were acknowledged, in a file: written after each, read after a death."""

    def __init__(self, path: str | Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)

    def set(self, count: int) -> None:
        os.pwrite(self._fd, struct.pack("q", count), 0)


def acknowledged(path: Path) -> int:
    """What `Acks` wrote."""
    data = path.read_bytes()
    return struct.unpack("q", data)[0] if data else 0


def now_us() -> int:
    return time.time_ns() // 1000


def run_line(run: str) -> dict[str, object]:
    return {"e": "run", "r": run, "t": now_us(), "name": run}


def metric_line(run: str, step: int, value: float | None = None) -> dict[str, object]:
    return {"e": "metric", "r": run, "t": now_us(), "m": {"x": value or float(step)}, "s": step}


def end_line(run: str) -> dict[str, object]:
    return {"e": "end", "r": run, "t": now_us(), "status": "finished"}


def log(root: str, run: str, acks: str, per_s: float = 0, seconds: float = 1e9) -> None:
    """Log points until killed, or for some seconds and then end the run."""
    store, acked, until = Store(Path(root), [TABLES]), Acks(acks), time.monotonic() + seconds
    store.append(run_line(run))
    step, start = 0, time.monotonic()
    while time.monotonic() < until:
        store.append(metric_line(run, step))
        step += 1
        acked.set(step)
        if per_s:
            time.sleep(max(0.0, start + step / per_s - time.monotonic()))
    store.append(end_line(run))
    store.close()


def fold(root: str, acks: str) -> None:
    """Fold until killed, a few points of its own each time."""
    store, acked, count = Store(Path(root), [TABLES]), Acks(acks), 0
    while True:
        store.fold(force=True, wait_s=5)
        count += 1
        acked.set(count)


def decide(root: str, run: str, acks: str) -> None:
    """Take decisions until killed."""
    store, acked, count = Store(Path(root), [TABLES]), Acks(acks), 0
    while True:
        store.decide("run.delete", {"run": run, "count": count + 1}, by=BY)
        count += 1
        acked.set(count)


def read(root: str, acks: str, seconds: float) -> None:
    """Read for some seconds; going back in time, or any error, shows in the exit code."""
    store, acked, seen, count = Store(Path(root), [TABLES]), Acks(acks), 0, 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ((points,),) = store.query("select count(*) from lab.points")
        assert points >= seen, f"{points} points after {seen}"
        seen, count = points, count + 1
        acked.set(count)


def begin(root: str, run: str, go: str) -> None:
    """Wait for the file `go`, then use a project that may not exist yet, from start to end."""
    while not os.path.exists(go):
        time.sleep(0.001)
    store = Store(Path(root), [TABLES])
    store.append(run_line(run), metric_line(run, 0), end_line(run))
    store.decide("run.delete", {"run": run}, by=BY)
    rows = store.query("select count(*) from lab.points where run = ?", [run])
    assert rows == [(1,)], rows
    store.close()


def fork_while_logging(root: str, acks: str, children: int) -> None:
    """Two threads log while the main one forks children that log as well; then wait for a kill.

    The last child outlives this process: it must not keep it looking alive.
    """
    store, acked = Store(Path(root), [TABLES]), Acks(acks)
    store.append(run_line("parent"))
    store.hold()
    stop, counts = threading.Event(), [0, 0]

    def work(number: int) -> None:
        while not stop.is_set():
            store.append(metric_line(f"thread{number}", counts[number]))
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    pids = []
    for child in range(children):
        pid = os.fork()
        if pid == 0:
            try:
                for step in range(100):
                    store.append(metric_line(f"child{child}", step))
                ((points,),) = store.query(
                    "select count(*) from lab.points where run = ?", [f"child{child}"]
                )
                os._exit(0 if points == 100 else 1)
            finally:
                os._exit(2)
        pids.append(pid)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    stop.set()
    for thread in threads:
        thread.join()
    sleeper = os.fork()
    if sleeper == 0:
        signal.pause()
    Path(f"{acks}.json").write_text(
        json.dumps({"codes": codes, "threads": counts, "sleeper": sleeper})
    )
    acked.set(1)
    signal.pause()


VERBS = {verb.__name__: verb for verb in (log, fold, decide, read, begin, fork_while_logging)}


def warm() -> None:
    import duckdb  # noqa: F401
