from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_lab.governance import current_identity
from mlops_lab.project import Project

from .conftest import HOSTILE, Ask, Sample, make_project


def names(answer: Any) -> list[str]:
    return [row["name"] for row in answer.body["runs"]]


async def test_lists_the_top_level_newest_first(sample: Sample, met: Any, ask: Ask) -> None:
    answer = await ask("projects", await met(), "runs")
    assert names(answer)[:2] == ["gbm-6", "flight-delay-43"]
    assert answer.body["total"] == answer.body["all"] == 8
    assert answer.body["goal"] == {"key": "auc", "direction": "max", "guessed": False}
    assert answer.body["age_s"] < 10


async def test_a_row_says_all_that_a_row_shows(sample: Sample, met: Any, ask: Ask) -> None:
    answer = await ask("projects", await met(), "runs", sparkline="auto")
    rows = {row["id"]: row for row in answer.body["runs"]}
    running = rows[sample.ids["running"]]
    assert running["subline"] == "cell 7 · step 75 of 120"
    assert running["metric"]["key"] == running["sparkline"]["key"] == "auc"
    assert running["sparkline"]["values"][-1] == running["metric"]["value"] == 0.695
    assert running["cell"] == {"id": "5c1d", "index": 7, "total": 9}
    assert (running["step"], running["planned_steps"]) == (75, 120)
    assert running["tags"] == {"team": "ops"}
    assert rows[sample.ids["finished"]]["subline"] == "lr 0.1"
    assert rows[sample.ids["finished"]]["starred"] is True
    assert rows[sample.ids["killed"]]["subline"] == "kernel died in cell 7"
    assert rows[sample.ids["failed"]]["name"] == HOSTILE
    assert rows[sample.ids["failed"]]["subline"] == "ValueError in cell 4: Input X contains NaN"
    assert rows[sample.ids["failed"]]["metric"]["value"] == "NaN"
    assert rows[sample.ids["scheduled"]]["subline"] == "waiting to start"


async def test_a_pipeline_s_row_says_what_its_gates_and_steps_say(
    sample: Sample, met: Any, ask: Ask
) -> None:
    answer = await ask("projects", await met(), "runs", sparkline="auto")
    rows = {row["id"]: row for row in answer.body["runs"]}
    passed, rejected = rows[sample.ids["passed"]], rows[sample.ids["rejected"]]
    assert (passed["outcome"], passed["subline"]) == ("passed", "pipeline · gates passed")
    assert passed["children"] == 2
    assert passed["metric"]["key"] == "auc"
    assert passed["metric"]["value"] == 0.745
    assert rejected["subline"] == "pipeline · rejected: auc ≤ 0.85"
    assert rows[sample.ids["going"]]["subline"] == "evaluate · cell 2 of 2"


async def test_searches_with_the_expression_language(sample: Sample, met: Any, ask: Ask) -> None:
    runs = ("projects", await met(), "runs")
    assert names(await ask(*runs, where="tags.team = 'ops'")) == ["gbm-6"]
    best = await ask(*runs, where="best(auc) > 0.6", order_by="best(auc) desc", parent="any")
    assert names(best)[0] == "evaluate"
    none = await ask(*runs, where="best(auc) > 2")
    assert (none.body["total"], none.body["all"], none.body["goal"]) == (0, 8, None)


async def test_an_error_points_at_its_character(sample: Sample, met: Any, ask: Ask) -> None:
    where = "  best(auc) > 0.7 and parms.lr = 0.1"
    answer = await ask("projects", await met(), "runs", where=where)
    assert answer.code == 400
    assert answer.body["position"] == where.index("parms")
    assert answer.body["suggestion"].startswith("params")


async def test_pages_go_on_where_the_last_one_ended(sample: Sample, met: Any, ask: Ask) -> None:
    runs = ("projects", await met(), "runs")
    seen: list[str] = []
    cursor = None
    while True:
        answer = await ask(*runs, limit=3, cursor=cursor)
        seen += [row["id"] for row in answer.body["runs"]]
        cursor = answer.body["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 8


async def test_children_of_a_run(sample: Sample, met: Any, ask: Ask) -> None:
    runs = ("projects", await met(), "runs")
    whole = await ask(*runs, parent=sample.ids["passed"], order_by="started")
    assert names(whole) == ["prepare", "evaluate"]
    prefix = await ask(*runs, parent=sample.ids["passed"][:8], order_by="started")
    assert prefix.body["runs"] == whole.body["runs"]


async def test_the_runs_of_a_notebook(sample: Sample, met: Any, ask: Ask) -> None:
    runs = ("projects", await met(), "runs")
    answer = await ask(*runs, notebook="notebooks/train.ipynb")
    assert set(names(answer)) == {"gbm-4", "gbm-5", "gbm-6"}
    odd = await ask(*runs, notebook="notebooks/Prüfung [1] & 50%.ipynb")
    assert names(odd) == [HOSTILE]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 9999}, {"limit": "x"}, {"cursor": "x"}, {"parent": "zz"}]
)
async def test_a_query_that_cannot_be_meant_is_refused(
    sample: Sample, met: Any, ask: Ask, query: dict[str, Any]
) -> None:
    answer = await ask("projects", await met(), "runs", **query)
    assert (answer.code, answer.body["code"]) == (400, "invalid-input")


async def test_one_run_says_everything(sample: Sample, met: Any, ask: Ask) -> None:
    runs = ("projects", await met(), "runs")
    failed = (await ask(*runs, sample.ids["failed"][:10])).body
    assert failed["id"] == sample.ids["failed"]
    assert failed["error"]["cell_index"] == 4
    assert failed["error"]["traceback"].endswith("</pre><script>")
    assert failed["params"][0]["key"] == "größe/日本"
    assert failed["metrics"][0]["not_finite"] == 2
    assert failed["metrics"][0]["best"] == 0.5
    assert failed["cells"][0]["state"] == "failed"
    finished = (await ask(*runs, sample.ids["finished"])).body
    assert finished["artifacts"] == 2
    assert finished["notes"][0]["text"] == "first model with weather"
    assert finished["can_cancel"] is False
    passed = (await ask(*runs, sample.ids["passed"])).body
    assert [step["name"] for step in passed["steps"]] == ["prepare", "evaluate"]
    assert passed["steps"][1]["metric"]["value"] == 0.745
    assert passed["gates"][0]["sentence"] == "auc against 0.85"
    assert (await ask(*runs, sample.ids["going"])).body["can_cancel"] is True


async def test_a_run_that_is_not_there(sample: Sample, met: Any, ask: Ask) -> None:
    runs = ("projects", await met(), "runs")
    assert (await ask(*runs, "0" * 32)).code == 404
    assert (await ask(*runs, "no-id")).code == 400


async def test_a_changed_param_says_so(project: Project, met: Any, ask: Ask) -> None:
    run = project.runs.start(name="a", params={"lr": 0.1, "depth": 3})
    project.runs.log_params(run, {"lr": 0.2})
    params = (await ask("projects", await met(), "runs", run)).body["params"]
    assert params == [
        {"key": "depth", "value": "3", "type": "int", "changed": False},
        {"key": "lr", "value": "0.2", "type": "float", "changed": True},
    ]


async def test_histories_are_downsampled_and_keep_their_extremes(
    project: Project, met: Any, ask: Ask
) -> None:
    run = project.runs.start(name="a")
    for step in range(2_000):
        project.runs.log_metrics(run, {"a": 100.0 if step == 777 else step / 1e4}, step=step)
    project.runs.log_metrics(run, {"b": float("-inf")}, step=0)
    runs = ("projects", await met(), "runs", run, "metrics")
    [a, b] = (await ask(*runs, points=100)).body["series"]
    assert (a["n"], a["downsampled"]) == (2_000, True)
    assert len(a["values"]) <= 110
    assert 100.0 in a["values"]
    assert a["steps"][-1] == 1_999
    assert b["values"] == ["-Infinity"]
    one = (await ask(*runs, "b")).body
    assert one == b
    chosen = (await ask(*runs, key="b")).body["series"]
    assert chosen == [b]


async def test_a_metric_that_was_not_logged_names_those_that_were(
    sample: Sample, met: Any, ask: Ask
) -> None:
    answer = await ask(
        "projects", await met(), "runs", sample.ids["finished"], "metrics", "nothing/here"
    )
    assert answer.code == 404
    assert "log_loss" in answer.body["detail"]


async def test_a_metric_with_slashes_has_an_address(sample: Sample, met: Any, ask: Ask) -> None:
    runs = ("projects", await met(), "runs")
    answer = await ask(*runs, sample.ids["failed"], "metrics", "val/loss")
    assert answer.body["values"] == [0.6, 0.5, "Infinity", "NaN"]


async def test_changes_a_run(sample: Sample, met: Any, ask: Ask) -> None:
    run = ("projects", await met(), "runs", sample.ids["running"])
    patch = {"name": "Größe", "starred": True, "tags": {"team": None, "a/b": "c"}, "note": "hm"}
    row = (await ask(*run, method="PATCH", body=patch)).body
    assert (row["name"], row["starred"], row["tags"]) == ("Größe", True, {"a/b": "c"})
    note = (await ask(*run)).body["notes"][0]
    assert note["text"] == "hm"
    assert note["author"]
    assert (await ask(*run, method="PATCH", body={"starred": False})).body["starred"] is False


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"name": ""},
        {"starred": "maybe"},
        {"status": "finished"},
        {"name": "other", "tags": {"": "x"}},
        {"name": "a\nb", "starred": True},
        {"tags": {"mlops.name": "a\x1bb"}},
    ],
)
async def test_a_change_that_cannot_be_meant_is_refused(
    sample: Sample, met: Any, ask: Ask, patch: dict[str, Any]
) -> None:
    run = ("projects", await met(), "runs", sample.ids["running"])
    before = (await ask(*run)).body
    assert (await ask(*run, method="PATCH", body=patch)).code == 400
    after = (await ask(*run)).body
    # half of it is not done either
    assert [after[key] for key in ("name", "starred", "tags")] == [
        before[key] for key in ("name", "starred", "tags")
    ]


async def test_deletes_and_restores_with_the_name_of_who_asked(
    sample: Sample, met: Any, ask: Ask
) -> None:
    runs = ("projects", await met(), "runs")
    gone = await ask(*runs, "delete", method="POST", body={"ids": [sample.ids["passed"]]})
    assert len(gone.body["deleted"]) == 3
    assert sample.ids["passed"] in gone.body["deleted"]
    assert (await ask(*runs)).body["total"] == 7
    assert names(await ask(*runs, deleted="true")) == ["flight-delay-41"]
    decision = list(sample.project.store.decisions())[-1]
    assert decision.kind == "run.delete"
    # The server knows nobody behind its token: its own user stands for them.
    assert decision.by == {"id": current_identity().id, "via": "jupyter"}
    body = {"ids": [sample.ids["passed"]]}
    await ask(*runs, "restore", method="POST", body=body)
    assert (await ask(*runs)).body["total"] == 8


async def test_a_running_run_is_not_deleted(sample: Sample, met: Any, ask: Ask) -> None:
    body = {"ids": [sample.ids["running"]]}
    answer = await ask("projects", await met(), "runs", "delete", method="POST", body=body)
    assert (answer.code, answer.body["code"]) == (409, "conflict")


async def test_what_needs_a_person_until_it_was_seen(sample: Sample, met: Any, ask: Ask) -> None:
    project = ("projects", await met())
    items = (await ask(*project, "needs")).body["items"]
    assert sample.ids["failed"] in {item["run_id"] for item in items}
    seen = await ask(*project, "runs", sample.ids["failed"], "seen", method="POST")
    assert seen.code == 204
    items = (await ask(*project, "needs")).body["items"]
    assert sample.ids["failed"] not in {item["run_id"] for item in items}


async def test_the_card_of_a_notebook(sample: Sample, met: Any, ask: Ask) -> None:
    project = ("projects", await met())
    card = (await ask(*project, "notebook", path="notebooks/train.ipynb")).body
    assert card["active"]["id"] == sample.ids["running"]
    assert card["last"]["id"] == sample.ids["killed"]
    assert card["best"]["id"] == sample.ids["finished"]
    assert card["runs"] == 3
    auc, log_loss = card["metrics"]
    assert (auc["key"], log_loss["key"]) == ("auc", "log_loss")
    assert auc["difference"] == pytest.approx(0.695 - 0.692)
    assert auc["sparkline"][-1] == 0.695
    assert log_loss["direction"] == "min"


async def test_the_card_of_a_notebook_whose_last_run_is_its_best(
    project: Project, met: Any, ask: Ask
) -> None:
    for name, auc in (("a", 0.6), ("b", 0.7)):
        run = project.runs.start(name=name, source={"notebook": "n.ipynb"})
        project.runs.log_metrics(run, {"auc": auc})
        project.runs.end(run)
    card = (await ask("projects", await met(), "notebook", path="n.ipynb")).body
    assert card["active"] is None
    assert card["last"]["name"] == card["best"]["name"] == "b"
    assert card["metrics"][0]["difference"] is None


async def test_a_step_s_notebook_counts_its_steps_not_its_sweep(
    project: Project, met: Any, ask: Ask
) -> None:
    source = {"notebook": "n.ipynb"}
    top = project.runs.start(name="pipeline", kind="pipeline")
    step = project.runs.start(name="train", kind="step", parent=top, source=source)
    project.runs.start(name="trial", parent=step, source=source)
    card = (await ask("projects", await met(), "notebook", path="n.ipynb")).body
    assert card["runs"] == 1
    assert card["active"]["name"] == "train"


async def test_experiments(sample: Sample, met: Any, ask: Ask) -> None:
    found = (await ask("projects", await met(), "experiments")).body["experiments"]
    assert {one["name"] for one in found} >= {"flight-delay", "späte Flüge / <script>"}


async def test_a_change_elsewhere_is_announced_on_the_event_bus(
    project: Project, met: Any, ask: Ask, jp_ws_fetch: Any
) -> None:
    run = project.runs.start(name="a")
    key = await met()
    await ask("projects", key, "watch", method="POST")
    socket = await jp_ws_fetch("api", "events", "subscribe")
    try:
        project.runs.log_metrics(run, {"auc": 0.7})
        while True:
            event = json.loads(await socket.read_message())
            if event["schema_id"].startswith("https://mlops-lab.example/"):
                break
        assert event["kind"] == "runs"
        assert (event["project"], event["ids"]) == (key, [run])
        row = (await ask("projects", key, "runs")).body["runs"][0]
        assert row["metric"]["value"] == 0.7
    finally:
        socket.close()


async def test_a_read_only_project_is_shown_and_not_changed(
    ask: Ask, met: Any, jp_root_dir: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlops_lab.errors import Forbidden

    project = make_project(jp_root_dir / "shared")
    run = project.runs.start(name="a")
    project.runs.end(run)
    key = await met("shared")
    # Root may write everywhere, so the store is told instead.
    monkeypatch.setattr(project.store, "read_only", True)
    monkeypatch.setattr(project.store, "_refused_why", Forbidden("This project is read-only here."))
    shown = (await ask("projects", key)).body
    assert shown["read_only"] is True
    answer = await ask("projects", key, "runs", run, method="PATCH", body={"starred": True})
    assert (answer.code, answer.body["code"]) == (403, "forbidden")
