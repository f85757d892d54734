"""Monitors and alerts by real HTTP: as described, for whom they are, announced, due."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlops_lab.governance import Identity
from mlops_lab.project import Project
from mlops_lab.server.known import KnownProjects
from mlops_lab.server.schedule import Scheduler
from mlops_lab.store.changes import Changes

from ..monitoring.evaluations import evaluation, incident  # noqa: TID252 tests are no package
from ..monitoring.watched import BAD, DELAY, GHOST, fill  # noqa: TID252
from .conftest import HOSTILE, Ask
from .test_wire import check

MARA = Identity("mara", "jupyter")


def found(project: Project) -> str:
    """A monitor's check as it leaves its traces, without looking at any data; gives its run."""
    folder = project.root / "monitors"
    folder.mkdir()
    for name, text in {"delay": DELAY, "bad": BAD, "ghost": GHOST}.items():
        (folder / f"{name}.yaml").write_text(text + 'schedule: "0 6 * * mon"\n', encoding="utf-8")
    seen = evaluation(incident(impact=float("inf"), sentence=f"temp moved: {HOSTILE}"))
    run = project.runs.start(
        stem="delay", kind="monitor", experiment="monitors", source={"monitor": "delay"}, by=MARA
    )
    data = json.dumps(seen.to_json()).encode()
    artifact = project.runs.put_artifact(run, "evaluation.json", data)
    line = {"e": "evaluation", "r": run, "t": time.time_ns() // 1000, "monitor": "delay"}
    line |= {"digest": artifact.digest, "state": "alert", "sentence": "It is so.", "chunks": 4}
    line |= {"rows": 20_000, "alerts": 1, "until": "2013-04-29T00:00:00+00:00"}
    project.store.append(line)
    project.monitors.reconcile("delay", seen, run_id=run, digest=artifact.digest, by=MARA)
    project.runs.end(run)
    return run


def ended(project: Project, run_id: str) -> None:
    """Wait for a process of its own to end a run."""
    deadline = time.monotonic() + 120
    while project.runs.get(run_id).is_open and time.monotonic() < deadline:
        time.sleep(0.2)


async def test_reading_routes_answer_as_described(project: Project, met: Any, ask: Ask) -> None:
    run, of_key = found(project), ("projects", await met())
    (alert,) = project.monitors.alerts()
    for schema, parts, query in [
        ("Monitors", ("monitors",), {}),
        ("Monitor", ("monitors", "delay"), {}),
        ("Monitor", ("monitors", "bad"), {}),
        ("Evaluation", ("monitors", "delay", "evaluation"), {}),
        ("Evaluation", ("monitors", "delay", "evaluation"), {"run": run[:8]}),
        ("Alerts", ("alerts",), {}),
        ("Alerts", ("alerts",), {"status": "resolved", "monitor": "delay", "limit": 1}),
        ("Alert", ("alerts", alert.id[:6]), {}),
        ("Needs", ("needs",), {}),
        ("Problem", ("monitors", "dealy"), {}),
        ("Problem", ("monitors", "ghost", "evaluation"), {}),
        ("Problem", ("alerts",), {"status": "done"}),
        ("Problem", ("alerts", "zz"), {}),
    ]:
        answer = await ask(*of_key, *parts, **query)
        assert (answer.code < 300) == (schema != "Problem"), (parts, answer.body)
        assert answer.code < 500
        check(schema, answer.body)
    rows = (await ask(*of_key, "monitors")).body["monitors"]
    assert [(one["name"], one["state"], one["open_alerts"]) for one in rows] == [
        ("bad", "invalid", 0),
        ("delay", "alert", 1),
        ("ghost", "never", 0),
    ]
    assert rows[1]["next_at"] is not None
    kept = (await ask(*of_key, "monitors", "delay", "evaluation")).body
    assert [(one["id"], one["status"]) for one in kept["alerts"]] == [(alert.id, "open")]
    needs = (await ask(*of_key, "needs")).body["items"]
    assert [(one["kind"], one["alert"], one["run_id"], one["removed"]) for one in needs] == [
        ("alert", alert.id, run, False)
    ]
    listed = (await ask(*of_key, "alerts")).body
    assert (listed["open"], listed["alerts"][0]["impact"]) == (1, "Infinity")
    # An alert outlives its monitor's file: no check will end it.
    (project.root / "monitors" / "delay.yaml").unlink()
    left = (await ask(*of_key, "needs")).body
    check("Needs", left)
    assert [one["removed"] for one in left["items"]] == [True]


async def test_people_settle_alerts(people: None, project: Project, met: Any, ask: Ask) -> None:
    found(project)
    key, (alert,) = await met(), project.monitors.alerts()
    of_alert = ("projects", key, "alerts", alert.id)

    async def say(verb: str, by: str, **body: Any) -> Any:
        return await ask(*of_alert, verb, method="POST", body=body, by=by)

    assert (await say("acknowledge", "viewer")).code == 403
    done = await say("acknowledge", "mara", comment=HOSTILE)
    check("AlertRow", done.body)
    assert (done.body["status"], done.body["by"], done.body["comment"]) == (
        "acknowledged",
        "mara",
        HOSTILE,
    )
    assert (await ask("projects", key, "needs", by="mara")).body["items"] == []
    muted = await say("mute", "ivo", until="7d")
    assert muted.body["status"] == "muted"
    assert muted.body["muted_until"] > datetime.now(UTC).isoformat()
    assert project.monitors.get("delay").open_alerts == 0
    assert (await say("mute", "ivo", until="yesterday")).code == 400
    assert (await say("mute", "ivo")).code == 400
    assert (await say("resolve", "mara", comment="x" * 5000)).code == 400
    assert (await say("resolve", "mara", why="x")).code == 400
    resolved = await say("resolve", "mara", comment="mended")
    check("AlertRow", resolved.body)
    assert (await say("resolve", "mara")).code == 409
    assert (await say("reopen", "mara")).body["status"] == "open"
    page = (await ask(*of_alert, by="viewer")).body
    check("Alert", page)
    assert [one["what"].split()[0] for one in page["history"]] == [
        "opened",
        "acknowledged",
        "muted",
        "resolved",
        "reopened",
    ]
    decided = (await ask("projects", key, "decisions", kind="alert", by="viewer")).body
    check("Decisions", decided)


async def test_a_check_is_started_once_and_goes_on_by_itself(
    project: Project, met: Any, ask: Ask
) -> None:
    fill(project)
    key = await met()
    path = ("projects", key, "monitors", "delay", "check")
    started = await ask(*path, method="POST")
    assert started.code == 202
    check("Started", started.body)
    again = await ask(*path, method="POST")
    assert again.body == started.body
    assert (await ask("projects", key, "monitors", "bad", "check", method="POST")).code == 400
    run_id = started.body["run_id"]
    row = (await ask("projects", key, "monitors", "delay")).body
    assert row["running"] in (run_id, None)
    await asyncio.to_thread(ended, project, run_id)
    run = project.runs.get(run_id)
    log = project.store.dir / "logs" / f"{run_id}.log"
    assert run.status == "finished", (run.reason, log.read_text())
    body = {"from": "2013-02-09", "until": "2013-02-11"}
    window = await ask("projects", key, "monitors", "delay", "window", method="POST", body=body)
    check("MonitorWindow", window.body)
    assert (window.body["rows"], window.body["scanned"]) == (1200, False)
    wrong = {"from": "2013-02-11", "until": "2013-02-09"}
    refused = await ask("projects", key, "monitors", "delay", "window", method="POST", body=wrong)
    assert refused.code == 400


async def test_prometheus_reads_how_monitors_stand(project: Project, met: Any, ask: Ask) -> None:
    found(project)
    (project.root / "mlops.toml").write_text(
        '[project]\nname = "a \\"b\\" \\\\ c\\nd"\n', encoding="utf-8"
    )
    answer = await ask("projects", await met(), "metrics")
    assert answer.code == 200
    assert answer.response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {
        family.name: family.samples
        for family in text_string_to_metric_families(answer.body.decode())
    }
    states = {
        (one.labels["monitor"], one.labels["state"])
        for one in families["mlops_lab_monitor_state"]
        if one.value == 1
    }
    assert states == {("bad", "invalid"), ("delay", "alert"), ("ghost", "never")}
    assert {one.labels["project"] for one in families["mlops_lab_monitor_state"]} == {
        'a "b" \\ c\nd'
    }
    going = {
        (one.labels["monitor"], one.labels["severity"], one.labels["status"]): one.value
        for one in families["mlops_lab_monitor_alerts"]
    }
    assert going["delay", "alert", "open"] == 1
    assert sum(going.values()) == 1
    assert families["mlops_lab_monitor_rows"][0].value == 20_000


def test_alerts_and_slots_are_announced_by_name(project: Project) -> None:
    changes = Changes(project.root)
    found(project)
    (alert,) = project.monitors.alerts()
    look = changes.look()
    assert {("alert", alert.id), ("monitor", "delay")} <= look.things


Known = Callable[[], KnownProjects]


@pytest.fixture
def known(project: Project) -> KnownProjects:
    servers = KnownProjects(project.root)
    servers.near("")
    return servers


def test_two_servers_start_what_is_due_once(project: Project, known: KnownProjects) -> None:
    fill(project, warm=False)
    path = project.root / "monitors" / "delay.yaml"
    # Due once a day, half a day away: no slot begins while this runs.
    far = datetime.now(UTC) - timedelta(hours=12)
    path.write_text(f'{DELAY}schedule: "30 {far.hour} * * *"\n', encoding="utf-8")
    written = datetime.now(UTC) - timedelta(days=4)
    os.utime(path, (written.timestamp(), written.timestamp()))
    others = KnownProjects(project.root)
    others.near("")
    with ThreadPoolExecutor(2) as both:
        looks = both.map(lambda one: Scheduler(one).look(), (known, others))
        started = [run for runs in looks for run in runs]
    assert len(started) == 1
    run = project.runs.get(started[0])
    assert (run.kind, run.source["monitor"]) == ("monitor", "delay")
    assert run.source["missed"] > 0
    assert Scheduler(known).look() == []
    ended(project, run.id)
    run = project.runs.get(run.id)
    assert run.status == "finished", run.reason


def test_a_project_that_cannot_be_looked_at_is_said_once(
    project: Project, known: KnownProjects, caplog: pytest.LogCaptureFixture
) -> None:
    (project.root / "monitors").mkdir()
    broken = project.root / "monitors" / "delay.yaml"
    broken.write_text(f'{DELAY}schedule: "* * * * *"\n', encoding="utf-8")
    (project.store.dir / "decisions.jsonl").write_text("rubbish\n", encoding="utf-8")
    os.utime(broken, (0, 0))
    scheduler = Scheduler(known)
    assert scheduler.look() == scheduler.look() == []
    assert len([one for one in caplog.records if "the monitor delay of" in one.getMessage()]) == 1


async def test_hostile_names_are_sentences(project: Project, met: Any, raw: Ask) -> None:
    found(project)
    key = await met()
    for name in ("..%2f..%2fetc", "%00", quote(HOSTILE, safe=""), "a" * 3000, "%ff"):
        for rest in ("", "/evaluation"):
            answer = await raw("projects", key, "monitors", name + rest)
            assert answer.code in (400, 404, 414), (name, rest, answer.code, answer.body)
        answer = await raw("projects", key, "alerts", name)
        assert answer.code in (400, 404, 414), (name, answer.code, answer.body)
