"""Aliases: promotions, rollbacks, and who had one when."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.errors import Conflict, Corrupt, Forbidden, InvalidInput, NotFound
from mlops_lab.project import Project
from mlops_lab.registry.records import ModelVersion

from .conftest import EVE, IVO, MARA, Make, package
from .test_approvals import change_content, write_by_hand

PROCESS = Path(__file__).with_name("register_process.py")


def champion(project: Project) -> int:
    return project.models.get("flight-delay@champion").version


Crowd = Callable[[str, list[dict[str, Any]]], list[list[str]]]


@pytest.fixture
def crowd(project: Project, new_nursery: Callable[..., Any]) -> Crowd:
    """Has processes do something at once; gives what each of them said."""
    nursery = new_nursery(PROCESS, len)

    def run(verb: str, each: list[dict[str, Any]]) -> list[list[str]]:
        outs = [nursery.path(str(n)) for n in range(len(each))]
        processes = [
            nursery.start(verb, root=str(project.root), out=out, **arguments)
            for out, arguments in zip(outs, each, strict=True)
        ]
        assert [nursery.wait(pid) for pid in processes] == [0] * len(each), nursery.errors
        return [Path(out).read_text().splitlines() for out in outs]

    return run


def test_the_replaced_version_only_loses_the_alias(
    project: Project, versions: list[ModelVersion]
) -> None:
    project.models.promote("flight-delay@1", "champion", reason="first", by=MARA)
    done = project.models.promote("flight-delay@2", "champion", reason="better", by=MARA)
    assert done.sentence == "flight-delay 2 is champion now, it replaces 1."
    assert project.models.get("flight-delay@1").aliases == ()
    newest, oldest = project.models.history("flight-delay", "champion")
    assert (newest.version, newest.until, newest.reason) == (2, None, "better")
    assert (oldest.version, oldest.until, oldest.by) == (1, newest.since, "mara")


def test_promoting_what_is_champion_already_changes_nothing(
    project: Project, version: ModelVersion
) -> None:
    project.models.promote("flight-delay@1", "champion", by=MARA)
    again = project.models.promote("flight-delay@1", "champion", by=MARA)
    assert again.sentence == "flight-delay 1 is champion already."
    assert len(project.models.history("flight-delay", "champion")) == 1


def test_on_answers_what_was_champion_that_day(
    project: Project, versions: list[ModelVersion]
) -> None:
    before = datetime.now(UTC)
    project.models.promote("flight-delay@1", "champion", by=MARA)
    project.models.promote("flight-delay@2", "champion", by=MARA)
    first, second = project.models.history("flight-delay", "champion")[::-1]

    def on(when: date | str) -> int | None:
        found = project.models.on("flight-delay", "champion", when)
        return None if found is None else found.version

    assert on(before - timedelta(days=1)) is None
    assert on(first.since) == 1
    assert on(second.since - timedelta(microseconds=1)) == 1
    assert on(second.since) == 2
    assert on(second.since.date()) == 2  # a day alone means its end
    assert on(second.since.replace(tzinfo=None)) == 2
    assert on(f"{datetime.now(UTC):%Y-%m-%d}") == 2
    with pytest.raises(InvalidInput, match="A moment is a date"):
        on("last week")


def test_rollback_goes_back_step_by_step_and_never_forward(
    project: Project, versions: list[ModelVersion]
) -> None:
    for version in versions:
        project.models.promote(version.ref, "champion", by=MARA)
    done = project.models.rollback("flight-delay", "champion", reason="worse", by=IVO)
    assert done.sentence == "flight-delay 2 is champion again now, it replaces 3."
    assert project.models.rollback("flight-delay", "champion", by=IVO).version == 1
    with pytest.raises(Conflict, match="nothing to go back to"):
        project.models.rollback("flight-delay", "champion", by=IVO)
    project.models.promote("flight-delay@3", "champion", by=MARA)
    assert project.models.rollback("flight-delay", "champion", by=IVO).version == 1
    moves = project.models.history("flight-delay", "champion")
    assert [move.version for move in moves] == [1, 3, 1, 2, 3, 2, 1]
    assert {move.how for move in moves[3:5]} == {"rollback", "promote"}


def test_rollback_to_another_version_than_was_told_is_refused(
    project: Project, versions: list[ModelVersion]
) -> None:
    for version in versions:
        project.models.promote(version.ref, "champion", by=MARA)
    with pytest.raises(Conflict, match="would go back to 2 now, not to 1"):
        project.models.rollback("flight-delay", "champion", version=1, by=IVO)
    assert champion(project) == 3
    assert project.models.rollback("flight-delay", "champion", version=2, by=IVO).version == 2


def test_rollback_needs_no_approval_but_the_role(
    project: Project, versions: list[ModelVersion], policy: Callable[[str], None]
) -> None:
    for version in versions[:2]:
        project.models.promote(version.ref, "champion", by=MARA)
    policy("[aliases.champion]\napprovals = 2\ngates = true\n")
    with pytest.raises(Forbidden, match="approver"):
        project.models.rollback("flight-delay", "champion", by=MARA)
    assert project.models.rollback("flight-delay", "champion", by=IVO).promoted


def test_rollback_passes_over_what_is_deleted_or_damaged(
    project: Project, versions: list[ModelVersion], make: Make
) -> None:
    for version in (*versions, make()):
        project.models.promote(version.ref, "champion", by=MARA)
    project.access.adopt(type(project.access.rules)())
    project.models.delete("flight-delay@3")
    change_content(project, versions[1])
    # Nobody knew of the damage before: what is told then is where it went instead.
    assert project.models.rollback("flight-delay", "champion", version=2).version == 1


def test_rollback_says_why_there_is_nothing_sound(
    project: Project, versions: list[ModelVersion]
) -> None:
    first = versions[0]
    for version in versions[:2]:
        project.models.promote(version.ref, "champion", by=MARA)
    change_content(project, first)
    with pytest.raises(Conflict, match=r"1 would be, but model\.skops has other bytes than"):
        project.models.rollback("flight-delay", "champion", by=IVO)
    assert champion(project) == 2


def test_rollback_passes_over_a_format_that_the_policy_refuses(
    project: Project, make: Make, policy: Callable[[str], None]
) -> None:
    policy("[aliases.champion]\nunsafe = true\n")
    for unsafe in (False, True, False):
        project.models.promote(make(unsafe=unsafe).ref, "champion", by=MARA)
    policy("[aliases.champion]\n")
    assert project.models.rollback("flight-delay", "champion", by=IVO).version == 1


def test_an_alias_that_was_taken_away_comes_back(project: Project, version: ModelVersion) -> None:
    project.models.promote(version.ref, "champion", by=MARA)
    project.models.remove_alias("flight-delay", "champion", reason="recalled", by=IVO)
    with pytest.raises(NotFound, match="No version of flight-delay is champion"):
        project.models.get("flight-delay@champion")
    assert project.models.rollback("flight-delay", "champion", by=IVO).version == 1


def test_a_viewer_moves_nothing(project: Project, version: ModelVersion) -> None:
    models = project.models
    for act in (
        lambda: models.promote("flight-delay@1", "champion", by=EVE),
        lambda: models.rollback("flight-delay", "champion", by=EVE),
        lambda: models.remove_alias("flight-delay", "champion", by=EVE),
        lambda: models.request_approval("flight-delay@1", "champion", by=EVE),
        lambda: models.approve("flight-delay@1", "x", alias="champion", by=EVE),
        lambda: models.reject("flight-delay@1", "x", alias="champion", by=EVE),
        lambda: models.settle("flight-delay@1", "champion", by=EVE),
        lambda: models.edit("flight-delay@1", note="x", by=EVE),
        lambda: models.edit_card("flight-delay", {"limitations": "x"}, by=EVE),
        lambda: models.delete("flight-delay@1", by=EVE),
        lambda: models.register("x", run_id="0" * 32, by=EVE),
        lambda: models.judge(
            "flight-delay@1", run=None, outcome="passed", passed=1, total=1, by=EVE
        ),
    ):
        with pytest.raises(Forbidden, match="eve is viewer here"):
            act()
    assert [one.kind for one in project.store.decisions()] == ["model.register"]


def test_a_broken_log_stops_promotion_and_rollback(
    project: Project, versions: list[ModelVersion]
) -> None:
    for version in versions[:2]:
        project.models.promote(version.ref, "champion", by=MARA)
    path = project.store.dir / "decisions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"reason":""', b'"reason":"x"')
    path.write_bytes(b"".join(lines))
    for act in (
        lambda: project.models.promote("flight-delay@1", "champion", by=MARA),
        lambda: project.models.rollback("flight-delay", "champion", by=IVO),
    ):
        with pytest.raises(Corrupt, match=r"decision log is broken: line 5 .*line 4 was changed"):
            act()
    assert champion(project) == 2


def test_a_champion_written_by_hand_does_not_become_more(
    project: Project, versions: list[ModelVersion]
) -> None:
    project.models.promote("flight-delay@1", "champion", by=MARA)
    two = project.models.get("flight-delay@2")
    about = {"model": two.name, "version": 2, "digest": two.digest, "alias": "champion"}
    write_by_hand(project, "model.alias", {**about, "how": "promote"})
    with pytest.raises(Corrupt, match="decision log is broken"):
        project.models.promote("flight-delay@2", "staging", by=MARA)


@pytest.mark.slow
def test_eight_processes_never_share_or_skip_a_number(
    project: Project, tmp_path: Path, crowd: Crowd
) -> None:
    run_id = project.runs.start(name="fit", by=MARA)
    *logged, same = [
        project.models.log_package(run_id, f"m{n}", package(tmp_path / f"m{n}", str(n))).id
        for n in range(9)
    ]
    said = crowd("register", [{"logged": [one, same]} for one in logged])
    numbers = [int(line) for lines in said for line in lines]
    assert sorted(set(numbers)) == list(range(1, 10))
    assert len({lines[1] for lines in said}) == 1
    assert len(project.models.versions("flight-delay")) == 9


@pytest.mark.slow
def test_promotions_at_once_have_one_order_and_are_all_recorded(
    project: Project, versions: list[ModelVersion], make: Make, crowd: Crowd
) -> None:
    refs = [version.ref for version in (*versions, make(), make(), make())]
    said = crowd("promote", [{"refs": refs[n::3], "reason": f"by {n}"} for n in range(3)])
    assert sum("is champion now" in line for lines in said for line in lines) == 6
    moves = project.models.history("flight-delay", "champion")[::-1]
    assert sorted(move.version or 0 for move in moves) == [1, 2, 3, 4, 5, 6]
    told = [one.data for one in project.store.decisions() if one.kind == "model.alias"]
    assert [one["from"] for one in told] == [None, *(one["version"] for one in told[:-1])]
    assert [move.until for move in moves[:-1]] == [move.since for move in moves[1:]]


def test_views_and_records_agree(project: Project, versions: list[ModelVersion]) -> None:
    for version in versions:
        project.models.promote(version.ref, "champion", by=MARA)
    project.models.rollback("flight-delay", "champion", by=IVO)

    def rows(query: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in project.sql(query).arrow.to_pylist()]

    assert rows(
        "select version, how, until is null as now from model_alias_history order by since"
    ) == [
        (1, "promote", False),
        (2, "promote", False),
        (3, "promote", False),
        (2, "rollback", True),
    ]
    assert rows("select version, aliases, deleted from model_versions order by 1") == [
        (1, None, False),
        (2, ["champion"], False),
        (3, None, False),
    ]
    assert rows("select name, versions, latest from models") == [("flight-delay", 3, 3)]


def test_a_rebuilt_index_says_the_same(
    project: Project, versions: list[ModelVersion], judge: Any, policy: Callable[[str], None]
) -> None:
    policy()
    for version in versions[:2]:
        run = judge(version)
        project.models.promote(version.ref, "staging", by=MARA)
        project.models.settle(version.ref, "champion", run=run, by=MARA)
    project.models.approve("flight-delay@1", "fine", by=IVO)
    project.models.edit("flight-delay@2", note="second", tags={"a": "b"}, by=MARA)

    def seen() -> str:
        models = project.models
        return json.dumps(
            [
                [repr(one) for one in models.versions("flight-delay")],
                [repr(one) for one in models.list()],
                [repr(one) for one in models.history("flight-delay", "champion")],
                [repr(one) for one in models.queue(IVO)],
            ]
        )

    before = seen()
    project.store.rebuild()
    assert seen() == before
