"""The pages of the registry browser have the shapes that the front end decodes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.governance import Identity
from mlops_lab.project import Project
from mlops_lab.registry.browse import Browser

from .conftest import (
    EVE,
    IVO,
    MARA,
    Make,
    judge_version,
    keep_model,
    with_people,
    write_policy,
)
from .test_approvals import change_content

WIRE = Path(__file__).parents[1] / "wire"

# Dicts whose keys are people's own: any key may be there.
FREE = ("metrics", "tags", "params", "goals")


def sample(name: str) -> Any:
    return json.loads((WIRE / f"{name}.json").read_text())


def same_shape(got: Any, wanted: Any, at: str = "") -> None:
    """Every member of the sample is there, of its type where neither is null."""
    if got is None or wanted is None:
        return
    if isinstance(wanted, dict):
        assert isinstance(got, dict), at
        if at.rsplit(".", 1)[-1] in FREE:
            return
        assert set(wanted) <= set(got), f"{at}: {set(wanted) - set(got)} missing"
        for key, value in wanted.items():
            same_shape(got[key], value, f"{at}.{key}")
    elif isinstance(wanted, list):
        assert isinstance(got, list), at
        for one in got:
            if wanted:
                same_shape(one, wanted[0], f"{at}[]")
    elif isinstance(wanted, bool):
        assert isinstance(got, bool), f"{at}: {got!r}"
    elif isinstance(wanted, int | float):
        assert isinstance(got, int | float) or got in ("NaN",), f"{at}: {got!r}"
    else:
        assert isinstance(got, str), f"{at}: {got!r}"


Pages = Callable[[Identity], Browser]


def pages_of(project: Project) -> Pages:
    def by(who: Identity) -> Browser:
        return Browser(
            project.models, project.settings.goals, who, lambda run: project.pipelines.gates(run)
        )

    return by


@pytest.fixture(scope="module")
def story(stocked: Callable[[int], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 is champion, 2 waits to be, 3 is unsafe."""
    folder = tmp_path_factory.mktemp("story")
    project = with_people(Project.open(shutil.copytree(stocked(2), folder, dirs_exist_ok=True)))
    write_policy(project)
    for version in reversed(project.models.versions("flight-delay")):
        project.models.promote(version.ref, "staging", by=MARA)
        run = judge_version(
            project,
            version,
            metrics={"auc": 0.745, "log_loss": float("nan")},
            champion={"version": 1, "metrics": {"auc": 0.713}},
        )
        project.models.settle(version.ref, "champion", run=run, by=MARA)
        if version.version == 1:
            project.models.approve(version.ref, "fine", by=IVO)
    unsafe = keep_model(project, tmp_path_factory.mktemp("saved"), unsafe=True)
    project.models.register("flight-delay", logged_model=unsafe.id, by=MARA)
    project.models.edit("flight-delay", description="late", tags={"team": "ops"}, by=MARA)
    project.close()
    return folder


@pytest.fixture
def browse(story: Path) -> Pages:
    """The pages of the story, to be looked at only."""
    return pages_of(with_people(Project.open(story)))


def test_pages_have_the_shapes_of_the_wire(browse: Pages) -> None:
    pages = browse(IVO)
    same_shape(pages.models_page(), sample("models"))
    same_shape(pages.model_page("flight-delay"), sample("model"))
    same_shape(pages.version_page("flight-delay@2"), sample("model_version"))
    same_shape(pages.version_page("flight-delay@3"), sample("model_version_unsafe"))
    same_shape(pages.version_row("flight-delay@1"), sample("model_registered"))
    json.dumps(pages.model_page("flight-delay"), allow_nan=False)
    json.dumps(pages.version_page("flight-delay@2"), allow_nan=False)


def test_what_somebody_may_do_depends_on_who_looks(
    browse: Pages,
) -> None:
    def promotion(who: Identity, ref: str = "flight-delay@2") -> dict[str, Any]:
        (found,) = [
            one for one in browse(who).version_page(ref)["promotions"] if one["alias"] == "champion"
        ]
        return dict(found)

    ivo, mara, eve = promotion(IVO), promotion(MARA), promotion(EVE)
    assert (ivo["state"], ivo["from"], ivo["may_approve"]) == ("waiting", 1, True)
    assert ivo["lines"][-1]["sentence"] == (
        "Needs 1 approval by an approver who is not mara. Yours would be it."
    )
    assert (mara["may_approve"], mara["may_request"], mara["may_promote"]) == (False,) * 3
    assert mara["why_not"] == "mara is contributor, and this takes an approver."
    assert eve["lines"][-1]["sentence"] == "Needs 1 approval by an approver who is not mara."
    assert promotion(IVO, "flight-delay@1")["state"] == "current"
    refused = promotion(IVO, "flight-delay@3")
    assert (refused["state"], refused["may_request"]) == ("refused", False)
    assert browse(MARA).queue()[0]["may_approve"] is False


def test_the_page_of_a_damaged_version_is_shown_and_says_so(story: Path, tmp_path: Path) -> None:
    project = with_people(Project.open(shutil.copytree(story, tmp_path / "project")))
    browse = pages_of(project)
    assert browse(IVO).version_page("flight-delay@1")["verified"] == {
        "state": "ok",
        "message": "2 files are what was registered",
    }
    change_content(project, project.models.get("flight-delay@1"))
    page = browse(IVO).version_page("flight-delay@1")
    assert page["verified"]["state"] == "wrong"
    assert page["verified"]["message"].startswith("model.skops ")
    assert page["metrics"]["auc"] == 0.745


def test_the_metrics_that_the_project_declares_come_first(
    browse: Pages,
) -> None:
    pages = browse(IVO)
    declared = Browser(pages.models, {"log_loss": "min"}, IVO, pages.gates)
    assert next(iter(pages.model_page("flight-delay")["goals"])) == "auc"
    assert next(iter(declared.model_page("flight-delay")["goals"])) == "log_loss"


def test_a_page_says_where_an_alias_would_go_back_to(
    project: Project, make: Make, policy: Callable[[str], None]
) -> None:
    browse = pages_of(project)

    def back() -> int | None:
        (found,) = browse(IVO).model_page("flight-delay")["policies"]
        return None if found["back"] is None else int(found["back"])

    policy("[aliases.champion]\nunsafe = true\n")
    for unsafe in (False, False, True, False, False):
        project.models.promote(make(unsafe=unsafe).ref, "champion", by=MARA)
    assert back() == 4
    project.models.rollback("flight-delay", "champion", by=IVO)
    assert back() == 3  # never forward again
    policy("[aliases.champion]\n")
    assert back() == 2
    project.access.adopt(type(project.access.rules)())
    project.models.delete("flight-delay@2")
    assert back() == 1


def test_metrics_are_those_of_the_judge_where_there_was_one(
    browse: Pages,
) -> None:
    rows = browse(IVO).model_page("flight-delay")["versions"]
    assert [row["metrics"]["auc"] for row in rows] == [0.71, 0.745, 0.745]
    assert rows[1]["metrics"]["log_loss"] == "NaN"
    assert rows[1]["champion"] == {"version": 1, "metrics": {"auc": 0.713}}
    assert rows[1]["waiting"] == ["champion"]
