"""The gate ``monitor``: nothing that a monitor watches may alarm."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.governance import Identity
from mlops_lab.monitoring.alerts import AlertRecord
from mlops_lab.monitoring.results import MonitorRecord
from mlops_lab.orchestration.gates import Gate, GateFacts, decide
from mlops_lab.orchestration.gates.kinds.monitor import KIND, Monitored
from mlops_lab.project import Project

from ..monitoring.evaluations import evaluation, incident  # noqa: TID252 tests are no package

MARA = Identity("mara")
DELAY = "name: delay\ncurrent: dataset:predictions\nreference: dataset:flights\n"


@pytest.fixture
def project(new_project: Callable[[Path], Project], tmp_path: Path) -> Iterator[Project]:
    opened = new_project(tmp_path / "project")
    (opened.root / "monitors").mkdir()
    (opened.root / "monitors" / "delay.yaml").write_text(DELAY)
    yield opened
    opened.close()


def checked(project: Project, *incidents: Any) -> None:
    run = project.runs.start(name="delay-1", kind="monitor")
    line = {"e": "evaluation", "r": run, "t": time.time_ns() // 1000, "monitor": "delay"}
    line |= {"digest": "b3-" + "0" * 64, "state": "ok", "sentence": "It is so."}
    project.store.append(line)
    project.monitors.reconcile(
        "delay", evaluation(*incidents), run_id=run, digest="b3-" + "0" * 64, by=MARA
    )
    project.runs.end(run)


def said(project: Project, **rule: Any) -> tuple[str, str]:
    def monitor(name: str) -> tuple[MonitorRecord, list[AlertRecord]]:
        record = project.monitors.get(name)
        return record, project.monitors.alerts(status="open", monitor=record.name)

    value = Monitored(**{"monitor": "delay", **rule})
    facts = GateFacts(params={}, metrics={}, monitor=monitor)
    record = decide(Gate(0, "monitor", KIND.text(value), value), facts)
    return record.state, record.sentence


def test_nobody_has_looked_rejects(project: Project) -> None:
    state, sentence = said(project)
    assert state == "rejected"
    assert sentence == "delay has not been checked yet: `mlops-lab monitor check delay`"
    assert said(project, monitor="dealy")[1].startswith("There is no monitor 'dealy'")


def test_what_alarms_rejects_until_somebody_has_settled_it(project: Project) -> None:
    checked(project, incident(), incident("drift:dewp", severity="warn", sentence="dewp moved."))
    assert said(project) == ("rejected", "delay alarms: temp moved")
    assert said(project, severity="warn")[1] == "delay alarms: temp moved; dewp moved"
    assert said(project, kinds=["quality"])[0] == "passed"
    for one in project.monitors.alerts():
        project.monitors.acknowledge(one.id)
    assert said(project, severity="warn") == ("passed", "nothing that delay watches alarms")


def test_a_check_can_be_too_old(project: Project) -> None:
    checked(project)
    assert said(project, max_age="1d")[0] == "passed"
    state, sentence = said(project, max_age="1ms")
    assert (state, sentence.endswith("longer ago than 1ms")) == ("rejected", True)


def test_where_there_are_no_monitors_nothing_passes() -> None:
    value = Monitored(monitor="delay", severity="warn", kinds=["quality"], max_age="7d")
    text = KIND.text(value)
    assert text == "monitor: delay has no open alert or warning of quality, checked within 7d"
    gate = Gate(0, "monitor", text, value)
    facts = replace(GateFacts(params={}, metrics={}), monitor=None)
    assert decide(gate, facts).state == "rejected"


def test_a_pipeline_names_a_monitor_that_is_there_and_sound(workshop: Any) -> None:
    workshop.notebook("only", "x = 1")
    text = (
        "steps: {only: {notebook: ../notebooks/only.ipynb}}\ngates: [{monitor: {monitor: delay}}]"
    )
    path = workshop.root / "pipelines" / "p.yaml"
    path.write_text(text)
    pipelines = workshop.project.pipelines
    (fault,) = pipelines.list()[0].faults
    assert "There is no monitor 'delay'" in fault.message
    folder = workshop.root / "monitors"
    folder.mkdir()
    (folder / "delay.yaml").write_text("current: 7\n")
    (fault,) = pipelines.list()[0].faults
    assert "monitors/delay.yaml:1:10: current is 7" in fault.message
    (folder / "delay.yaml").write_text(DELAY)
    assert pipelines.list()[0].faults == ()
    result = pipelines.run(path)
    assert result.outcome == "rejected"
    assert "has not been checked yet" in result.gates[0].sentence
