"""Objects: bytes under the hash of their content, once, unchanged."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.store import Objects, Store


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects", tmp_path / "tmp")


def test_put_bytes_names_them_by_their_content(objects: Objects, tmp_path: Path) -> None:
    digest = objects.put_bytes(b"hello")
    assert digest == f"b3-{blake3(b'hello').hexdigest()}"
    path = objects.path(digest)
    assert path.parent.parent == tmp_path / "objects"
    assert path.parent.name + path.name == digest[3:]
    assert path.read_bytes() == b"hello"
    assert path.stat().st_mode & 0o222 == 0
    assert list((tmp_path / "tmp").iterdir()) == []


def test_put_file_keeps_what_it_was(objects: Objects, tmp_path: Path) -> None:
    source = tmp_path / "model.bin"
    data = os.urandom(3_000_000)
    source.write_bytes(data)
    digest = objects.put_file(source)
    source.write_bytes(b"changed")
    with objects.open(digest) as file:
        assert file.read() == data
    assert objects.verify(digest)


def test_the_same_bytes_are_kept_once(objects: Objects) -> None:
    digest = objects.put_bytes(b"x")
    inode = objects.path(digest).stat().st_ino
    assert objects.put_bytes(b"x") == digest
    assert objects.path(digest).stat().st_ino == inode
    assert list(objects.digests()) == [digest]


def test_a_half_written_object_is_replaced(objects: Objects) -> None:
    digest = objects.put_bytes(b"whole")
    path = objects.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"wh")
    assert not objects.verify(digest)
    objects.put_bytes(b"whole")
    assert objects.verify(digest)


def test_threads_put_the_same_object_at_once(objects: Objects) -> None:
    data, digests = os.urandom(500_000), []
    threads = [
        threading.Thread(target=lambda: digests.append(objects.put_bytes(data))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(digests)) == 1
    assert len(digests) == 8
    assert objects.verify(digests[0])


@pytest.mark.parametrize(
    "name", ["", "b3-", "../../etc/passwd", "b3-" + "g" * 64, "b3-" + "a" * 63, "b3-" + "A" * 64]
)
def test_what_is_no_content_id_is_refused(objects: Objects, name: str) -> None:
    with pytest.raises(InvalidInput, match="is no content id"):
        objects.path(name)


def test_a_missing_object_is_said(objects: Objects) -> None:
    digest = "b3-" + "0" * 64
    assert not objects.exists(digest)
    with pytest.raises(NotFound, match=digest):
        objects.open(digest)


def test_a_missing_file_is_the_callers_error(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        objects.put_file(tmp_path / "nowhere")


def test_verify_of_the_store_finds_a_changed_object(store: Store) -> None:
    digest = store.objects.put_bytes(b"model")
    assert store.verify() == []
    path = store.objects.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"mod3l")
    (problem,) = store.verify()
    assert problem.where == f"object {digest}"


@given(data=st.binary(max_size=2_000))
def test_what_is_put_is_got(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("objects")
    objects = Objects(folder / "objects", folder / "tmp")
    with objects.open(objects.put_bytes(data)) as file:
        assert file.read() == data
