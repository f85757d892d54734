from __future__ import annotations

import base64
import contextlib
import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from mlops_lab.errors import InvalidInput
from mlops_lab.project import Project
from mlops_lab.tracking.rows import read_rows
from mlops_lab.tracking.search import ANY

NAMES = ["gbm", "forest", "linear", "leaky", "empty"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Five runs; of each, what it logs differs."""
    project = Project.create(tmp_path_factory.mktemp("search") / "project")
    runs = project.runs
    ids: dict[str, str] = {}

    def start(name, **options):
        ids[name] = runs.start(name=name, **options)
        return ids[name]

    gbm = start("gbm", experiment="delay", params={"model": "gbm", "depth": 6, "lr": 0.1})
    for step, value in enumerate((0.5, 0.74, 0.7)):
        runs.log_metrics(gbm, {"auc": value, "val/loss": 1 - value}, step=step)
    runs.set_tags(gbm, {"team": "ops", "size": "10"})
    runs.end(gbm, "finished", outcome="passed")

    forest = start("forest", experiment="delay", params={"model": "rf", "depth": "9"})
    runs.log_metrics(forest, {"auc": 0.72, "val/loss": math.nan}, step=0)
    runs.set_tags(forest, {"team": "research", "size": "9"})
    runs.delete_tags(forest, ["team"])
    runs.end(forest, "failed")

    linear = start("linear", params={"model": "it's 100%", "depth": "deep"})
    runs.log_metrics(linear, {"auc": math.inf}, step=0)
    runs.log_metrics(linear, {"auc": 0.6}, step=1)
    start("child", parent=linear, kind="step", params={"depth": 1})

    leaky = start("leaky", params={"depth": 6.0})
    runs.log_metrics(leaky, {"auc": 0.99}, step=0)
    runs.end(leaky)
    runs.delete([leaky])

    start("empty")
    project.ids = ids
    yield project
    project.close()


def found(project, where=None, **options) -> list[str]:
    options.setdefault("order_by", "started")
    page = project.runs.search(where, **options)
    assert page.total >= len(page.items)
    return [record.name for record in page.items]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (None, "gbm forest linear child empty"),
        ("", "gbm forest linear child empty"),
        ("name = 'gbm'", "gbm"),
        ("name like '%e%r%'", "linear"),
        ("experiment = 'delay'", "gbm forest"),
        ("experiment = 'Default' and kind = 'training'", "linear empty"),
        ("status = 'failed'", "forest"),
        ("status in ('finished', 'failed')", "gbm forest"),
        ("outcome = 'passed'", "gbm"),
        ("outcome is null and ended is not null", "forest"),
        ("kind = 'step'", "child"),
        ("parent is not null", "child"),
        ("started > now - 1d", "gbm forest linear child empty"),
        ("started > now", ""),
        ("started < '2020-01-01'", ""),
        ("ended is null", "linear child empty"),
        ("duration < 1h", "gbm forest linear child empty"),
        ("ended - started > 1h", ""),
        ("author is null and name = 'gbm'", ""),
        ("notebook is null", "gbm forest linear child empty"),
        ("NAME = 'gbm'", "gbm"),
        ("params.model = 'gbm'", "gbm"),
        ("params.model = 'it''s 100%'", "linear"),
        ("params.depth = 6", "gbm"),
        ("params.depth > 5", "gbm forest"),
        ("params.depth = '9'", "forest"),
        ("params.depth is not null and not params.depth > 0", "linear"),
        ("params.depth > params.lr", "gbm"),
        ("params.lr * 10 = 1", "gbm"),
        ("tags.team = 'ops'", "gbm"),
        ("tags.team is not null", "gbm"),
        ("tags.size > 9.5", "gbm"),
        ("tags.size < '9'", "gbm"),
        ("tags.size > tags.team", ""),
        ("metrics.auc = 0.7", "gbm"),
        ("last(auc) = 0.7", "gbm"),
        ("best(auc) = 0.74", "gbm"),
        ("best(auc) > 0.7", "gbm forest"),
        ("max(auc) < 0.7", "linear"),
        ("min(auc) = 0.5", "gbm"),
        ("mean(auc) between 0.64 and 0.65", "gbm"),
        ("best(val/loss) < 0.3", "gbm"),
        ("metrics.`val/loss` > 0.2", "gbm"),
        ("metrics.`val/loss` is not null", "gbm forest"),
        ("not metrics.`val/loss` > 0", "forest linear child empty"),
        ("best(val/loss) is null", "forest linear child empty"),
        ("best(auc) - min(auc) > 0.2", "gbm"),
        ("experiment = 'delay' and best(auc) > 0.7 and (params.model = 'gbm' or tags.team = 'ops')",
         "gbm"),
        ("metrics.nothing = 1", ""),
        ("metrics.nothing is null", "gbm forest linear child empty"),
    ],
)  # fmt: skip
def test_conditions_find_their_runs(project, where, expected):
    assert " ".join(found(project, where)) == expected


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        (None, "empty child linear forest gbm"),
        ("started desc", "empty child linear forest gbm"),
        ("name", "child empty forest gbm linear"),
        ("best(auc) desc, name", "gbm forest linear child empty"),
        ("best(auc), name", "linear forest gbm child empty"),
        ("last(auc) desc, name", "forest gbm linear child empty"),
        ("metrics.`val/loss` desc, name desc", "gbm linear forest empty child"),
        ("params.depth, name", "child gbm forest linear empty"),
        ("params.depth desc, name", "forest gbm child linear empty"),
        ("tags.size, name", "forest gbm child empty linear"),
        ("max(auc) - min(auc) desc, name", "gbm forest linear child empty"),
        ("experiment desc, status, name", "forest gbm child empty linear"),
        ("-best(auc), name", "gbm forest linear child empty"),
    ],
)
def test_orders_put_missing_values_last(project, order_by, expected):
    assert " ".join(found(project, order_by=order_by)) == expected


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize(
    "order_by",
    [None, "best(auc) desc", "status, params.depth desc", "metrics.`val/loss`", "parent, name"],
)
def test_pages_give_every_run_once_in_order(project, order_by, limit):
    whole = [record.id for record in project.runs.search(order_by=order_by).items]
    paged: list[str] = []
    cursor = None
    while True:
        page = project.runs.search(order_by=order_by, limit=limit, cursor=cursor)
        assert page.total == 5
        paged += [record.id for record in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert paged == whole
    assert len(set(paged)) == 5


def test_a_run_that_is_added_does_not_shift_the_pages(tmp_path):
    project = Project.create(tmp_path)
    for name in "abcd":
        project.runs.start(name=name)
    first = project.runs.search(order_by="started desc", limit=2)
    project.runs.start(name="e")
    second = project.runs.search(order_by="started desc", limit=2, cursor=first.next_cursor)
    assert [record.name for record in (*first.items, *second.items)] == list("dcba")
    assert second.total == 5
    assert second.next_cursor is None
    project.close()


def test_a_page_after_the_last_run_is_empty_and_knows_the_total(tmp_path):
    project = Project.create(tmp_path)
    ids = [project.runs.start(name=name) for name in "abc"]
    where = "kind = 'training' and duration >= 0s"
    page = project.runs.search(where, order_by="name", limit=2)
    project.runs.end(ids[2])
    project.runs.delete([ids[2]])
    rest = project.runs.search(where, order_by="name", limit=2, cursor=page.next_cursor)
    assert (rest.items, rest.total, rest.next_cursor) == ([], 2, None)
    project.close()


def test_a_page_can_begin_anywhere(project):
    whole = [record.id for record in project.runs.search().items]
    jumped = project.runs.search(offset=2, limit=2)
    assert [record.id for record in jumped.items] == whole[2:4]
    rest = project.runs.search(limit=2, cursor=jumped.next_cursor)
    assert [record.id for record in rest.items] == whole[4:6]
    assert project.runs.search(offset=1_000).items == []
    with pytest.raises(InvalidInput, match="offset"):
        project.runs.search(offset=-1)


def test_now_stays_the_same_from_page_to_page(project):
    page = project.runs.search("started < now", limit=1)
    cursor = json.loads(base64.urlsafe_b64decode(page.next_cursor + "=="))
    following = project.runs.search("started < now", limit=1, cursor=page.next_cursor)
    assert json.loads(base64.urlsafe_b64decode(following.next_cursor + "=="))[2] == cursor[2]
    assert abs(datetime.fromtimestamp(cursor[2] / 1e6, UTC) - datetime.now(UTC)) < timedelta(
        hours=1
    )


def test_parent_narrows_to_the_top_or_to_children(project):
    assert found(project, parent=None) == ["gbm", "forest", "linear", "empty"]
    assert found(project, parent=project.ids["linear"]) == ["child"]
    assert found(project, parent=ANY) == ["gbm", "forest", "linear", "child", "empty"]
    assert found(project, parent="'; drop table lab.run; --") == []


def test_deleted_runs_are_found_only_when_asked_for(project):
    assert found(project, deleted=True) == ["leaky"]
    assert found(project, "best(auc) > 0.9") == []


def test_a_declared_goal_turns_best_around(tmp_path):
    (tmp_path / "mlops.toml").write_text('[goals]\nauc = "min"\n')
    project = Project.open(tmp_path)
    run = project.runs.start(name="a")
    project.runs.log_metrics(run, {"auc": 0.2}, step=0)
    project.runs.log_metrics(run, {"auc": 0.9}, step=1)
    assert found(project, "best(auc) = 0.2") == ["a"]
    project.close()


@pytest.mark.parametrize(
    ("where", "at", "typed", "suggestion"),
    [
        ("statsu = 'failed'", 0, "statsu", "status"),
        ("name = 'x' and expriment = 'y'", 15, "expriment", "experiment"),
        ("auc > 0.7", 0, "auc", "best(auc)"),
        ("`val/loss` > 0.7", 0, "`val/loss`", "best(val/loss)"),
        ("depth > 1", 0, "depth", "params.depth"),
        ("team = 'ops'", 0, "team", "tags.team"),
        ("param.depth > 1", 0, "param.depth", "params.depth"),
        ("metric.`val/loss` > 1", 0, "metric.`val/loss`", "metrics.`val/loss`"),
        ("metrics > 1", 0, "metrics", "metrics.auc"),
        ("qqqqqq > 1", 0, "qqqqqq", None),
        ("verdict = 'clean'", 0, "verdict", None),
        ("status = 7", 9, "7", "'7'"),
        ("best(auc) > 'high'", 12, "'high'", None),
        ("duration > 60", 11, "60", "60s"),
        ("started > 'soon'", 10, "'soon'", None),
        ("status == 'x'", 7, "==", "="),
    ],
)
def test_errors_point_at_the_name_and_know_the_projects_names(
    project, where, at, typed, suggestion
):
    with pytest.raises(InvalidInput) as caught:
        project.runs.search(where)
    details = caught.value.details
    assert (details["position"], details["suggestion"]) == (at, suggestion)
    assert where[at : at + details["length"]] == typed


def test_errors_in_an_order_point_into_the_order(project):
    with pytest.raises(InvalidInput) as caught:
        project.runs.search("name = 'a'", order_by="best(auc) desc, stated")
    assert caught.value.details["position"] == 16
    assert caught.value.details["suggestion"] == "started"


@pytest.mark.parametrize(
    ("where", "hint"),
    [
        ("best(acu) > 0.7", "No run has a metric acu. Did you mean auc?"),
        ("params.dept = 1", "No run has a param dept. Did you mean depth?"),
        ("tags.owner = 'a'", "No run has a tag owner."),
        ("best(auc) > 7", None),
        (
            "name = 'x' and not status != 'finishd'",
            "There is no status finishd; there are scheduled, running, finished, failed, killed. "
            "Did you mean finished?",
        ),
        (
            "outcome in ('passed', 'ok') and name = 'x'",
            "There is no outcome ok; there are passed, rejected, waiting.",
        ),
        ("kind = 'report'", None),
        ("tags.`mlops.star` = 'true'", None),
    ],
)
def test_a_search_that_found_nothing_says_which_name_no_run_has(project, where, hint):
    assert project.runs.search(where).hint == hint


def test_a_search_in_an_empty_project_finds_nothing(tmp_path):
    project = Project.create(tmp_path)
    page = project.runs.search("best(auc) > 0.7")
    assert (page.items, page.total, page.next_cursor) == ([], 0, None)
    project.close()


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_limits_out_of_range_are_refused(project, limit):
    with pytest.raises(InvalidInput, match="limit"):
        project.runs.search(limit=limit)


@pytest.mark.parametrize("offset", [-1, 2**70])
def test_offsets_out_of_range_are_refused(project, offset):
    with pytest.raises(InvalidInput, match="offset"):
        project.runs.search(offset=offset)


def test_a_search_begins_at_an_offset_and_goes_on_by_cursor(project):
    page = project.runs.search(order_by="started", limit=2, offset=2)
    assert [record.name for record in page.items] == ["linear", "child"]
    rest = project.runs.search(order_by="started", limit=2, cursor=page.next_cursor)
    assert [record.name for record in rest.items] == ["empty"]
    beyond = project.runs.search(order_by="started", offset=100)
    assert (beyond.items, beyond.total, beyond.next_cursor) == ([], 5, None)


def test_runs_of_a_notebook_are_found_by_its_path(tmp_path):
    project = Project.create(tmp_path)
    project.runs.start(name="a", source={"notebook": "notebooks/train.ipynb"})
    project.runs.start(name="b", source={"notebook": "notebooks/it's.ipynb"})
    assert found(project, notebook="notebooks/it's.ipynb") == ["b"]
    assert found(project, "notebook like '%train%'") == ["a"]
    project.close()


def test_a_cursor_of_another_search_is_refused(project):
    cursor = project.runs.search("kind = 'training'", limit=1).next_cursor
    assert cursor is not None
    with pytest.raises(InvalidInput, match="another search"):
        project.runs.search("kind = 'step'", cursor=cursor)
    with pytest.raises(InvalidInput, match="another search"):
        project.runs.search("kind = 'training'", order_by="name", cursor=cursor)


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "é", "!!!!", "bnVsbA", "W10", base64.b64encode(b"[" * 5000).decode(), "A" * 5001],
)
def test_a_forged_cursor_is_refused(project, cursor):
    with pytest.raises(InvalidInput, match="cursor"):
        project.runs.search(cursor=cursor)


@pytest.mark.parametrize(
    "values", [[[1]], [{"a": 1}], ["'; drop table lab.run"], [None], [], [1.0, 2.0]]
)
def test_forged_sort_values_do_no_harm(project, values):
    cursor = project.runs.search(limit=1).next_cursor
    said = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    said[3] = values
    forged = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
    with contextlib.suppress(InvalidInput):
        project.runs.search(cursor=forged)
    assert len(found(project)) == 5


def test_hostile_values_are_only_values(project):
    for text in ("'; drop table lab.run; --", "$limit", "?", "\\", '"', "\n", "é\u202e"):
        quoted = text.replace("'", "''")
        assert found(project, f"name = '{quoted}' or params.`{text}` = '{quoted}'") == []
    assert len(found(project)) == 5


def test_pipeline_is_found_by_the_metrics_that_its_row_shows(tmp_path) -> None:
    project = Project.create(tmp_path / "steps")
    runs = project.runs
    pipeline = runs.start(name="nightly", kind="pipeline")
    for name, auc in (("train", 0.8), ("evaluate", 0.7), ("evaluate with champion 1", 0.9)):
        step = runs.start(name=name, parent=pipeline, kind="step")
        runs.log_metrics(step, {"auc": auc}, step=0)
        if "champion" in name:
            runs.set_tags(step, {"mlops.champion": "late@1"})
        runs.end(step)
    alone = runs.start(name="alone")
    runs.log_metrics(alone, {"auc": 0.75}, step=0)
    for run in (alone, pipeline):
        runs.end(run)

    def top(where: str) -> list[str]:
        return found(project, where, parent=None)

    page = runs.search(parent=None, order_by="best(auc) desc")
    with project.store.read() as cursor:
        rows = read_rows(cursor, page.items, {})
    assert [(row.record.name, row.metric("auc").last) for row in rows] == [
        ("alone", 0.75),
        ("nightly", 0.7),
    ]
    assert top("best(auc) > 0.72") == ["alone"]
    assert top("best(auc) > 0.65") == ["nightly", "alone"]
    assert top("best(auc) < 0.72") == ["nightly"]
    assert len(found(project, "best(auc) > 0.65")) == 4, "without the pipeline, which logged none"
    project.close()


@pytest.mark.parametrize("where", ["experiment = delay", "name in ('a', delay)", "name like delay"])
def test_text_without_quotes_is_told_to_have_them(project, where: str) -> None:
    with pytest.raises(InvalidInput, match="no name delay; text stands in quotes: 'delay'"):
        found(project, where)
