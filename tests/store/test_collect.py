"""Collecting: what is needed, young or spoken of stays; the rest goes into the trash first."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_lab.errors import Corrupt, InvalidInput
from mlops_lab.project import Project
from mlops_lab.store.collect import Collected
from mlops_lab.store.objects import Objects

DAY = 86_400.0


@pytest.fixture
def project(
    new_project: Callable[[Path], Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT"):
        monkeypatch.delenv(name, raising=False)
    opened = new_project(tmp_path / "project")
    monkeypatch.chdir(opened.root)
    yield opened
    opened.close()


def age(project: Project, *digests: str, days: float = 20) -> None:
    """Make objects (by default all) older than they are."""
    objects = project.store.objects
    for digest in digests or objects.digests():
        then = time.time() - days * DAY
        os.utime(objects.path(digest), (then, then))


def folder(project: Project, **files: str) -> Path:
    path = project.root / "data"
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def test_what_nothing_speaks_of_goes_into_the_trash_first(project: Project) -> None:
    digest = project.store.objects.put_bytes(b"nobody wants me")
    age(project)
    dry = project.store.collect()
    assert dry.items == (Collected(digest, 15, None),)
    assert (dry.applied, dry.trash) == (False, None)
    assert project.store.objects.exists(digest)
    done = project.store.collect(apply=True)
    assert done.items == dry.items
    assert done.trash is not None
    assert (done.trash / digest).read_bytes() == b"nobody wants me"
    assert not project.store.objects.exists(digest)
    # A week later the next one empties it.
    then = time.time() - 8 * DAY
    os.utime(done.trash, (then, then))
    assert project.store.collect(apply=True).emptied_bytes == 15
    assert not done.trash.exists()


def test_versions_runs_and_young_objects_stay(project: Project) -> None:
    project.datasets.commit("file", "select 1 as x")
    project.datasets.commit("many", folder(project, a="1", b="2"))
    run = project.runs.start(name="training")
    project.runs.put_artifact(run, "model.bin", b"model")
    young = project.store.objects.put_bytes(b"on its way")
    age(project)
    age(project, young, days=1)
    report = project.store.collect(apply=True)
    assert report.items == ()
    assert report.young == 1
    assert project.store.verify() == []


def test_what_was_deleted_stays_for_two_weeks(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = project.datasets.commit("many", folder(project, a="only here", b="shared"))
    (project.root / "data" / "a").unlink()
    project.datasets.commit("many", folder(project, b="shared"))
    project.datasets.delete("many", 1)
    age(project)
    assert project.store.collect(apply=True).items == ()
    # As if it had been deleted a month ago: by the log, which is what the index is folded from.
    _move_decisions(project, days=30)
    report = project.store.collect(apply=True)
    gone = {item.digest for item in report.items}
    assert one.digest in gone
    assert len(gone) == 2, "the list and the file that only it had"
    assert project.store.verify() == []
    assert project.datasets.path("many@2").joinpath("b").read_text() == "shared"


def test_artifacts_of_a_deleted_run_go_when_it_cannot_come_back(project: Project) -> None:
    run = project.runs.start(name="training")
    kept = project.runs.start(name="kept")
    lone = project.runs.put_artifact(run, "model.bin", b"model")
    project.runs.put_artifact(run, "shared.bin", b"shared")
    project.runs.put_artifact(kept, "shared.bin", b"shared")
    project.runs.end(run, "finished")
    project.runs.delete([run])
    age(project)
    assert project.store.collect(apply=True).items == ()
    _move_decisions(project, days=30)
    (item,) = project.store.collect(apply=True).items
    assert item.digest == lone.digest
    assert item.what == f"the artifact model.bin of run {run}"


def test_what_a_line_nobody_understands_speaks_of_stays(project: Project) -> None:
    objects = project.store.objects
    strange = objects.put_bytes(b"of a newer program")
    long = project.runs.start(name="long")
    project.runs.set_tags(long, {"text": "x" * 100_000})  # a line that is an object itself
    project.store.append({"e": "future", "r": long, "t": 1, "v": 99, "thing": strange})
    age(project)
    assert project.store.collect(apply=True).items == ()
    assert objects.exists(strange)
    project.store.rebuild()
    assert project.runs.tags(long)["text"] == "x" * 100_000


def test_put_again_is_as_young_as_new(project: Project) -> None:
    objects = project.store.objects
    digest = objects.put_bytes(b"old, and wanted again")
    path = project.root / "file.bin"
    path.write_bytes(b"old, and wanted again, too")
    (put,) = objects.put_files([path])
    age(project)
    objects.put_bytes(b"old, and wanted again")
    objects.put_files([path])
    report = project.store.collect(apply=True)
    assert report.items == ()
    assert objects.exists(digest)
    assert objects.exists(put.digest)


def test_one_put_again_while_it_is_moved_comes_back(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = project.store.objects
    digest = objects.put_bytes(b"wanted in the last moment")
    age(project)
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self == objects.path(digest):
            objects.put_bytes(b"wanted in the last moment")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    assert project.store.collect(apply=True).items == ()
    assert objects.verify(digest)


def test_a_commit_whose_bytes_are_collected_meanwhile_takes_them_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = folder(project, a="1", b="2")
    real = type(project.datasets)._look_at
    calls = []

    def collected(self: object, name: str, taken: object, *, checks: bool) -> object:
        found = real(self, name, taken, checks=checks)  # type: ignore[arg-type]
        if not calls:
            age(project)
            calls.append(len(project.store.collect(apply=True).items))
        return found

    monkeypatch.setattr(type(project.datasets), "_look_at", collected)
    version = project.datasets.commit("many", data)
    assert calls == [3]
    assert version.version == 1
    assert project.store.verify() == []
    assert project.datasets.path("many").joinpath("a").read_text() == "1"


def test_nothing_is_collected_when_a_needed_list_of_files_cannot_be_read(
    project: Project,
) -> None:
    version = project.datasets.commit("many", folder(project, a="1", b="2"))
    path = project.store.objects.path(version.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-10])
    age(project)
    with pytest.raises(Corrupt, match="nobody knows"):
        project.store.collect(apply=True)
    assert len(list(project.store.objects.digests())) == 3


def test_what_is_young_cannot_be_asked_for(project: Project) -> None:
    with pytest.raises(InvalidInput, match="younger than 1 day"):
        project.store.collect(older_than_s=60)


def test_objects_class_alone_needs_no_project(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "objects", tmp_path / "tmp")
    digest = objects.put_bytes(b"x")
    assert objects.trusted(digest).read_bytes() == b"x"


def _move_decisions(project: Project, *, days: float) -> None:
    """Write the log anew as if everything in it had been decided earlier."""
    import hashlib

    path = project.store.dir / "decisions.jsonl"
    prev, lines = "0" * 64, []
    for text in path.read_text().splitlines():
        line = json.loads(text)
        line["t"] -= int(days * DAY * 1e6)
        line["prev"] = prev
        data = json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode()
        prev = hashlib.sha256(data).hexdigest()
        lines.append(data + b"\n")
    path.write_bytes(b"".join(lines))
    project.store.rebuild()
