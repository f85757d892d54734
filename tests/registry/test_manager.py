"""Keeping, registering, editing and deleting models."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.errors import Conflict, Corrupt, InvalidInput, NotFound, Refused
from mlops_lab.project import Project
from mlops_lab.registry.records import ModelVersion

from .conftest import MARA, ROOT, Keep, Make, package


def test_register_makes_a_version_with_what_was_known(
    project: Project, version: ModelVersion
) -> None:
    assert (version.ref, version.author, version.flavor) == ("flight-delay@1", "mara", "sklearn")
    assert version.facts["metrics"]["auc"]["last"] == 0.71
    assert version.facts["params"] == {"depth": "6"}
    assert project.models.get("flight-delay") == version
    assert project.models.verify("flight-delay@1") == []
    assert (project.models.path("flight-delay@1") / "model.skops").is_file()


def test_the_same_content_is_the_same_version(project: Project, keep: Keep, make: Make) -> None:
    first = make("same")
    again = project.models.register("flight-delay", logged_model=keep("same").id, by=MARA)
    assert (again.version, again.digest) == (1, first.digest)
    assert make("other").version == 2


def test_only_what_people_say_can_be_edited(project: Project, version: ModelVersion) -> None:
    before = len(list(project.store.decisions()))
    project.models.edit(version.ref, note="second thoughts", tags={"a": "1", "b": "2"}, by=MARA)
    project.models.edit(version.ref, tags={"a": None}, by=MARA)
    project.models.edit("flight-delay", description="late or not", tags={"team": "ops"}, by=MARA)
    edited = project.models.get(version.ref)
    assert (edited.note, edited.tags) == ("second thoughts", {"b": "2"})
    assert (edited.digest, edited.facts) == (version.digest, version.facts)
    record = project.models.record("flight-delay")
    assert (record.description, record.tags) == ("late or not", {"team": "ops"})
    assert len(list(project.store.decisions())) == before + 3
    with pytest.raises(InvalidInput, match="A note is on a version"):
        project.models.edit("flight-delay", note="x", by=MARA)
    with pytest.raises(InvalidInput, match="A description is of the whole model"):
        project.models.edit(version.ref, description="x", by=MARA)


def test_a_version_with_an_alias_or_a_need_stays(
    project: Project, versions: list[ModelVersion], make: Make
) -> None:
    project.models.promote("flight-delay@1", "champion", by=MARA)
    user = project.runs.start(name="score", by=MARA)
    two = project.models.get("flight-delay@2")
    project.store.append(
        {"e": "input", "r": user, "t": 9, "model": two.name, "version": 2, "digest": two.digest}
    )
    with pytest.raises(Conflict, match="it is champion"):
        project.models.delete("flight-delay@1", by=ROOT)
    with pytest.raises(Conflict, match="run score was made from it"):
        project.models.delete("flight-delay@2", by=ROOT)
    project.models.delete("flight-delay@3", by=ROOT)
    assert [one.version for one in project.models.versions("flight-delay")] == [2, 1]
    assert project.models.get("flight-delay@3").state == "deleted"
    assert make().version == 4


def test_a_deleted_version_gets_no_alias_and_its_content_a_new_number(
    project: Project, keep: Keep
) -> None:
    models = project.models
    models.register("flight-delay", logged_model=keep("same").id, by=MARA)
    models.delete("flight-delay@1", by=ROOT)
    with pytest.raises(Refused, match="is deleted"):
        models.promote("flight-delay@1", "champion", by=MARA)
    assert models.register("flight-delay", logged_model=keep("same").id, by=MARA).version == 2


def test_a_run_that_made_a_version_cannot_be_deleted(
    project: Project, version: ModelVersion
) -> None:
    assert version.run_id is not None
    with pytest.raises(Conflict, match="flight-delay 1"):
        project.runs.delete([version.run_id])


def test_a_version_is_recognised_by_its_files(
    project: Project, version: ModelVersion, tmp_path: Path
) -> None:
    folder = project.models.path(version.ref)
    assert project.models.recognise(folder) == version
    assert project.models.recognise(folder / "model.skops") == version
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied, symlinks=False)
    assert project.models.recognise(copied) == version
    assert project.models.recognise(copied / "model.skops") == version
    (copied / "model.skops").chmod(0o644)
    (copied / "model.skops").write_text("other")
    assert project.models.recognise(copied) is None
    assert project.models.recognise(copied / "model.skops") is None
    assert project.models.recognise(tmp_path / "nothing") is None


def test_which_of_the_models_of_a_run_must_be_said(project: Project, tmp_path: Path) -> None:
    run_id = project.runs.start(name="fit", by=MARA)
    for name in ("forest", "line"):
        project.models.log_package(run_id, name, package(tmp_path / name, name))
    with pytest.raises(InvalidInput, match="say which one: forest, line"):
        project.models.register("late", run_id=run_id, by=MARA)
    assert project.models.register("late", run_id=run_id, logged_model="line", by=MARA).version == 1
    with pytest.raises(NotFound, match="kept no model called 'tree'"):
        project.models.register("late", run_id=run_id, logged_model="tree", by=MARA)
    kept = [(one.name, one.registered) for one in project.models.logged(run_id)]
    assert kept == [("forest", ()), ("line", (("late", 1),))]
    paths = [one.path for one in project.runs.artifacts(run_id, "models")]
    assert "models/forest/model.json" in paths


def test_facts_name_the_data_that_steps_before_it_read(project: Project, tmp_path: Path) -> None:
    runs = project.runs
    pipeline = runs.start(name="flight-delay-1", kind="pipeline", by=MARA)
    prepare = runs.start(name="prepare", kind="step", parent=pipeline, by=MARA)
    said = {"dataset": "flights", "version": 3, "digest": "b3-" + "1" * 64, "role": "raw"}
    project.store.append({"e": "input", "r": prepare, "t": 9, **said})
    runs.end(prepare)
    train = runs.start(name="train", kind="step", parent=pipeline, by=MARA)
    project.models.log_package(train, "model", package(tmp_path / "saved"))
    after = runs.start(name="evaluate", kind="step", parent=pipeline, by=MARA)
    project.store.append({"e": "input", "r": after, "t": 9, **said, "version": 4})
    version = project.models.register("late", run_id=train, by=MARA)
    assert version.facts["inputs"] == [
        {
            "kind": "dataset",
            "name": "flights",
            "version": 3,
            "digest": "b3-" + "1" * 64,
            "role": "raw",
        }
    ]


def test_a_judgement_must_add_up(project: Project, version: ModelVersion) -> None:
    judge = project.models.judge
    with pytest.raises(InvalidInput, match="7 of 8 gates passed cannot be passed"):
        judge(version.ref, run=None, outcome="passed", passed=7, total=8, by=MARA)
    with pytest.raises(InvalidInput, match="An outcome is"):
        judge(version.ref, run=None, outcome="great", passed=8, total=8, by=MARA)
    with pytest.raises(NotFound, match="no run"):
        judge(version.ref, run="0" * 32, outcome="passed", passed=8, total=8, by=MARA)


@pytest.mark.parametrize(
    "name", ["", "a/b", "../x", "a@b", "<b>x</b>", "a\nb", "x" * 101, 7, "a b"]
)
def test_a_name_that_could_lead_elsewhere_is_refused(
    project: Project, keep: Keep, name: Any
) -> None:
    with pytest.raises(InvalidInput, match="A model's name"):
        project.models.register(name, logged_model=keep().id, by=MARA)


def test_a_model_may_be_named_in_any_script(project: Project, keep: Keep) -> None:
    version = project.models.register("Verspätung-延误", logged_model=keep().id, by=MARA)
    assert project.models.get("Verspätung-延误@1") == version
    assert project.models.path(version.ref).is_dir()


def test_damage_is_named_by_its_first_file_or_field(
    project: Project, version: ModelVersion
) -> None:
    entries = {entry.path: entry for entry in project.models.tree(version.ref).entries}
    project.store.objects.path(entries["model.json"].digest).unlink()
    faults = project.models.verify(version.ref)
    assert [(fault.where, fault.message) for fault in faults] == [
        ("model.json", "is not in the store any more")
    ]
    with pytest.raises(Corrupt, match=r"model\.json is not in the store any more"):
        project.models.refuse_faulty(version.ref)


def test_a_line_that_states_other_fields_than_the_files_is_named(
    project: Project, make: Make
) -> None:
    digest = make(unsafe=True).digest
    about = {"model": "forged", "version": 1, "digest": digest, "flavor": "sklearn"}
    more = {"unsafe": False, "size": 1, "facts": None, "logged_model": None, "run": None}
    project.store.decide("model.register", {**about, **more}, by=MARA.as_by())
    assert [fault.where for fault in project.models.verify("forged@1")] == [
        "size_bytes",
        "flavor",
        "unsafe",
    ]
    with pytest.raises(Corrupt, match="forged 1 is not what was registered"):
        project.models.promote("forged@1", "champion", by=MARA)


def test_a_collection_takes_nothing_of_a_model(
    project: Project, keep: Keep, version: ModelVersion, make: Make
) -> None:
    kept = keep("only kept")
    project.models.delete(make().ref, by=ROOT)
    loose = project.store.objects.put_bytes(b"nobody needs this")
    month_ago = time.time() - 30 * 86_400
    for digest in project.store.objects.digests():
        os.utime(project.store.objects.path(digest), (month_ago, month_ago))
    report = project.store.collect(apply=True)
    assert [one.digest for one in report.items] == [loose]
    assert project.models.verify(version.ref) == []
    # Deleted by mistake, a version can be had again for two weeks.
    assert project.models.verify("flight-delay@2") == []
    assert project.models.register("again", logged_model=kept.id, by=MARA).version == 1


def test_a_deleted_run_makes_no_version(project: Project, keep: Keep) -> None:
    logged = keep()
    project.runs.delete([logged.run_id], by=ROOT)
    with pytest.raises(Conflict, match="The run fit is deleted"):
        project.models.register("late", logged_model=logged.id, by=MARA)
    assert project.models.list() == []


def test_changed_files_make_no_version(project: Project, keep: Keep) -> None:
    logged = keep()
    (entry,) = [
        one for one in project.store.objects.tree(logged.digest).entries if "skops" in one.path
    ]
    path = project.store.objects.path(entry.digest)
    path.chmod(0o644)
    path.write_bytes(b"something else")
    with pytest.raises(Corrupt):
        project.models.register("late", logged_model=logged.id, by=MARA)
    assert project.models.list() == []
