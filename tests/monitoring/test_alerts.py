"""Alerts: the same incident is the same alert, whoever looks and however often."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlops_lab.errors import Conflict, Forbidden, InvalidInput, NotFound
from mlops_lab.governance import Access, Identity, audit
from mlops_lab.governance.sentences import sentence_of
from mlops_lab.monitoring.alerts import AlertDesk
from mlops_lab.monitoring.pages import need
from mlops_lab.monitoring.reconciling import Reconciled
from mlops_lab.monitoring.records import Evaluation
from mlops_lab.project import Project

from .evaluations import evaluation, incident, week

MARA, IVO = Identity("mara"), Identity("ivo")


@pytest.fixture
def project(new_project: Callable[[Path], Project], tmp_path: Path) -> Iterator[Project]:
    opened = new_project(tmp_path / "project")
    yield opened
    opened.close()


def check(project: Project, found: Evaluation, **more: object) -> Reconciled:
    options = {"run_id": secrets.token_hex(16), "digest": "b3-" + "0" * 64, "by": MARA, **more}
    return project.monitors.reconcile("delay", found, **options)  # type: ignore[arg-type]


def kinds(project: Project) -> list[str]:
    return [one.kind for one in project.store.decisions() if one.kind.startswith("alert.")]


def test_an_incident_found_again_is_the_same_alert(project: Project) -> None:
    first = check(project, evaluation(incident()))
    again = check(project, evaluation(incident()))
    assert [one.label for one in first.opened] == ["week 0"]
    assert again == Reconciled()
    assert len(project.monitors.alerts()) == 1
    assert kinds(project) == ["alert.open"]


def test_an_incident_that_goes_on_or_gets_worse_is_told_once(project: Project) -> None:
    check(project, evaluation(incident(severity="warn")))
    longer = check(project, evaluation(incident(last=1, severity="warn")))
    worse = check(project, evaluation(incident(last=1, sentence="temp moved twice.")))
    (record,) = worse.updated
    assert [one.id for one in longer.updated] == [record.id]
    assert (record.severity, record.last, record.sentence) == (
        "alert",
        week(1),
        "temp moved twice.",
    )
    assert [one.what for one in project.monitors.detail(record.id).history] == [
        "opened",
        "goes on",
        "got worse",
    ]


def test_what_is_over_when_it_is_seen_first_opens_nothing(project: Project) -> None:
    assert check(project, evaluation(incident(open=False))) == Reconciled()
    assert kinds(project) == []


def test_an_incident_that_is_over_resolves_its_alert(project: Project) -> None:
    check(project, evaluation(incident()))
    over = check(project, evaluation(incident(open=False)))
    assert [(one.status, one.how, one.by) for one in over.resolved] == [("resolved", "quiet", None)]


def test_a_promotion_is_named_as_the_end(project: Project) -> None:
    check(project, evaluation(incident()))
    over = check(
        project, evaluation(incident(open=False)), promoted=lambda since: "delay 2 became champion."
    )
    assert [(one.how, one.comment) for one in over.resolved] == [
        ("promotion", "delay 2 became champion.")
    ]


def test_what_a_check_finds_no_more_is_over(project: Project) -> None:
    check(project, evaluation(incident(), weeks=4))
    assert check(project, evaluation(weeks=4)).resolved[0].status == "resolved"


def test_a_check_of_older_data_has_no_say(project: Project) -> None:
    check(project, evaluation(incident(first=5), weeks=6))
    assert check(project, evaluation(weeks=4)) == Reconciled()
    assert project.monitors.alerts()[0].status == "open"


def test_the_same_cause_after_its_end_is_a_new_alert_that_knows_the_old_one(
    project: Project,
) -> None:
    (old,) = check(project, evaluation(incident())).opened
    check(project, evaluation(incident(open=False)))
    (new,) = check(project, evaluation(incident(open=False), incident(first=3))).opened
    assert new.id != old.id
    assert [one.id for one in project.monitors.detail(new.id).similar] == [old.id]


def test_what_begins_with_a_new_version_is_no_part_of_what_ended_with_the_last(
    project: Project,
) -> None:
    """Open ones come first in what was found: that of the new version met the old alert there."""
    (old,) = check(project, evaluation(incident())).opened
    found = check(project, evaluation(incident(first=3), incident(open=False)))
    assert [one.chunk for one in found.opened] == [week(3)]
    assert [one.id for one in found.resolved] == [old.id]


def test_what_a_person_resolved_stays_so_until_a_later_chunk_alarms(project: Project) -> None:
    (record,) = check(project, evaluation(incident())).opened
    project.monitors.resolve(record.id, "a broken sensor", by=IVO)
    assert check(project, evaluation(incident())) == Reconciled()
    (again,) = check(project, evaluation(incident(last=1))).opened
    assert (again.id, again.status) == (record.id, "open")
    assert project.monitors.detail(record.id).history[-1].comment == "It came again: week 1."


def test_two_causes_of_one_chunk_are_two_alerts_that_say_which(project: Project) -> None:
    causes = [f"fairness:fpr:mail {who}@example.com" for who in ("a@b", "a@c")]
    opened = check(project, evaluation(*map(incident, causes))).opened
    assert check(project, evaluation(*map(incident, causes))) == Reconciled()
    assert {one.cause for one in opened} == set(causes)
    assert {need(one, ["delay"])["title"] for one in opened} == {
        "delay: fairness fpr mail a@b@example.com, week 0",
        "delay: fairness fpr mail a@c@example.com, week 0",
    }
    assert [project.monitors.detail(one.id).similar for one in opened] == [(), ()]


def test_a_first_chunk_that_moves_is_no_new_alert(project: Project) -> None:
    (record,) = check(project, evaluation(incident(first=1, last=2))).opened
    moved = check(project, evaluation(incident(first=0, last=3)))
    assert [one.id for one in moved.updated] == [record.id]
    assert len(project.monitors.alerts()) == 1


def test_an_acknowledged_alert_waits_again_when_it_gets_worse(project: Project) -> None:
    (record,) = check(project, evaluation(incident(severity="warn"))).opened
    done = project.monitors.acknowledge(record.id[:6], "I look", by=IVO)
    assert (done.status, done.by, done.comment) == ("acknowledged", "ivo", "I look")
    assert check(project, evaluation(incident(last=1, severity="warn"))).updated[0].status == (
        "acknowledged"
    )
    assert check(project, evaluation(incident(last=2))).updated[0].status == "open"


def test_a_mute_ends_with_its_time(project: Project) -> None:
    (record,) = check(project, evaluation(incident())).opened
    muted = project.monitors.mute(record.id, "7d", "known", by=IVO)
    assert muted.status == "muted"
    assert muted.muted_until is not None
    assert timedelta(days=6.9) < muted.muted_until - datetime.now(UTC) < timedelta(days=7.1)
    assert project.monitors.waiting() == []
    # As the same line reads once its time is over.
    over = {
        "alert": record.id,
        "monitor": "delay",
        "how": "person",
        "comment": "",
        "until": "2020-01-01T00:00:00Z",
    }
    project.store.decide("alert.mute", over, by=IVO.as_by())
    assert project.monitors.alert(record.id).status == "open"


@pytest.mark.parametrize(
    "until",
    ["", "yesterday", "2001-01-01", "999999999999w", "7", "-3d", "9999-12-31", "0d", "1e9d"],
)
def test_a_mute_that_cannot_be_meant_is_a_sentence(project: Project, until: str) -> None:
    (record,) = check(project, evaluation(incident())).opened
    with pytest.raises(InvalidInput, match="7d, 12h"):
        project.monitors.mute(record.id, until)


def test_what_is_resolved_takes_no_other_decision(project: Project) -> None:
    (record,) = check(project, evaluation(incident())).opened
    project.monitors.resolve(record.id)
    for settle in (project.monitors.acknowledge, project.monitors.resolve):
        with pytest.raises(Conflict, match="resolved already"):
            settle(record.id)
    assert project.monitors.reopen(record.id, "not at all").status == "open"
    with pytest.raises(Conflict, match="is open"):
        project.monitors.reopen(record.id)


def test_ids_are_prefixes_that_mean_one(project: Project) -> None:
    (record,) = check(project, evaluation(incident())).opened
    assert project.monitors.alert(record.id[:4]) == project.monitors.alert(record.id)
    with pytest.raises(NotFound):
        project.monitors.alert("0" * 32 if record.id[0] != "0" else "1" * 32)
    for bad in ("", "abc", "xyzw", "'; drop table lab.alerts; --", "a" * 33):
        with pytest.raises(InvalidInput):
            project.monitors.alert(bad)


def test_a_viewer_decides_nothing(project: Project) -> None:
    (record,) = check(project, evaluation(incident())).opened
    desk = AlertDesk(project.store, MARA, Access({"mara": "viewer"}))
    assert desk.alert(record.id).status == "open"
    with pytest.raises(Forbidden):
        desk.acknowledge(record.id)


def test_checks_at_once_open_an_incident_once(project: Project) -> None:
    found = evaluation(incident(), incident("quality:missing"))
    results: list[Reconciled] = []
    threads = [
        threading.Thread(target=lambda: results.append(check(project, found))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert kinds(project) == ["alert.open"] * 2
    assert sum(len(one.opened) for one in results) == 2


def test_alerts_come_by_who_waits_then_by_severity_and_impact(project: Project) -> None:
    check(
        project,
        evaluation(
            incident("a", severity="warn", impact=0.9),
            incident("b", impact=None),
            incident("c", impact=0.2),
            incident("d", severity="info"),
        ),
    )
    project.monitors.acknowledge(
        next(one.id for one in project.monitors.alerts() if one.cause == "c")
    )
    assert [one.cause for one in project.monitors.alerts()] == ["b", "a", "d", "c"]
    assert [one.cause for one in project.monitors.waiting()] == ["b"]
    assert [one.cause for one in project.monitors.alerts(status="acknowledged")] == ["c"]
    assert project.monitors.alerts(monitor="other") == []
    with pytest.raises(InvalidInput, match="all, open"):
        project.monitors.alerts(status="done")


def test_hostile_texts_are_data(project: Project) -> None:
    hostile = "'; drop table lab.alerts; -- <img src=x onerror=alert(1)> \x1b[31m ‮ 日本"
    (record,) = check(project, evaluation(incident(hostile, sentence=hostile * 200))).opened
    assert record.cause == hostile
    assert len(record.sentence) == 1000
    detail = project.monitors.detail(record.id)
    assert detail.sections[0].lines == (f"D of {hostile} is 0.2.",)
    assert "\x1b" not in repr(record)
    project.monitors.resolve(record.id, hostile)
    assert audit.verify(project.store) == []


def test_decisions_by_hand_bring_nothing_down(project: Project) -> None:
    (record,) = check(project, evaluation(incident())).opened
    id = record.id
    for data in (
        {"alert": 7},
        {"alert": "x", "monitor": "delay"},
        {"alert": id, "monitor": "delay", "until": "soon", "sections": 3, "columns": {"a": 1}},
        {"alert": id, "monitor": "delay", "worse": "maybe", "impact": "big", "sentence": 7},
    ):
        for kind in ("alert.open", "alert.update", "alert.mute"):
            project.store.decide(kind, data, by={"id": "x", "via": "os"})
    assert project.monitors.alert(id).id == id
    assert project.monitors.detail(id).record.monitor == "delay"


def test_every_decision_has_a_sentence(project: Project) -> None:
    (record,) = check(project, evaluation(incident(severity="warn"))).opened
    check(project, evaluation(incident(last=1)))
    project.monitors.acknowledge(record.id, "I look", by=IVO)
    project.monitors.mute(record.id, "2w", by=IVO)
    project.monitors.resolve(record.id, "done", by=IVO)
    check(project, evaluation(incident(last=2)))
    said = [
        sentence_of(one.kind, one.data, str(one.by["id"]), {})
        for one in project.store.decisions()
        if one.kind.startswith("alert.")
    ]
    assert said[0] == "delay opened a warning: temp moved."
    assert said[1] == "delay goes on with an alert: temp moved."
    assert said[2] == "ivo acknowledged an alert of delay: I look"
    assert said[3].startswith("ivo muted an alert of delay until 20")
    assert said[4] == "ivo resolved an alert of delay: done"
    assert said[5] == "an alert of delay came again: temp moved."
    assert json.dumps(said)
