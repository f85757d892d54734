"""An endpoint with real processes under load: no request fails but those of a killed worker."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from mlops_lab.errors import Unavailable
from mlops_lab.serving import desired, processes, status
from mlops_lab.store.lock import is_held

from .conftest import NAME, Site, tamper, wait_until


def test_versions_come_and_go_and_a_killed_supervisor_is_followed_under_load(site: Site) -> None:
    # Two people deploy at once: the decisions follow each other, and there is one supervisor.
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda ref: site.deploy(ref), [f"{NAME}@1", f"{NAME}@2"]))
    first = site.settled()
    should = desired.read(site.root, NAME)
    assert should is not None
    assert first.seq == should.seq == max(each.seq for each in both)
    assert {each.pid for each in both} == {first.pid}
    assert len(_supervisors(site.root)) == 1

    asking = site.ask()
    asking.more()
    stable = should.stable
    change = site.manager.canary(NAME, f"{NAME}@3", 20)
    tried = site.done(change)
    assert change.desired.rollout is not None
    candidate = change.desired.rollout.candidate
    asking.more(candidate)
    asking.more(stable)
    shares = {each.id: each.share for each in tried.revisions}
    assert (shares[stable], shares[candidate]) == (80.0, 20.0)

    site.done(site.manager.promote(NAME))
    before = asking.answers[stable]
    asking.more(candidate)
    # A request that was on its way when it was decided may still be the former version's.
    assert asking.answers[stable] - before <= 2
    site.done(site.manager.rollback(NAME))
    asking.more(stable)
    assert asking.failed == []

    former = site.settled()
    os.kill(former.pid, signal.SIGKILL)
    now = site.settled(former.pid)
    asking.more(stable)
    old = [worker for each in former.revisions for worker in each.workers]
    wait_until(lambda: not any(status.is_alive(w.pid, w.started) for w in old), "the orphans' end")
    asking.more(stable)
    assert asking.failed == []
    assert len(_supervisors(site.root)) == 1
    # What was counted before goes on.
    counted = {each.id: each.requests for each in former.revisions}
    wait_until(lambda: _requests(site, stable) > counted[stable], "the sum of both")

    # A worker that is killed takes what it was asked with it, and comes back.
    (worker,) = next(each.workers for each in now.revisions if each.id == stable)
    os.kill(worker.pid, signal.SIGKILL)
    asking.more(stable)
    assert len(asking.failed) <= 2

    # What is asked while it stops is answered or refused, and then nothing is left.
    site.manager.stop(NAME)
    processes.stop(site.root, NAME)
    asking.end()
    last = site.status
    assert (last.state, last.socket, site.processes()) == ("stopped", last.socket, [])
    assert last.socket is not None
    assert not last.socket.parent.exists()
    assert _supervisors(site.root) == []
    assert not is_held(site.root / ".mlops" / "endpoints" / f"{NAME}.lock")


def test_a_tampered_model_is_not_served_and_does_not_disturb(site: Site) -> None:
    first = site.deploy(f"{NAME}@1")
    asking = site.ask()
    asking.more("r1")
    # Changed between the decision and its supervisor: nobody but who loads it can notice.
    os.kill(first.pid, signal.SIGSTOP)
    change = site.manager.canary(NAME, f"{NAME}@2", 50)
    assert change.desired.rollout is not None
    tamper(site.project, change.desired.revision(change.desired.rollout.candidate).digest)
    os.kill(first.pid, signal.SIGCONT)
    with pytest.raises(Unavailable, match=r"(?s)not served as decided: .*not what"):
        site.done(change)
    # The guard ends the rollout by itself, and says why.
    back = wait_until(lambda: _events(site) > 2 and site.manager.history(NAME)[0], "a decision")
    assert (back.verb, back.by) == ("rollback", "guard")
    assert "cannot serve" in back.reason
    assert back.desired.rollout is None
    assert set(asking.answers) == {"r1"}
    assert asking.failed == []

    # Who deletes the project ends its processes, and nothing of it is made again.
    asking.end()
    running = site.processes()
    site.project.close()
    shutil.rmtree(site.root)
    wait_until(lambda: not any(process.is_running() for process in running), "their end")
    assert not site.root.exists()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_in_the_foreground_workers_end_with_their_supervisor(
    site: Site, ending: signal.Signals
) -> None:
    site.manager.deploy(NAME, f"{NAME}@1", backend="sklearn")
    process = _foreground(site.root)
    try:
        wait_until(lambda: status.recorded(site.root, NAME), "its first words")
        found = site.settled()
        assert found.pid == process.pid
        asking = site.ask()
        asking.more("r1")
        asking.end()
        process.send_signal(ending)
        said, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    wait_until(lambda: site.processes() == [], "the end of its workers")
    assert "delay@1 answers" in said
    assert process.returncode == (0 if ending == signal.SIGTERM else -signal.SIGKILL)
    assert found.socket is not None
    assert ending == signal.SIGKILL or not found.socket.exists()


def test_in_the_foreground_a_model_that_does_not_start_ends_it(site: Site) -> None:
    change = site.manager.deploy(NAME, f"{NAME}@1", backend="sklearn")
    tamper(site.project, change.desired.revision("r1").digest)
    process = _foreground(site.root)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert site.status.state == "failed"
    assert site.status.sentence in said


def _foreground(root: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-P", "-m", "mlops_lab", "--project", str(root)]
    return subprocess.Popen(
        [*words, "endpoint", "serve", NAME],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _supervisors(root: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(root) in words and "serve" in words:
            found.append(process.pid)
    return found


def _requests(site: Site, revision: str) -> int:
    return next(each.requests for each in site.status.revisions if each.id == revision)


def _events(site: Site) -> int:
    site.project.store.fold(force=True)
    return len(site.manager.history(NAME))
