"""Each cause starts its pipeline once: what starts, what waits, and what nobody may start."""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.governance.sentences import sentence_of
from mlops_lab.orchestration.triggers import manager

from ...monitoring.evaluations import incident  # noqa: TID252 tests are no package
from .conftest import STEPS, Watched


def test_what_is_there_already_starts_nothing_and_what_comes_starts_one_run(
    watched: Watched, unlaunched: list[list[str]]
) -> None:
    watched.commit()
    watched.write("- dataset: flights\n  params: {as_of: cause.version}\n- schedule: '0 3 * * mon'")
    assert (
        watched.states() == ["new it watches from now on: what is there already starts nothing"] * 2
    )
    assert watched.look().started == ()
    assert watched.states() == ["quiet", "quiet"]
    watched.commit(rows=2)
    watched.commit(rows=3)
    planned = watched.project.triggers.look(dry_run=True)
    assert [one.run_id for one in planned.started] == [""]

    (started,) = watched.look().started

    assert watched.look().started == ()
    record = watched.project.runs.get(started.run_id)
    said = "flights 3 was committed by root, the last of 2 new ones".replace("root", record.author)
    assert started.sentence == said
    assert record.source["trigger"]["causes"] == [
        {
            "kind": "dataset",
            "trigger": "dataset: flights",
            "key": "dataset:flights@3",
            "sentence": said,
        }
    ]
    assert watched.project.runs.tags(started.run_id) == {"trigger": "dataset"}
    assert unlaunched[0][-2:] == ["-p", "as_of=3"]
    rows = watched.project.store.query("select pipeline, kind, cause from lab.trigger_starts")
    assert rows == [("pipelines/p.yaml", "dataset", "dataset:flights@3")]
    spoken = [
        sentence_of(one.kind, one.data, "mara", {})
        for one in watched.project.store.decisions()
        if one.kind.startswith("trigger.")
    ]
    assert spoken[0] == "mara watches for pipelines/p.yaml: dataset: flights, schedule: 0 3 * * mon"
    assert spoken[1] == f"a trigger started pipelines/p.yaml for mara: {said}"


def test_one_start_answers_all_that_had_happened(
    watched: Watched, unlaunched: list[list[str]]
) -> None:
    watched.write("- dataset: flights\n- dataset: weather\n- code: notebooks/**")
    watched.look()
    watched.commit("flights")
    watched.commit("weather")
    (watched.workshop.root / "notebooks" / "more.py").write_text("1\n")
    # The code waits for a pause: it is not answered by the run that starts before that.
    found = watched.look()
    assert [one["kind"] for one in watched.decided()[0]["causes"]] == ["dataset", "dataset"]
    assert [one.split()[0] for one in watched.states()] == ["quiet", "quiet", "held"]
    assert "it waits for a pause" in watched.states()[2]
    assert f"run {found.started[0].run_id[:8]} goes on" in watched.states(minutes=11)[2]
    watched.end(found)
    assert [one.sentence for one in watched.look(minutes=11).started] == [
        "notebooks/more.py was changed"
    ]


def test_a_pipeline_does_not_start_itself_by_what_it_makes(
    watched: Watched, unlaunched: list[list[str]]
) -> None:
    watched.write("- dataset: flights\n- alert: delay", "p")
    watched.write("- dataset: scores", "q")
    watched.look()
    runs = watched.project.runs

    def run_of(pipeline: str, found: Any = None) -> str:
        """A step of a run of a pipeline: of the one that was started, or somebody's own."""
        ids = [one.run_id for one in found.started if one.pipeline == pipeline] if found else []
        top = ids[0] if ids else runs.start(kind="pipeline", source={"pipeline": pipeline})
        return str(runs.start(kind="step", parent=top))

    # By hand or by a trigger: what a run of p commits or alarms does not start p.
    step = run_of("pipelines/p.yaml")
    watched.commit("flights", run=step)
    watched.alarm(incident(), parent=step)
    assert watched.states()[:2] == [
        "quiet flights 1 was made by this pipeline itself",
        "quiet this pipeline has found itself what delay alarms",
    ]
    # q is another one. What q makes because of p does not start p either: that would be a circle.
    watched.commit("scores", run=step)
    found = watched.look()
    assert [one.pipeline for one in found.started] == ["pipelines/q.yaml"]
    assert watched.decided()[0]["chain"] == ["pipelines/p.yaml"]
    watched.commit("flights", rows=2, run=run_of("pipelines/q.yaml", found))
    runs.end(runs.get(step).parent)
    assert watched.look().started == ()
    # Somebody's own commit does.
    watched.commit("flights", rows=3)
    assert [one.pipeline for one in watched.look().started] == ["pipelines/p.yaml"]


def test_a_file_with_faults_says_so_and_keeps_what_it_has_seen(
    watched: Watched, unlaunched: list[list[str]]
) -> None:
    path = watched.write("- dataset: flights")
    watched.look()
    sound = path.read_text()
    path.write_text(sound.replace("train.ipynb", "gone.ipynb"))
    watched.commit()
    found = watched.look()
    assert found.started == ()
    (problem,) = found.problems
    assert problem.sentence.startswith(
        "Its triggers wait until it is sound. pipelines/p.yaml:5:21: There is no notebook"
    )
    path.write_text(sound)
    found = watched.look()
    assert [one.sentence[:9] for one in found.started] == ["flights 1"]
    watched.end(found)
    # Without triggers nobody watches; with them again it begins anew.
    path.write_text(STEPS)
    watched.look()
    watched.commit(rows=2)
    path.write_text(sound)
    assert watched.look().started == ()
    assert watched.states() == ["quiet"]
    # A param that does not fit is found before anything is decided.
    path.write_text(sound + "    params: {seed: cause.dataset}\n")
    watched.commit(rows=3)
    found = watched.look()
    wrong = "seed is a whole number in the pipeline, and 'flights' is text."
    assert [one.sentence for one in found.problems] == [wrong]
    assert len(watched.decided()) == 1


def test_cool_down_cap_and_labels_hold_a_cause_back(
    watched: Watched, unlaunched: list[list[str]]
) -> None:
    watched.commit(rows=[1, None])
    watched.write(
        "- dataset: {name: flights, target: late}\n"
        "  new_labels: 2\n  cooldown: 2h\n  max_per_day: 2"
    )
    watched.look()
    watched.commit(rows=[1, 1, None])
    assert watched.states()[0].startswith("held it waits for labels, 1 of 2 came: flights 2")
    watched.commit(rows=[1, 1, 1])
    watched.end(watched.look())
    watched.commit(rows=[1] * 5)
    assert watched.states()[0].startswith("held it cools down until")
    assert watched.look(hours=1).started == ()
    watched.end(watched.look(hours=2, minutes=1))
    assert len(watched.decided()) == 2
    watched.commit(rows=[1] * 9)
    assert watched.states(hours=3)[0].startswith("held 2 starts a day are its limit until")
    assert len(watched.look(hours=25).started) == 1


# ------------------------------------------------------------------------ with real processes


def _ended(watched: Watched, run_id: str) -> Any:
    deadline = time.monotonic() + 120
    while (record := watched.project.runs.get(run_id)).is_open:
        assert time.monotonic() < deadline, record
        time.sleep(0.1)
    return record


def test_of_many_watchers_one_starts_the_run(watched: Watched, nursery: Any) -> None:
    watched.write("- dataset: flights")
    watched.look()
    names = [nursery.path(f"acks-{n}") for n in range(5)]
    go = nursery.path("go")
    pids = [
        nursery.start("look", root=str(watched.project.root), go=go, acks=name) for name in names
    ]
    for n in range(5):
        nursery.wait_for_ack(f"acks-{n}")
    watched.commit()
    Path(go).touch()
    assert [nursery.wait(pid) for pid in pids] == [0] * 5, nursery.errors
    told = [line for name in names for line in Path(name).read_text().split()[1:]]
    (run_id,) = told
    assert [one["run"] for one in watched.decided()] == [run_id]
    record = _ended(watched, run_id)
    assert record.status == "finished", record.reason
    assert record.source["trigger"]["sentence"].startswith("flights 1 was committed")
    kinds = [one.kind for one in watched.project.runs.search(limit=10).items]
    assert sorted(kinds) == ["pipeline", "step"]


def test_a_start_whose_watcher_died_is_launched_by_the_next_one(
    watched: Watched, nursery: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.write("- dataset: flights")
    watched.look()
    watched.commit()
    assert nursery.wait(nursery.start("die", root=str(watched.project.root))) == -signal.SIGKILL
    (decided,) = watched.decided()
    assert watched.look().started == ()  # whoever has decided it may be about to
    monkeypatch.setattr(manager, "_LOST", timedelta(seconds=-1))
    found = watched.look()
    assert [one.run_id for one in found.started] == [decided["run"]]
    assert watched.look().started == ()
    assert _ended(watched, decided["run"]).status == "finished"
    assert [one.get("again") for one in watched.decided()] == [None, True]
    assert watched.project.store.query("select count(*) from lab.trigger_starts") == [(1,)]


def test_a_run_whose_process_never_began_holds_nothing_up(
    watched: Watched, unlaunched: list[list[str]]
) -> None:
    watched.write("- dataset: flights")
    watched.look()
    watched.commit()
    (started,) = watched.look().started
    watched.commit(rows=2)
    assert watched.look(minutes=9).started == ()
    assert len(watched.look(minutes=11).started) == 0
    record = watched.project.runs.get(started.run_id)
    assert record.status == "failed"
    assert str(record.reason).startswith("Its process never began:")
    assert len(watched.look(minutes=11).started) == 1
