"""Data that is odd, that changes under our hands, that lies, or that was tampered with."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_lab.data.manager import DatasetManager
from mlops_lab.errors import Conflict, Corrupt, InvalidInput
from mlops_lab.project import Project
from mlops_lab.store import Tree, snapshot
from mlops_lab.store import objects as store_objects
from mlops_lab.store.tree import MAGIC

Write = Callable[[str, bytes | str], Path]
Spoil = Callable[[str], Path]


# ------------------------------------------------------------------ bytes that are not right


def test_one_flipped_bit_is_never_delivered(
    datasets: DatasetManager, project: Project, write: Write, spoil: Spoil
) -> None:
    path = write("model.bin", os.urandom(200_000))
    version = datasets.commit("bits", path)
    datasets.path("bits")
    spoil(version.digest)
    with pytest.raises(Corrupt, match=r"bits@1 cannot be delivered.*set aside"):
        datasets.path("bits")
    with pytest.raises(Corrupt, match="bits@1 cannot be delivered"):
        datasets.checkout("bits", "out.bin")
    assert not (project.root / "out.bin").exists()
    aside = project.store.dir / "quarantine" / version.digest
    assert aside.stat().st_size == 200_000
    # The original still is where it was: committed again, the version is whole again.
    assert datasets.commit("bits", path) == version
    assert datasets.path("bits").read_bytes() == path.read_bytes()


def test_one_wrong_file_of_a_folder_stops_all_of_it(
    datasets: DatasetManager, project: Project, write: Write, spoil: Spoil
) -> None:
    for n in range(20):
        write(f"many/{n}.bin", os.urandom(500))
    folder = project.root / "data" / "many"
    datasets.commit("many", folder)
    digest = project.store.objects.digest_of_file(datasets.path("many") / "7.bin")
    assert digest is not None
    spoil(digest)
    with pytest.raises(Corrupt, match=digest):
        datasets.path("many")
    with pytest.raises(Corrupt):
        datasets.checkout("many", "out")
    assert not (project.root / "out").exists()


def test_verify_names_what_is_wrong_and_who_used_it(
    datasets: DatasetManager, project: Project, write: Write, spoil: Spoil
) -> None:
    single = datasets.commit("flights", write("flights.bin", os.urandom(500)))
    write("many/a.bin", os.urandom(500))
    datasets.commit("many", project.root / "data" / "many")
    run = project.runs.start(name="training-7")
    datasets.use(run, "flights@1")
    datasets.use(run, "many")
    inside = project.store.objects.digest_of_file(datasets.path("many") / "a.bin")
    assert inside is not None
    assert project.store.verify() == []
    spoil(single.digest)
    spoil(inside)
    messages = {one.where: one.message for one in project.store.verify()}
    assert "flights@1" in messages[f"object {single.digest}"]
    assert f"training-7 ({run[:8]})" in messages[f"object {single.digest}"]
    assert "a.bin in many@1" in messages[f"object {inside}"]
    with pytest.raises(Corrupt):
        datasets.path("flights")
    (gone,) = (one for one in project.store.verify() if single.digest in one.where)
    assert "is missing; it is flights@1" in gone.message


def test_a_view_that_somebody_wrote_into_is_made_anew(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    write("weeks/a.csv", "x\n1\n")
    write("weeks/b.csv", "x\n2\n")
    datasets.commit("weeks", project.root / "data" / "weeks")
    seen = datasets.path("weeks")
    (seen / "c.csv").write_text("x\n666\n")
    (seen / "a.csv").unlink()
    (seen / "a.csv").write_text("x\n667\n")
    again = datasets.path("weeks")
    assert sorted(one.name for one in again.iterdir()) == ["a.csv", "b.csv"]
    assert (again / "a.csv").read_text() == "x\n1\n"
    datasets.commit("one", write("one.csv", "x\n1\n"))
    link = datasets.path("one")
    link.unlink()
    link.write_text("x\n668\n")
    assert datasets.path("one").read_text() == "x\n1\n"


def test_a_tree_that_leads_out_is_not_unpacked(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    digest = project.store.objects.put_bytes(b"evil")
    for path in ("../up", "/etc/passwd", "a/../../b", "a//b", ".", "a\0b"):
        data = MAGIC + json.dumps([[path, digest, 4]]).encode()
        with pytest.raises(Corrupt, match=r"lead out|no file may have"):
            Tree.from_bytes(data)
        tree = project.store.objects.put_bytes(data)
        with pytest.raises(Corrupt):
            project.store.objects.view(tree)


# ------------------------------------------------------------------ changing while it is read


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Has something happen after the snapshot was taken and before it is looked at again."""

    def plan(act: Callable[[], None]) -> None:
        real = snapshot.digest_of_open_file

        def then(fd: int) -> str:
            act()
            return real(fd)

        monkeypatch.setattr(snapshot, "digest_of_open_file", then)

    return plan


@pytest.mark.parametrize("how", ["append", "truncate", "rewrite", "replace", "delete"])
def test_a_file_that_changes_while_it_is_committed_is_refused(
    datasets: DatasetManager,
    project: Project,
    write: Write,
    meanwhile: Callable[[Callable[[], None]], None],
    how: str,
) -> None:
    path = write("live.csv", "x\n" + "1\n" * 1000)

    def act() -> None:
        match how:
            case "append":
                with path.open("a") as file:
                    file.write("2\n")
            case "truncate":
                os.truncate(path, 10)
            case "rewrite":
                with path.open("r+") as file:
                    file.write("y")
            case "replace":
                other = path.with_suffix(".new")
                other.write_text(path.read_text())
                other.replace(path)
            case "delete":
                path.unlink()

    meanwhile(act)
    with pytest.raises(Conflict, match="changed while it was being committed"):
        datasets.commit("live", path)
    assert datasets.find("live") is None
    assert list((project.store.dir / "tmp").glob("put-*")) == []


def test_a_file_that_is_cut_while_it_is_copied_is_refused(
    datasets: DatasetManager, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("live.bin", os.urandom(300_000))
    real = snapshot.copy_bytes

    def copy(source: int, target: int, size: int) -> int:
        os.truncate(path, 1000)
        return real(source, target, size)

    monkeypatch.setattr(snapshot, "copy_bytes", copy)
    with pytest.raises(Conflict, match="changed while"):
        datasets.commit("live", path)


def test_a_file_that_is_written_all_the_time_is_refused_or_whole(
    datasets: DatasetManager, write: Write
) -> None:
    path = write("log.txt", "0" * 10_000)
    stop = threading.Event()

    def scribble() -> None:
        digit = 0
        while not stop.is_set():
            digit = (digit + 1) % 10
            with path.open("r+b", buffering=0) as file:
                for _ in range(10):
                    file.write(str(digit).encode() * 1000)

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        for _ in range(10):
            try:
                version = datasets.commit("log", path)
            except Conflict:
                continue
            # Never a mixture of two states that nobody has seen as unchanged.
            assert len(datasets.path(version).read_bytes()) == 10_000
    finally:
        stop.set()
        thread.join()


def test_a_file_that_comes_while_a_folder_is_committed_is_noticed(
    datasets: DatasetManager,
    project: Project,
    write: Write,
    meanwhile: Callable[[Callable[[], None]], None],
) -> None:
    write("weeks/a.csv", "x\n1\n")
    folder = project.root / "data" / "weeks"
    meanwhile(lambda: (folder / "b.csv").write_text("x\n2\n") and None)
    with pytest.raises(Conflict, match="came or went"):
        datasets.commit("weeks", folder)


# ------------------------------------------------------------------ what folders may hold


def test_names_of_all_kinds_come_back_as_they_were(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    names = [
        "naïve.csv",
        "nai\u0308ve.csv",  # the same to the eye, another name to the disk
        "Data.csv",
        "data.csv",
        "データ/表.csv",
        "a b'\"[1]*{x}?.csv",
        "-rf.csv",
        "x" * 250 + ".csv",
        "deep/" * 40 + "end.csv",
        "‮evil.csv",
    ]
    for n, name in enumerate(names):
        write(f"odd/{name}", f"x\n{n}\n")
    folder = project.root / "data" / "odd"
    version = datasets.commit("odd", folder)
    assert version.files == len(names)
    datasets.checkout("odd", "out")
    for n, name in enumerate(names):
        assert (project.root / "out" / name).read_text() == f"x\n{n}\n"
        assert (datasets.path("odd") / name).read_text() == f"x\n{n}\n"
    assert datasets.commit("odd", project.root / "out") == version


def test_a_name_that_is_no_unicode_is_refused(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    folder = write("odd/a.csv", "x\n").parent
    with open(os.path.join(os.fsencode(folder), b"\xff.csv"), "wb") as file:
        file.write(b"x\n")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        datasets.commit("odd", folder)


def test_links_inside_stand_for_their_files_and_links_out_are_refused(
    datasets: DatasetManager, project: Project, write: Write, tmp_path: Path
) -> None:
    folder = write("linked/a.csv", "x\n1\n").parent
    (folder / "b.csv").symlink_to("a.csv")
    version = datasets.commit("linked", folder)
    assert version.files == 2
    datasets.checkout("linked", "out")
    assert not (project.root / "out" / "b.csv").is_symlink()
    secret = tmp_path / "secret.csv"
    secret.write_text("x\n42\n")
    for target, message in (
        (secret, "leads out of the folder"),
        (Path("/etc/passwd"), "leads out of the folder"),
        (Path(".."), "a link to a folder"),
        (Path("nowhere"), "nothing that is there"),
        (Path("loop.csv"), "nothing that is there"),
    ):
        link = folder / "loop.csv"
        link.symlink_to(target)
        with pytest.raises(InvalidInput, match=message):
            datasets.commit("linked", folder)
        link.unlink()
    # What is named itself is meant, wherever it leads.
    named = project.root / "link.csv"
    named.symlink_to(secret)
    assert datasets.path(datasets.commit("named", named)).read_text() == "x\n42\n"


@pytest.mark.timeout(60)
def test_pipes_sockets_and_devices_are_refused_without_waiting(
    datasets: DatasetManager, project: Project, write: Write, tmp_path: Path
) -> None:
    folder = write("odd/a.csv", "x\n").parent
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInput, match="neither a file nor a folder"):
        datasets.commit("odd", folder)
    with pytest.raises(InvalidInput, match="no regular file"):
        datasets.commit("odd", pipe)
    pipe.unlink()
    with socket.socket(socket.AF_UNIX) as server:
        # A socket's path must be short: bind where we stand.
        os.chdir(folder)
        server.bind("socket")
        with pytest.raises(InvalidInput, match="neither a file nor a folder"):
            datasets.commit("odd", folder)
        with pytest.raises(InvalidInput):
            datasets.commit("odd", folder / "socket")
    with pytest.raises(InvalidInput, match="no regular file"):
        datasets.commit("odd", "/dev/zero")


def test_a_pipe_put_in_the_place_of_a_file_does_not_block(
    datasets: DatasetManager, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("odd/a.csv", "x\n1\n")
    real = store_objects.take_snapshot

    def swap(source: str, part: str) -> snapshot.Snapshot:
        os.unlink(source)
        os.mkfifo(source)
        return real(source, part)

    monkeypatch.setattr(store_objects, "take_snapshot", swap)
    with pytest.raises(InvalidInput, match="no regular file"):
        datasets.commit("odd", path)


def test_a_source_that_cannot_be_written_is_committed(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    path = write("fixed/a.csv", "x\n1\n")
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        assert datasets.commit("fixed", path.parent).files == 1
        assert datasets.commit("one", path).rows == 1
    finally:
        path.parent.chmod(0o755)


def test_the_projects_own_store_is_no_data(datasets: DatasetManager, project: Project) -> None:
    datasets.commit("x", "select 1 as x")
    for folder in (project.root, project.store.dir, project.store.dir / "objects"):
        with pytest.raises(InvalidInput, match="store"):
            datasets.commit("all", folder)
    with pytest.raises(InvalidInput, match="store"):
        datasets.checkout("x", project.store.dir / "objects" / "x")


def test_the_path_of_a_version_can_be_committed_again(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    write("weeks/a.csv", "x\n1\n")
    version = datasets.commit("weeks", project.root / "data" / "weeks")
    assert datasets.commit("weeks", datasets.path("weeks")) == version
    single = datasets.commit("one", write("one.csv", "x\n1\n"))
    assert datasets.commit("one", datasets.path("one")) == single
    assert datasets.recognise(datasets.path("weeks")) == version
    scratch = project.root / "scratch"
    scratch.symlink_to(datasets.path("weeks"))
    assert datasets.recognise(scratch) == version
