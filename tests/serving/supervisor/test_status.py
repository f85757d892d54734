"""How an endpoint stands, and where: figures add up, liveness is a process, paths are short."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_lab.errors import Conflict, Unavailable
from mlops_lab.serving import desired, places, processes, status
from mlops_lab.serving.doors import Doors, Sockets
from mlops_lab.serving.figures import STEP_S, STEPS, Figures
from mlops_lab.serving.latency import bucket
from mlops_lab.serving.records import Desired, Revision
from mlops_lab.serving.status import RevisionStatus, Status, WorkerStatus

SECOND = 1_000_000
NAME = "Verspätung"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for sockets: that of pytest may be too long for them."""
    folder = Path(tempfile.mkdtemp(prefix="s", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder
    shutil.rmtree(folder)


def report(requests: int, seconds: float = 0.01, errors: int = 0) -> dict[str, object]:
    counts = {"requests": requests, "rows": 2 * requests, "errors": errors, "rejected": 0}
    return {
        "counts": {"stable": counts, "canary": {"forwarded": 3}},
        "latency": [[bucket(seconds), requests]],
        "log": {"written": requests, "dropped": 1, "dead": False},
        "shadow": {"sent": 0, "dropped": 0},
    }


def stands(figures: Figures, now: int, **also: object) -> Status:
    told = RevisionStatus("r1", "delay", 1, "stable", "ready", **figures.now("r1", now))
    ring, log = figures.ring(["r1"]), dict(figures.log)
    return Status(NAME, 3, "serving", revisions=(told,), ring=ring, log=log, **also)  # type: ignore[arg-type]


def test_figures_of_workers_add_up_and_go_on_after_their_supervisor() -> None:
    figures = Figures(0)
    for second in range(60):
        figures.report("r1", report(10, errors=1))
        figures.report("r1", report(10, seconds=0.1))
        figures.turn((second + 1) * SECOND)
    now = figures.now("r1", 60 * SECOND)
    assert (now["requests"], now["rows"], now["errors"]) == (1200, 2400, 60)
    assert now["rps"] == pytest.approx(20, rel=0.2)
    assert now["p50_ms"] == pytest.approx(10, rel=0.05)
    assert now["p99_ms"] == pytest.approx(100, rel=0.05)
    ring = figures.ring(["r1", "r2"])
    assert ring["revisions"]["r1"]["requests"] == [100] * 12
    assert ring["revisions"]["r2"]["p50_ms"] == [None] * 12

    written = Status.from_json(stands(figures, 60 * SECOND).to_json())
    after = Figures(70 * SECOND, written)
    after.report("r1", report(1))
    after.turn(75 * SECOND)
    assert after.now("r1", 75 * SECOND)["requests"] == 1201
    assert after.ring(["r1"])["revisions"]["r1"]["requests"] == [*[100] * 12, 1]
    assert after.log == {"written": 1201, "dropped": 121, "sent": 0}


def test_a_ring_holds_a_quarter_of_an_hour_whatever_the_clock_does() -> None:
    figures = Figures(0)
    figures.report("r1", report(1))
    figures.turn(10**15)
    ring = figures.ring(["r1"])
    assert len(ring["t"]) == STEPS
    assert ring["t"][-1] == 10**15 - STEP_S * SECOND
    figures.turn(0)
    assert len(figures.ring(["r1"])["t"]) == STEPS


def test_a_process_lives_only_with_the_start_it_had(tmp_path: Path) -> None:
    here = status.start_of(os.getpid())
    assert status.is_alive(os.getpid(), here)
    # Ids are used again, and what nobody has waited for has ended.
    assert not status.is_alive(os.getpid(), here - 60)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = status.start_of(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not status.is_alive(child.pid, began)
    child.communicate()

    (tmp_path / ".mlops" / "endpoints").mkdir(parents=True)
    me = {"pid": os.getpid(), "host": platform.node()}
    status.write(tmp_path, stands(Figures(0), 0, started=here, **me))
    found = status.read(tmp_path, NAME)
    assert found is not None
    assert (found.state, found.alive) == ("serving", True)
    # Its supervisor is gone: somebody else's process has the id.
    gone = stands(Figures(0), 0, started=here - 60, **me)
    status.write(tmp_path, gone)
    assert status.read(tmp_path, NAME) is None
    left = WorkerStatus(os.getpid(), here)
    (revision,) = gone.revisions
    orphaned = Status.from_json({**gone.to_json(), "revisions": [{**_json(revision, left)}]})
    status.write(tmp_path, orphaned)
    found = status.read(tmp_path, NAME)
    assert found is not None
    assert (found.state, found.workers()) == ("degraded", [left])
    places.status(tmp_path, NAME).write_text('{"torn')
    assert status.read(tmp_path, NAME) is None


def _json(revision: RevisionStatus, worker: WorkerStatus) -> dict[str, object]:
    from dataclasses import asdict, replace

    return asdict(replace(revision, workers=(worker,)))


def test_what_one_said_that_is_gone_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    should = Desired(NAME, 3, "serving", (Revision("r1", "delay", 1, "b3-0"),), "r1")
    desired.write(tmp_path, should)
    status.write(tmp_path, stands(Figures(0), 0, pid=2**22 + 1, started=1.0, wanted=3))
    monkeypatch.setattr(processes, "_BEGIN_S", 0.0)
    with pytest.raises(Unavailable, match="Its supervisor ended"):
        processes.wait(tmp_path, NAME, 3, 1.0)


@pytest.mark.parametrize("long", [False, True])
def test_a_sockets_path_is_short_and_private(
    tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch, long: bool
) -> None:
    deep = tmp_path / ("p" * 200) / "project"
    deep.mkdir(parents=True)
    if long:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
        monkeypatch.setattr(tempfile, "tempdir", str(deep))
    folder = places.sockets_made(deep, NAME)
    try:
        assert (str(short) in str(folder)) != long
        assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
        worker = places.private(folder, "r1234", 63, "3fffff-123456")
        assert len(os.fsencode(worker)) <= places.LONGEST_SOCKET
        assert places.sockets(deep, NAME + "2") != folder
    finally:
        folder.rmdir()


def test_a_folder_that_leads_elsewhere_takes_no_sockets(tmp_path: Path, short: Path) -> None:
    (short / f"mlops-lab-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(Conflict, match="not a folder of yours"):
        places.sockets_made(tmp_path, NAME)


def test_a_new_socket_is_seen_only_when_it_is_published(short: Path) -> None:
    path = short / "public.sock"
    first = Sockets(path, None, "", alone=True)
    assert not path.exists()
    first.publish()
    second = Sockets(path, None, "", alone=True)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        served, _ = first.all[0].accept()
        served.close()
    second.publish()
    assert (first.lost(), second.lost()) == (True, False)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        served, _ = second.all[0].accept()
        served.close()
    # The first one takes nothing with it that is not its own.
    first.close()
    assert not second.lost()
    second.close()
    assert list(short.iterdir()) == []


def test_a_port_is_not_shared_but_with_the_supervisor_before(short: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    first = Sockets(short / "1.sock", port, "127.0.0.1", alone=True)
    first.publish()
    with pytest.raises(OSError, match="in use"):
        Sockets(short / "2.sock", port, "127.0.0.1", alone=True)
    Sockets(short / "3.sock", port, "127.0.0.1", alone=False).close()

    should = Desired(NAME, 1, "serving", (), "r1", port=port)
    doors = Doors(short / "project", NAME, follows=False)
    assert doors.see(should, published=False) is None
    assert doors.trouble == f"{NAME} cannot listen on port {port}: Address already in use."
    first.close()
    doors.close()
    assert list(short.glob("*.sock")) == []
