"""Monitors over real data: what a check keeps, and what faults, deaths and neighbours do to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlops_lab.errors import Forbidden, InvalidInput, NotFound
from mlops_lab.governance import Access, Identity
from mlops_lab.governance.access import read_hosts
from mlops_lab.monitoring import delivering, slots
from mlops_lab.monitoring.manager import MonitorManager
from mlops_lab.monitoring.schedule import Due
from mlops_lab.monitoring.sides import find_sides, training_data
from mlops_lab.orchestration.monitoring import start_due
from mlops_lab.project import Project

from .evaluations import evaluation, incident
from .test_webhook import receiving, status
from .watched import DELAY, day, fill, grow

MARA = Identity("mara")
PIECES = ("system/pieces_counted", "system/pieces_kept")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that is dear to fill, and then to be copied."""
    project = Project.create(tmp_path_factory.mktemp("filled") / "project")
    fill(project)
    project.close()
    return project.root


@pytest.fixture
def project(filled: Path, tmp_path: Path) -> Iterator[Project]:
    opened = Project.open(shutil.copytree(filled, tmp_path / "project", symlinks=True))
    yield opened
    opened.close()


@pytest.fixture
def empty(new_project: Callable[[Path], Project], tmp_path: Path) -> Iterator[Project]:
    opened = new_project(tmp_path / "empty")
    (opened.root / "monitors").mkdir()
    yield opened
    opened.close()


def write(project: Project, text: str = DELAY, name: str = "delay") -> None:
    (project.root / "monitors" / f"{name}.yaml").write_text(text, encoding="utf-8")


# ---------------------------------------------------------------------------------- a check


def test_a_check_keeps_what_it_saw_and_opens_what_it_found(project: Project) -> None:
    parent = project.runs.start(name="evaluate", kind="step")
    check = project.monitors.check("delay", parent=parent, by=MARA)
    run = project.runs.get(check.run_id)
    assert (run.kind, run.status, run.parent, run.author) == ("monitor", "finished", parent, "mara")
    assert run.name.startswith("delay-")
    assert run.reason == check.evaluation.summary.sentence
    (opened,) = check.opened
    assert (opened.columns, opened.severity, opened.status) == (("temp",), "alert", "open")
    assert check.failing() == check.failing("warn") == (opened,)
    assert check.failing("never") == ()
    inputs = {(one.name, one.role) for one in project.datasets.inputs(run.id)}
    assert inputs == {("predictions", "current"), ("flights", "reference")}
    kept = project.monitors.evaluation("delay")
    assert kept.id == run.id
    assert [(one.id, one.status) for one in kept.alerts if one.open] == [(opened.id, "open")]
    detail = project.monitors.detail(opened.id)
    assert detail.sections
    record = project.monitors.get("delay")
    assert (record.state, record.open_alerts, record.running) == (check.state, 1, None)
    assert record.last is not None
    assert (record.last.run_id, record.last.chunks, record.last.rows) == (run.id, 11, 4400)
    window = project.monitors.window("delay", "2013-02-09", "2013-02-11", column="temp")
    assert (window.rows, window.scanned, len(window.columns)) == (1200, False, 1)
    with pytest.raises(NotFound):
        project.monitors.window("delay", "2013-02-09", "2020-01-01")

    # Two checks at once of the same data: nothing new, and nothing twice.
    threads = [threading.Thread(target=lambda: project.monitors.check("delay")) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(project.monitors.evaluations("delay")) == 3
    assert [one.id for one in project.monitors.alerts()] == [opened.id]

    # Quiet again; what was only looked at can go.
    grow(project, 11, 14)
    project.datasets.delete("predictions", 2)
    over = project.monitors.check("delay")
    assert [one.id for one in over.resolved] == [opened.id]
    assert project.monitors.get("delay").open_alerts == 0


def test_what_is_as_it_was_is_not_judged_again(project: Project) -> None:
    """Neither the data nor the question nor the program is another: what was seen is read back."""
    checks = [project.monitors.check("delay") for _ in range(2)]
    write(project, DELAY + "policy: { ks_alert: 0.12 }\n")
    checks.append(project.monitors.check("delay"))
    pieces = [
        sum(one.last for one in project.runs.metrics(check.run_id) if one.key in PIECES)
        for check in checks
    ]
    assert pieces[0] > 0
    assert pieces[1] == 0
    assert pieces[2] > 0
    first, second, third = (one.evaluation for one in checks)
    assert second.id == checks[1].run_id
    assert second.at > first.at
    assert replace(second, id=first.id, at=first.at) == first
    assert third.policy.ks_alert == 0.12
    assert second.window("2013-02-09", "2013-02-11") == first.window("2013-02-09", "2013-02-11")
    (alert,) = checks[0].opened
    assert checks[1].opened == checks[1].resolved == ()
    project.monitors.resolve(alert.id, "a storm")
    assert [one.status for one in project.monitors.check("delay").evaluation.alerts] == ["resolved"]


def test_a_check_that_is_killed_leaves_a_run_that_says_so(project: Project) -> None:
    script = Path(__file__).with_name("watched.py")
    done = subprocess.run(
        [sys.executable, str(script), str(project.root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    page = project.runs.search("kind = 'monitor'")
    assert [one.status for one in page.items] == ["killed"]
    assert project.monitors.alerts() == []
    assert project.monitors.get("delay").running is None
    assert len(project.monitors.check("delay").opened) == 1


def test_roles(project: Project) -> None:
    viewer = MonitorManager(
        project.root,
        project.store,
        project.runs,
        MARA,
        lambda: project.datasets,
        lambda: project.models,
        Access({"mara": "viewer"}),
    )
    assert {one.name for one in viewer.list()} == {"bad", "delay", "ghost"}
    with pytest.raises(Forbidden, match="contributor"):
        viewer.check("delay")
    assert project.runs.search("kind = 'monitor'").items == []


# ---------------------------------------------------------------------------------- faults


def test_a_faulty_file_is_a_row_and_a_missing_dataset_a_sentence(project: Project) -> None:
    rows = {one.name: one for one in project.monitors.list()}
    assert [(name, one.state) for name, one in rows.items()] == [
        ("bad", "invalid"),
        ("delay", "never"),
        ("ghost", "never"),
    ]
    assert rows["bad"].sentence.startswith("The file has 2 faults: 'refrence' is not known here")
    assert rows["ghost"].sentence == "It has not been checked yet: there is no dataset nowhere."
    assert rows["delay"].sentence == "It has not been checked yet."
    with pytest.raises(InvalidInput, match=r"monitors/bad.yaml:2:1: 'refrence'"):
        project.monitors.check("bad")
    with pytest.raises(NotFound, match="nowhere"):
        project.monitors.check("ghost")
    with pytest.raises(NotFound, match="has not been checked yet"):
        project.monitors.evaluation("ghost")
    with pytest.raises(NotFound, match="Did you mean delay"):
        project.monitors.check("dealy")
    failed = project.runs.search("kind = 'monitor'").items
    assert [(one.status, "nowhere" in (one.reason or "")) for one in failed] == [("failed", True)]
    # A failed check of a monitor asks once, however often it fails, until one runs through.
    assert [one.run_id for one in project.runs.needs()] == [failed[0].id]


def test_two_files_of_one_name_and_hostile_ones_bring_nothing_down(
    empty: Project, tmp_path: Path
) -> None:
    monitors, folder = empty.monitors, empty.root / "monitors"
    write(empty, DELAY, "a")
    write(empty, DELAY, "b")
    write(empty, "current: dataset:x\nreference: dataset:y\n", "<img src=x> $(rm -rf) '; drop")
    write(empty, "", ".#a")
    (folder / "folder.yaml").mkdir()
    os.mkfifo(folder / "pipe.yaml")
    (tmp_path / "secret").write_text("hunter2")
    (folder / "link.yaml").symlink_to(tmp_path / "secret")
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.yaml")).write_text("")
    found = [(one.name, one.state == "invalid") for one in monitors.list()]
    assert found == [
        ("<img src=x> $(rm -rf) '; drop", True),
        ("b", True),
        ("caf?", True),
        ("delay", False),
        ("folder", True),
        ("link", True),
        ("pipe", True),
    ]
    for name, _ in found:
        text = monitors.text(monitors.get(name).name)
        assert text in ("", DELAY, "current: dataset:x\nreference: dataset:y\n"), name
    assert "leads out of the project" in monitors.get("link").sentence
    with pytest.raises(InvalidInput, match=r"delay is called so in monitors/a.yaml already"):
        monitors.load("b")


def test_a_column_that_is_not_there_and_hostile_ones_are_sentences(empty: Project) -> None:
    hostile = "x\"; drop table lab.alerts; -- 'ü <b>"
    frame = pd.DataFrame({hostile: range(500), "at": pd.date_range("2013-01-01", periods=500)})
    empty.datasets.commit("predictions", frame)
    empty.datasets.commit("flights", frame)
    write(empty, "current: dataset:predictions\nreference: dataset:flights\ndomain: false\n")
    check = empty.monitors.check("delay")
    assert hostile in [one.name for one in check.evaluation.columns]
    write(empty, DELAY.replace("time: at", "time: att"))
    with pytest.raises(InvalidInput, match="att"):
        empty.monitors.check("delay")


# ---------------------------------------------------------------------------------- training


def register(project: Project, run_id: str, columns: list[str], weights: str = "") -> Any:
    folder = project.root / f"saved{weights}"
    folder.mkdir(exist_ok=True)
    (folder / "model.skops").write_text(f"weights {weights}")
    inputs = [{"name": name, "type": "double", "optional": False} for name in columns]
    said = {"flavor": "sklearn", "unsafe": False, "signature": {"inputs": inputs, "outputs": []}}
    (folder / "model.json").write_text(json.dumps(said))
    logged = project.models.log_package(run_id, "model", folder)
    return project.models.register("delay", logged_model=logged.id)


def test_what_a_model_was_trained_on_is_its_input_in_the_role_reference(project: Project) -> None:
    pipeline = project.runs.start(name="retrain", kind="pipeline")
    prepare = project.runs.start(name="prepare", kind="step", parent=pipeline)
    train = project.runs.start(name="train", kind="step", parent=pipeline)
    project.datasets.use(prepare, "predictions", role="reference")
    project.datasets.use(train, "flights", role="raw")
    version = register(project, train, ["temp"])
    assert training_data(version, project.datasets, project.runs).name == "predictions"


def test_what_a_model_was_trained_on_is_else_the_one_dataset_with_its_columns(
    project: Project,
) -> None:
    train = project.runs.start(name="train")
    project.datasets.use(train, "flights")
    version = register(project, train, ["temp", "carrier"])
    assert training_data(version, project.datasets, project.runs).ref == "flights@1"
    project.datasets.use(train, "predictions")
    with pytest.raises(InvalidInput, match="could be meant") as refused:
        training_data(version, project.datasets, project.runs)
    assert 'run.use("NAME@VERSION", role="reference")' in str(refused.value)
    project.runs.end(train)


# ---------------------------------------------------------------------------------- schedule


def test_of_many_servers_one_takes_a_slot(project: Project) -> None:
    write(project, DELAY + 'schedule: "* * * * *"\n')
    spec = project.monitors.load("delay")
    now = datetime.now(UTC)
    assert project.monitors.due(spec, now + timedelta(seconds=-120)) is None
    later = now + timedelta(minutes=5)
    due = project.monitors.due(spec, later)
    assert due is not None
    assert due.missed in (3, 4)
    taken: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: taken.append(project.monitors.take_slot(spec, due)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (run_id,) = [one for one in taken if one is not None]
    assert project.monitors.due(spec, later) is None
    decided = [one.data for one in project.store.decisions() if one.kind == "monitor.slot"]
    assert [(one["monitor"], one["run"], one["missed"]) for one in decided] == [
        ("delay", run_id, due.missed)
    ]


def test_a_slot_whose_server_died_before_the_run_is_taken_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, DELAY + 'schedule: "* * * * *"\n')
    spec = project.monitors.load("delay")
    due = Due(datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=3))
    assert project.monitors.take_slot(spec, due)
    assert project.monitors.take_slot(spec, due) is None
    monkeypatch.setattr(slots, "_LOST", timedelta(seconds=-5))
    again = project.monitors.take_slot(spec, due)
    assert again is not None
    project.runs.start(run_id=again, kind="monitor", name="delay-1")
    assert project.monitors.take_slot(spec, due) is None


def test_nothing_is_started_that_is_not_due_or_goes_on(project: Project) -> None:
    def start() -> str | None:
        spec = project.monitors.load("delay")
        return start_due(
            project.monitors, project.store, project.runs, project.access, spec, by=MARA
        )

    assert start() is None
    write(project, DELAY + 'schedule: "* * * * *"\n')
    os.utime(project.root / "monitors" / "delay.yaml", (0, 0))
    project.runs.start(kind="monitor", name="delay-1", source={"monitor": "delay"})
    assert start() is None
    assert [one for one in project.store.decisions() if one.kind == "monitor.slot"] == []


def test_a_clock_that_went_wrong_holds_nothing_up(project: Project) -> None:
    write(project, DELAY + 'schedule: "0 6 * * mon"\n')
    os.utime(project.root / "monitors" / "delay.yaml", (0, 0))
    spec = project.monitors.load("delay")
    run = project.monitors.take_slot(spec, Due(datetime.now(UTC) + timedelta(days=900)))
    project.runs.start(run_id=run, kind="monitor", name="delay-1")
    due = project.monitors.due(spec)
    assert due is not None
    assert project.monitors.take_slot(spec, due)


# ---------------------------------------------------------------------------------- channels


@pytest.fixture
def told(empty: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Checks a monitor that tells an address of this machine, which Jupyter's own configuration
    allows.
    """
    config = tmp_path / "jupyter"
    config.mkdir()
    said = {"MlopsLabApp": {"webhook_hosts": ["127.0.0.1"]}}
    (config / "jupyter_mlops_lab_config.json").write_text(json.dumps(said))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(config))
    monkeypatch.setattr("mlops_lab.monitoring.channels.webhook.BACKOFF_S", (0.0, 0.0))

    def check(url: str, *incidents: Any, weeks: int = 4, **more: Any) -> Any:
        write(empty, f"{DELAY}channels:\n  - webhook: {url}\n    on: [alert, warn, resolved]\n")
        empty.monitors.reconcile(
            "delay",
            evaluation(*incidents, weeks=weeks),
            run_id="0" * 32,
            digest="b3-" + "0" * 64,
            by=MARA,
        )
        spec = empty.monitors.load("delay")
        return empty.monitors._messenger.deliver(spec, empty.monitors, **more)

    return check


def test_channels_hear_of_each_thing_once(empty: Project, told: Callable[..., Any]) -> None:
    with receiving(status(200)) as receiver:
        first = told(receiver.url(), incident(severity="warn"))
        assert told(receiver.url(), incident(severity="warn")) == []
        told(receiver.url(), incident(last=1, severity="warn"))
        told(receiver.url(), incident(last=2))
        told(receiver.url(), incident(last=2, open=False))
    assert [(one.event, one.ok) for one in first] == [("warn", True)]
    bodies = [json.loads(body) for _, _, body in receiver.got]
    assert [one["event"] for one in bodies] == ["warn", "alert", "resolved"]
    assert bodies[0]["text"] == "delay: warning, week 0. temp moved."
    assert bodies[0]["alert"]["id"] == empty.monitors.alerts()[0].id
    ids = [headers["webhook-id"] for _, headers, _ in receiver.got]
    assert len(set(ids)) == 3
    assert len(empty.monitors.deliveries("delay")) == 3


def test_checks_at_once_tell_each_thing_once(empty: Project, told: Callable[..., Any]) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slowly(handler: Any) -> None:
        inside.set()
        go_on.wait(20)
        status(200)(handler)

    with receiving(slowly) as receiver, ThreadPoolExecutor(2) as both:
        first = both.submit(told, receiver.url(), incident())
        assert inside.wait(20)
        second = both.submit(told, receiver.url(), incident())
        go_on.set()
        assert (len(first.result()), second.result()) == (1, [])
    assert len(receiver.got) == 1


def test_hosts_that_cannot_be_read_fail_a_channel_and_no_check(
    empty: Project, told: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "jupyter" / "jupyter_mlops_lab_config.json").write_text("{")
    (sent,) = told("https://hooks.example.com/", incident())
    assert not sent.ok
    assert "jupyter_mlops_lab_config.json" in sent.sentence


def test_a_channel_that_fails_is_told_of_and_tried_by_later_checks(
    empty: Project, told: Callable[..., Any]
) -> None:
    with receiving(status(500)) as receiver:
        for _ in range(5):
            told(receiver.url(), incident(), incident("quality:missing"))
        # Three rounds; in each the second message is not tried after the first one's silence.
        assert len(receiver.got) == 9
    history = empty.monitors.deliveries("delay")
    assert len(history) == 6
    assert {one.ok for one in history} == {False}
    assert history[-1].sentence == "127.0.0.1 answered 500, 3 times."
    assert history[-2].sentence.startswith("Not tried: 127.0.0.1 answered 500")
    assert history[0].channel == "webhook 127.0.0.1"


def test_what_is_muted_says_nothing(empty: Project, told: Callable[..., Any]) -> None:
    with receiving(status(200)) as receiver:
        told(receiver.url(), incident(severity="warn"))
        empty.monitors.mute(empty.monitors.alerts()[0].id, "1d")
        assert told(receiver.url(), incident(last=1)) == []
    assert len(receiver.got) == 1


def test_what_a_person_decided_is_told_by_the_server(
    empty: Project, told: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(status(200)) as receiver:
        told(receiver.url(), incident())
        empty.monitors.resolve(empty.monitors.alerts()[0].id, "mended", by=MARA)
        assert empty.monitors.deliver() == []
        monkeypatch.setattr(delivering, "_SETTLED", timedelta(seconds=-1))
        (sent,) = empty.monitors.deliver()
    assert (sent.event, sent.ok) == ("resolved", True)
    assert "Resolved: mended" in json.loads(receiver.got[-1][2])["text"]


def test_hosts_are_allowed_outside_of_the_project_only(empty: Project, tmp_path: Path) -> None:
    inside = empty.root / "jupyter"
    inside.mkdir()
    name, said = "jupyter_mlops_lab_config.json", {"MlopsLabApp": {"webhook_hosts": ["127.0.0.1"]}}
    (inside / name).write_text(json.dumps(said))
    assert read_hosts(empty.root, [inside]) == frozenset()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / name).write_text(json.dumps({"MlopsLabApp": {"webhook_hosts": "10.0.0.1"}}))
    with pytest.raises(InvalidInput, match="is a list such as"):
        read_hosts(empty.root, [outside])


TRAINED = """\
name: delay
current: dataset:answers
model: delay@champion
version: model_version
time: at
by: day
domain: false
"""


def test_each_chunk_is_compared_with_what_its_version_was_trained_on(project: Project) -> None:
    warm = pd.concat([day(number, shift=25.0) for number in range(-24, -12)])
    project.datasets.commit("warm", warm)
    answers = [day(number).assign(model_version="1") for number in range(4)]
    answers += [day(number, shift=25.0).assign(model_version="1") for number in range(4, 7)]
    project.datasets.commit("answers", pd.concat(answers))
    for number, name in ((1, "flights"), (2, "warm")):
        run = project.runs.start(name=f"train-{number}")
        project.datasets.use(run, name, role="reference")
        version = register(project, run, ["temp"], str(number))
        project.runs.end(run)
        if number == 1:
            project.models.promote(version.ref, "champion")
    write(project, TRAINED)
    before = project.monitors.check("delay")
    assert before.evaluation.reference.kind == "training"
    assert [one.columns for one in before.opened] == [("temp",)]

    # Warm is what the next champion has learnt from; what a third has, which never answers, nobody.
    project.models.promote("delay@2", "champion")
    run = project.runs.start(name="train-3")
    register(project, run, ["temp"], "3")
    project.runs.end(run)
    answers += [day(number, shift=25.0).assign(model_version="2") for number in range(7, 10)]
    project.datasets.commit("answers", pd.concat(answers))
    after = project.monitors.check("delay")
    assert [one.version for one in after.evaluation.chunks] == ["1"] * 7 + ["2"] * 3
    assert [(one.label, one.chunk) for one in after.evaluation.events] == [
        ("1", "2013-02-01"),
        ("2", "2013-02-08"),
    ]
    assert [(one.how, one.comment) for one in after.resolved] == [
        ("promotion", "delay 2 became champion.")
    ]
    sides = find_sides(
        project.monitors.load("delay"), project.datasets, project.models, project.runs
    )
    assert sides.notes({"3"})[0].startswith("What delay 3 was trained on is not known: rows that")
    assert sides.notes({"1", "2"}) == ()
    assert not [note for note in after.evaluation.notes if "not known" in note]
