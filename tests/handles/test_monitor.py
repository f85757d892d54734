"""``lab.monitor``, ``lab.alert`` and their plurals, as a notebook uses them."""

from __future__ import annotations

from datetime import timedelta

import pytest

import mlops_lab as lab
from mlops_lab.governance import Identity
from mlops_lab.project import Project

from ..monitoring.evaluations import evaluation, incident  # noqa: TID252 tests are no package
from ..monitoring.watched import fill  # noqa: TID252

HOSTILE = "<img src=x onerror=alert(1)> \x1b[31m ‮evil"


def found(project: Project, *incidents: object) -> None:
    project.monitors.reconcile(
        "delay",
        evaluation(*incidents),  # type: ignore[arg-type]
        run_id="0" * 32,
        digest="b3-" + "0" * 64,
        by=Identity("mara"),
    )


def test_a_check_in_a_notebook_is_a_child_of_the_run_around_it(project: Project) -> None:
    fill(project)
    with lab.start_run("evaluate") as run:
        check = lab.monitor("delay").check()
    assert lab.run(check.run_id).parent.id == run.id  # type: ignore[union-attr]
    assert check.state == "alert"
    assert "temp" in repr(check)
    assert "temp" in check._repr_html_()
    (alert,) = check.opened
    monitor = lab.monitor("delay")
    assert [one.id for one in monitor.alerts] == [alert.id]
    assert monitor.evaluation.state == "alert"
    assert monitor.evaluation_of(check.run_id[:8]).sentence == monitor.sentence
    assert len(monitor.evaluations()) == 1
    assert monitor.window("2013-02-09").rows == 400
    states = {row["name"]: row["state"] for row in lab.monitors().arrow().to_pylist()}
    assert states == {"bad": "invalid", "delay": "alert", "ghost": "never"}
    assert "1 open alert" in repr(monitor)
    assert "bad" in lab.monitors()._repr_html_()


def test_an_alert_is_explained_and_settled(project: Project) -> None:
    found(project, incident(), incident("drift:dewp", impact=0.3))
    first, second = lab.alerts()
    alert = lab.alert(second.id[:6])
    assert alert.explain().lines == ("D of drift:temp is 0.2.",)
    assert alert.acknowledge("I look").status == "acknowledged"
    assert alert.mute(timedelta(hours=2)).status == "muted"
    assert alert.resolve("over").reopen("no").status == "open"
    assert [one.what.split()[0] for one in alert.history] == [
        "opened",
        "acknowledged",
        "muted",
        "resolved",
        "reopened",
    ]
    assert (first.severity, first.monitor.name) == ("alert", "delay")
    assert len(lab.alerts("resolved")) == 0
    assert len(lab.alerts("all", monitor="other")) == 0
    assert lab.alerts().df().loc[0, "impact"] == 0.3


def test_names_that_mean_nothing_are_sentences(project: Project) -> None:
    assert "Nothing alarms." in repr(lab.alerts())
    assert "There is no monitor 'delay'" in repr(lab.monitor("delay"))
    with pytest.raises(lab.NotFound, match=r"monitors/NAME\.yaml"):
        lab.monitor("delay").check()
    with pytest.raises(lab.NotFound):
        lab.alert("abcd")
    with pytest.raises(lab.InvalidInput):
        lab.alerts("done")


def test_hostile_texts_are_shown_as_text(project: Project) -> None:
    found(project, incident(HOSTILE, sentence=HOSTILE))
    (alert,) = lab.alerts()
    assert "\x1b" not in repr(alert)
    assert "<img" not in alert._repr_html_()
    assert "<img" not in lab.alerts()._repr_html_()
