"""Keeping, registering, editing and deleting models."""

from __future__ import annotations

from mlops_lab.project import Project

from .conftest import MARA, Keep, Make


def test_register_makes_a_version_with_what_was_known(project: Project, make: Make) -> None:
    version = make()
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
