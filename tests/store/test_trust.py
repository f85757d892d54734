"""Trust: what is as it was is not read again, what was touched is, and the cache may be lost."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from mlops_lab.errors import Corrupt, InvalidInput, NotFound
from mlops_lab.store import Objects, Tree, TreeEntry
from mlops_lab.store import guard as module


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / ".mlops" / "objects", tmp_path / ".mlops" / "tmp")


def settled(path: Path) -> Path:
    """Let the clock move on, so that what follows can be told from what was."""
    deadline = time.monotonic() + 5
    while time.time_ns() - path.stat().st_ctime_ns < 30_000_000:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return path


def never(*_: object) -> None:
    raise AssertionError("it was read again")


def test_an_untouched_object_costs_a_stat(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = objects.put_bytes(os.urandom(1000))
    settled(objects.path(digest))
    path = objects.trusted(digest)
    monkeypatch.setattr(module, "digest_of_open_file", never)
    assert objects.trusted(digest) == path


@pytest.mark.parametrize("how", ["chmod", "touch", "rename"])
def test_an_object_that_was_only_touched_is_read_again_and_fine(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    digest = objects.put_bytes(os.urandom(1000))
    path = settled(objects.path(digest))
    objects.trusted(digest)
    if how == "chmod":
        path.chmod(0o600)
    elif how == "touch":
        os.utime(path)
    else:
        path.rename(path.with_name("x"))
        path.with_name("x").rename(path)
    seen = []
    real = module.digest_of_open_file
    monkeypatch.setattr(module, "digest_of_open_file", lambda fd: (seen.append(fd), real(fd))[1])
    assert objects.trusted(digest) == path
    assert len(seen) == 1


@pytest.mark.parametrize("how", ["flip", "cut", "append", "replace", "empty"])
def test_wrong_bytes_are_set_aside_whatever_their_times_say(objects: Objects, how: str) -> None:
    data = os.urandom(10_000)
    digest = objects.put_bytes(data)
    path = settled(objects.path(digest))
    objects.trusted(digest)
    before = path.stat()
    path.chmod(0o644)
    match how:
        case "flip":
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        case "cut":
            os.truncate(path, 5_000)
        case "append":
            path.write_bytes(data + b"x")
        case "replace":
            other = path.with_name("other")
            other.write_bytes(os.urandom(10_000))
            other.replace(path)
        case "empty":
            path.write_bytes(b"")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(Corrupt, match="not what was stored") as caught:
        objects.trusted(digest)
    assert caught.value.details["digests"] == [digest]
    assert not objects.exists(digest)
    with pytest.raises(Corrupt, match="set aside"):
        objects.trusted(digest)
    assert objects.put_bytes(data) == digest
    assert objects.trusted(digest).read_bytes() == data


def test_putting_the_right_bytes_mends_a_wrong_object(objects: Objects, tmp_path: Path) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(os.urandom(1000))
    for put in (lambda: objects.put_file(source), lambda: objects.put_files([source])[0].digest):
        digest = put()
        path = settled(objects.path(digest))
        path.chmod(0o644)
        path.write_bytes(b"x" * 1000)
        assert put() == digest
        assert objects.verify(digest)


def test_a_missing_object_is_no_lie(objects: Objects) -> None:
    with pytest.raises(NotFound):
        objects.trusted("b3-" + "0" * 64)


def test_files_are_recognised_until_they_change(objects: Objects, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    settled(path)
    (put,) = objects.put_files([path])
    assert objects.digest_of_file(path) == put.digest
    assert objects.digest_of_file(tmp_path / "." / "a.bin") == put.digest
    times = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert objects.digest_of_file(path) is None
    assert objects.digest_of_file(tmp_path / "nowhere") is None
    assert objects.digest_of_file(objects.path(put.digest)) == put.digest


def test_putting_many_gives_them_in_their_order(objects: Objects, tmp_path: Path) -> None:
    paths = []
    for n in range(100):
        path = tmp_path / f"{n}.bin"
        path.write_bytes(str(n % 10).encode() * (n + 1))
        paths.append(path)
    first = objects.put_files([*paths, paths[3]])
    assert [one.size for one in first] == [*range(1, 101), 4]
    assert first[3] == first[100]
    assert objects.put_files(paths) == first[:100]


def test_one_bad_file_keeps_none(objects: Objects, tmp_path: Path) -> None:
    good = tmp_path / "good.bin"
    good.write_bytes(b"good")
    with pytest.raises(NotFound, match="nowhere"):
        objects.put_files([good, tmp_path / "nowhere"])
    with pytest.raises(InvalidInput):
        objects.put_files([good, tmp_path])
    assert list(objects.digests()) == []


def test_views_have_the_files_own_names(objects: Objects) -> None:
    one, other = objects.put_bytes(b"one"), objects.put_bytes(b"other")
    assert objects.view(one, "data.csv").name == "data.csv"
    assert objects.view(one, "data.csv").read_bytes() == b"one"
    assert objects.view(one, "other name.parquet").read_bytes() == b"one"
    tree = objects.put_tree(Tree.of([TreeEntry("a", one, 3), TreeEntry("deep/er/b", other, 5)]))
    folder = objects.view(tree)
    assert (folder / "deep" / "er" / "b").read_bytes() == b"other"
    assert objects.view_of(folder) == tree
    assert objects.view_of(folder.parent) is None
    assert objects.view(tree, "weeks", tree=True).name == "weeks"
    for bad in ("", "..", "a/b", "a\0"):
        with pytest.raises(InvalidInput):
            objects.view(one, bad) if bad else objects._views.of_file(one, bad, folder)


def test_many_threads_ask_for_one_view(objects: Objects) -> None:
    entries = [TreeEntry(f"{n}.bin", objects.put_bytes(bytes([n])), 1) for n in range(30)]
    tree = objects.put_tree(Tree.of(entries))
    found: list[Path] = []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        found.append(objects.view(tree))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(list(found[0].iterdir())) == 30


def test_a_store_that_moves_keeps_its_views(objects: Objects, tmp_path: Path) -> None:
    digest = objects.put_bytes(b"one")
    view = objects.view(digest, "a.csv").relative_to(tmp_path)
    (tmp_path / ".mlops").rename(tmp_path / "moved")
    assert (tmp_path / "moved" / Path(*view.parts[1:])).read_bytes() == b"one"
