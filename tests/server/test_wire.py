"""The samples, ``openapi.yaml``, the routes and what the server really answers are one thing."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jupyter_server.base.handlers import JupyterHandler
from ruamel.yaml import YAML

from mlops_lab.server.extension import routes
from mlops_lab.server.handler import API, NoRoute

from .conftest import Sample

WIRE = Path(__file__).parents[1] / "wire"
SPEC: dict[str, Any] = YAML(typ="safe").load(
    (files("mlops_lab.server") / "openapi.yaml").read_text(encoding="utf-8")
)
VERBS = ("get", "post", "put", "patch", "delete")

# Which schema each sample is one of.
SAMPLES = {
    "alert": "Alert",
    "alert_row": "AlertRow",
    "alerts": "Alerts",
    "alerts_empty": "Alerts",
    "artifacts": "Artifacts",
    "comparison": "Comparison",
    "cancelled": "Started",
    "dataset": "Dataset",
    "dataset_commit_started": "Started",
    "dataset_diff": "DatasetDiff",
    "dataset_version": "DatasetVersion",
    "dataset_version_blocked": "DatasetVersion",
    "datasets": "Datasets",
    "decisions": "Decisions",
    "decisions_broken": "Decisions",
    "deleted": "Deleted",
    "endpoint": "Endpoint",
    "endpoint_change": "EndpointChange",
    "endpoint_stopped": "Endpoint",
    "endpoint_truth": "Told",
    "endpoints": "Endpoints",
    "endpoints_empty": "Endpoints",
    "evaluation": "Evaluation",
    "event": "Event",
    "example": "Example",
    "experiments": "Experiments",
    "lineage": "Lineage",
    "log": "Log",
    "me": "Me",
    "metric": "History",
    "metrics": "Histories",
    "model": "Model",
    "model_card": "ModelCard",
    "model_decision": "Decided",
    "model_queue": "Models",
    "model_registered": "ModelVersionRow",
    "model_row": "ModelRow",
    "model_version": "ModelVersion",
    "model_version_unsafe": "ModelVersion",
    "models": "Models",
    "models_empty": "Models",
    "monitor": "Monitor",
    "monitor_check_started": "Started",
    "monitor_window": "MonitorWindow",
    "monitors": "Monitors",
    "monitors_empty": "Monitors",
    "needs": "Needs",
    "needs_alert": "Needs",
    "needs_approval": "Needs",
    "notebook": "Notebook",
    "notebook_empty": "Notebook",
    "pipeline_started": "Started",
    "pipelines": "Pipelines",
    "predictions": "Predictions",
    "preview": "Preview",
    "problem_busy": "Problem",
    "problem_internal": "Problem",
    "problem_not_found": "Problem",
    "problem_where": "Problem",
    "project": "Project",
    "projects": "Projects",
    "projects_none": "Projects",
    "report_started": "Started",
    "restored": "Restored",
    "run_failed": "RunDetail",
    "run_finished": "RunDetail",
    "run_models": "RunDetail",
    "run_pipeline": "RunDetail",
    "run_pipeline_failed": "RunDetail",
    "run_pipeline_running": "RunDetail",
    "run_rejected": "RunDetail",
    "run_row": "RunRow",
    "run_running": "RunDetail",
    "runs": "Runs",
    "runs_empty": "Runs",
    "triggers": "Triggers",
    "triggers_run": "TriggersRun",
}


# Known answers of the drift view's statistics, computed by ours: no answer of a route.
NOT_ANSWERS = {"drift_statistics"}


def check(schema: str, value: Any) -> None:
    """A value is of a schema of ours: no member missing, none too many."""
    whole = {"$ref": f"#/components/schemas/{schema}", "components": SPEC["components"]}
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(whole).iter_errors(value)
    ]
    assert not errors, "\n".join(errors[:5])


def load(name: str) -> Any:
    return json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8"))


def test_every_sample_is_checked() -> None:
    assert {path.stem for path in WIRE.glob("*.json")} - NOT_ANSWERS == set(SAMPLES)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_sample_is_what_the_interface_says(name: str) -> None:
    check(SAMPLES[name], load(name))


def test_every_json_answer_has_a_sample() -> None:
    answers = {
        response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for response in SPEC["components"]["responses"].values()
        if "application/json" in response["content"]
    }
    assert answers <= set(SAMPLES.values())


def described() -> dict[str, set[str]]:
    return {
        path: {verb for verb in operations if verb in VERBS}
        for path, operations in SPEC["paths"].items()
    }


def example(path: str) -> str:
    values = {"key": "0123456789ab", "run_id": "a1b2c3d4", "path": "a/b.csv", "metric": "val/loss"}
    values |= {"name": "flights", "number": "3", "alias": "champion", "alert": "a1b2c3d4"}
    return API + re.sub(r"\{(\w+)\}", lambda name: values[name.group(1)], path)


def test_every_described_path_is_a_route_with_the_same_verbs() -> None:
    for path, verbs in described().items():
        handler = next(one for pattern, one in routes() if re.fullmatch(pattern, example(path)))
        assert handler is not NoRoute, path
        real = {
            verb for verb in VERBS if getattr(handler, verb) is not getattr(JupyterHandler, verb)
        }
        assert real == verbs, path


def test_every_route_is_described() -> None:
    addresses = [example(path) for path in described()]
    for pattern, handler in routes():
        if handler is not NoRoute:
            assert any(re.fullmatch(pattern, address) for address in addresses), pattern


def test_every_operation_says_which_right_it_needs() -> None:
    for path, operations in SPEC["paths"].items():
        handler = next(one for pattern, one in routes() if re.fullmatch(pattern, example(path)))
        for verb, operation in operations.items():
            if verb in VERBS:
                assert operation["x-needs"] == handler.permissions[verb], (verb, path)


def test_operations_have_a_name_and_answer_errors_with_problems() -> None:
    names = []
    for path, operations in SPEC["paths"].items():
        for verb, operation in operations.items():
            if verb in VERBS:
                names.append(operation["operationId"])
                problem = operation["responses"]["default"]["$ref"]
                assert problem == "#/components/responses/Problem", path
    assert len(names) == len(set(names))


async def test_reading_routes_answer_as_described(sample: Sample, met: Any, ask: Any) -> None:
    key, ids = await met(), sample.ids
    log = sample.project.store.dir / "logs" / f"{ids['passed']}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("prepare  cell 1 of 2\n", encoding="utf-8")
    of_key = ("projects", key)
    for schema, parts, query in [
        ("Projects", ("projects",), {"near": "flight-delay"}),
        ("Project", of_key, {}),
        ("Experiments", (*of_key, "experiments"), {}),
        ("Needs", (*of_key, "needs"), {}),
        ("Notebook", (*of_key, "notebook"), {"path": "notebooks/train.ipynb"}),
        ("Notebook", (*of_key, "notebook"), {"path": "notebooks/none.ipynb"}),
        ("Runs", (*of_key, "runs"), {"sparkline": "auto"}),
        ("Runs", (*of_key, "runs"), {"parent": "any", "sparkline": "val/loss", "limit": 500}),
        ("Runs", (*of_key, "runs"), {"where": "best(auc) > 2"}),
        *(("RunDetail", (*of_key, "runs", run), {}) for run in ids.values()),
        ("Histories", (*of_key, "runs", ids["failed"], "metrics"), {}),
        ("History", (*of_key, "runs", ids["failed"], "metrics", "val/loss"), {}),
        ("Artifacts", (*of_key, "runs", ids["finished"], "artifacts"), {}),
        ("Preview", (*of_key, "runs", ids["finished"], "previews", "errors.csv"), {}),
        ("Log", (*of_key, "runs", ids["passed"], "log"), {}),
        ("Pipelines", (*of_key, "pipelines"), {}),
        ("Problem", (*of_key, "runs"), {"where": "parms.lr = 1"}),
        ("Problem", ("projects", "ffffffffffff"), {}),
    ]:
        answer = await ask(*parts, **query)
        assert answer.code < 300 or schema == "Problem", (parts, answer.body)
        check(schema, answer.body)


async def test_writing_routes_answer_as_described(sample: Sample, met: Any, ask: Any) -> None:
    of_key = ("projects", await met())
    ended = [sample.ids["finished"]]
    patch = {"name": "best so far", "tags": {"team": "ops"}, "note": "keep"}
    row = await ask(*of_key, "runs", ended[0], method="PATCH", body=patch)
    check("RunRow", row.body)
    check(
        "Deleted", (await ask(*of_key, "runs", "delete", method="POST", body={"ids": ended})).body
    )
    restored = await ask(*of_key, "runs", "restore", method="POST", body={"ids": ended})
    check("Restored", restored.body)
    made = await ask("projects", method="POST", body={"near": ""})
    check("Project", made.body)


def test_the_sample_project_covers_what_the_samples_show() -> None:
    """The samples hold every status and outcome, so that a decoder that misses one fails."""
    rows = load("runs")["runs"]
    assert {row["status"] for row in rows} == {
        "scheduled",
        "running",
        "finished",
        "failed",
        "killed",
    }
    assert {row["outcome"] for row in rows} == {None, "passed", "rejected", "waiting"}
