"""Several processes at once, and processes that are killed: nothing is lost, shared or skipped."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.project import Project

Write = Callable[[str, bytes | str], Path]
# `make soak` kills more.
KILLS = int(os.environ.get("MLOPS_LAB_KILLS", "12"))


def listing(folder: Path) -> dict[str, bytes]:
    files = (one for one in folder.rglob("*") if one.is_file())
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in files}


def told_in(path: str) -> list[list[str]]:
    """What a process was told: a line for each, as words."""
    file = Path(path)
    return [line.split(" ", 2) for line in file.read_text().splitlines()] if file.exists() else []


def inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


@pytest.mark.slow
def test_kills_in_the_middle_of_commits_lose_nothing(
    project: Project, write: Write, nursery: Any
) -> None:
    rng = random.Random(3)
    sources = []
    for n in range(15):
        if n % 3:
            sources.append(write(f"kill/{n}.bin", rng.randbytes(200_000)))
        else:
            for part in range(5):
                path = write(f"kill/{n}/{part}.csv", f"x\n{n * 10 + part}\n" * 300)
            sources.append(path.parent)
    before = listing(project.root / "data")
    told: dict[str, str] = {}
    killed = attempts = 0
    while killed < KILLS:
        attempts += 1
        name = f"acks-{attempts}"
        chosen = [str(one) for one in rng.sample(sources, len(sources))]
        pid = nursery.start(
            "commit", root=str(project.root), name="kill", sources=chosen, acks=nursery.path(name)
        )
        # From the very beginning of the first commit to somewhere in a later one, however fast
        # this machine is just now.
        if attempts % 2:
            nursery.wait_for_ack(name, rng.randint(1, 3))
        time.sleep(rng.uniform(0.0, 0.1))
        nursery.kill(pid)
        acknowledged = told_in(nursery.path(name))
        killed += len(acknowledged) < len(chosen)
        for version, digest, _ in acknowledged:
            assert told.setdefault(version, digest) == digest
    assert listing(project.root / "data") == before
    found = {str(one.version): one.digest for one in project.datasets.versions("kill")}
    # What was acknowledged is there; what was not may be; numbers have no gaps.
    assert told.items() <= found.items()
    assert sorted(map(int, found)) == list(range(1, len(found) + 1))
    assert project.store.verify() == []
    for source in sources:
        project.datasets.commit("kill", source)
    assert len(project.datasets.versions("kill")) == len(sources)
    assert project.store.verify() == []
    assert list((project.store.dir / "tmp").glob("put-*")) == [], "what they left was swept"


@pytest.mark.slow
def test_kills_in_the_middle_of_checkouts_leave_whole_files(
    project: Project, write: Write, nursery: Any
) -> None:
    rng = random.Random(4)
    versions: list[dict[str, bytes]] = []
    folder = project.root / "data" / "kill"
    for n in range(2):
        for part in range(300):
            write(f"kill/{part}.bin", rng.randbytes(20_000) if part % 6 else b"same" * 5_000)
        write(f"kill/only-{n}.bin", rng.randbytes(1000))
        (folder / f"only-{1 - n}.bin").unlink(missing_ok=True)
        project.datasets.commit("kill", folder)
        versions.append(listing(folder))
    out = project.root / "out"
    interrupted = 0
    for n in range(KILLS):
        # Killed when one of the files is being replaced: 250 are, in the order of their names.
        watched = out / f"{rng.randrange(300) // 6 * 6 + 1}.bin"
        before = inode(watched)
        pid = nursery.start(
            "checkout", root=str(project.root), refs=["kill@1", "kill@2"], dest=str(out),
            acks=nursery.path(f"acks-{n}"),
        )  # fmt: skip
        nursery.wait_until(lambda file=watched, old=before: inode(file) != old, watched.name)
        nursery.kill(pid)
        found = listing(out) if out.exists() else {}
        for path, data in found.items():
            assert any(version.get(path) == data for version in versions), f"{path} is torn"
        interrupted += found not in (*versions, {})
    # Nobody changed anything, so nothing needs force.
    project.datasets.checkout("kill@1", out)
    assert listing(out) == versions[0]
    project.datasets.checkout("kill@2", out)
    assert listing(out) == versions[1]
    assert project.store.verify() == []
    assert interrupted, "no kill came in the middle of a checkout"


def test_eight_processes_commit_the_same_and_different_data(
    project: Project, write: Write, nursery: Any
) -> None:
    shared = [write(f"shared/{n}.csv", f"x\n{n}\n") for n in range(2)]
    go = Path(nursery.path("go"))
    pids, expected = [], {str(path) for path in shared}
    for process in range(8):
        own = [write(f"own/{process}-{n}.csv", f"x\n{process}{n}7\n") for n in range(2)]
        expected |= {str(path) for path in own}
        mixed = [str(path) for pair in zip(shared, own, strict=True) for path in pair]
        if process % 2:
            mixed.reverse()
        pids.append(
            nursery.start(
                "commit",
                root=str(project.root),
                name="flights",
                sources=mixed,
                acks=nursery.path(f"acks-{process}"),
                go=str(go),
            )
        )
    go.touch()
    for pid in pids:
        assert nursery.wait(pid) == 0, nursery.errors
    versions = project.datasets.versions("flights")
    assert [one.version for one in versions] == list(range(len(expected), 0, -1))
    assert len({one.digest for one in versions}) == len(expected)
    by_number = {str(one.version): one.digest for one in versions}
    seen: dict[str, str] = {}
    for process in range(8):
        for version, digest, source in told_in(nursery.path(f"acks-{process}")):
            assert by_number[version] == digest
            assert seen.setdefault(source, version) == version, "one content, one version"
    assert seen.keys() == expected
    assert project.store.verify() == []


def test_two_processes_that_check_out_the_same_at_once_both_succeed(
    project: Project, write: Write, nursery: Any
) -> None:
    for part in range(20):
        write(f"two/{part}.bin", os.urandom(5000))
    folder = project.root / "data" / "two"
    project.datasets.commit("two", folder)
    pids = []
    for n in range(2):
        pids.append(
            nursery.start(
                "checkout",
                root=str(project.root),
                refs=["two@1"],
                dest=str(project.root / "out"),
                acks=nursery.path(f"acks-{n}"),
            )
        )
    for n, pid in enumerate(pids):
        nursery.wait_for_ack(f"acks-{n}", 2)
        nursery.kill(pid)
    assert listing(project.root / "out") == listing(folder)


@pytest.mark.slow
def test_a_collection_takes_nothing_from_under_a_commit(
    project: Project, write: Write, nursery: Any
) -> None:
    """Somebody collects all the time, and what is a second old counts as old."""
    sources = []
    for n in range(8):
        for part in range(3):
            # Half of the files are in every folder: needed by one version, on their way for others.
            write(f"gc/{n}/{part}.csv", f"x\n{part if part % 2 else n * 10 + part}\n")
        sources.append(str(project.root / "data" / "gc" / str(n)))
    collector = nursery.start("collect", root=str(project.root), acks=nursery.path("collected"))
    nursery.wait_for_ack("collected")
    pids = [
        nursery.start(
            "commit",
            root=str(project.root),
            name="gc",
            sources=sources[n::2] + sources[(1 - n) :: 2],
            acks=nursery.path(f"acks-{n}"),
        )
        for n in range(2)
    ]
    for pid in pids:
        assert nursery.wait(pid) == 0, nursery.errors
    nursery.kill(collector)
    versions = project.datasets.versions("gc")
    assert [one.version for one in versions] == list(range(8, 0, -1))
    assert project.store.verify() == []
    for version in versions:
        folder = project.root / str(version.source["path"])
        assert listing(project.datasets.path(version)) == listing(folder)
