"""Each kind of trigger: what it calls a cause, and what it does not."""

from __future__ import annotations

import json
import time
from typing import Any, get_args

import pandas as pd
import pytest

from mlops_lab.orchestration.triggers.registry import KINDS
from mlops_lab.shapes import Shape

from ...monitoring.evaluations import incident  # noqa: TID252 tests are no package
from .conftest import MONITOR, Watched


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_kind_says_what_it_is(kind: Any) -> None:
    assert kind.name == type(kind).__module__.rpartition(".")[2]
    assert kind.about.endswith(".")
    assert kind.example
    shapes = [
        one for one in get_args(kind.shape) if isinstance(one, type) and issubclass(one, Shape)
    ]
    assert set(kind.words) == {name for shape in shapes for name in shape.model_fields}


def test_an_alert_is_a_cause_while_nobody_has_it_in_hand(
    watched: Watched, unlaunched: list[list[str]]
) -> None:
    watched.write("- alert: delay\n  params: {as_of: cause.day}\n  cooldown: 1s")
    watched.alarm(incident("drift:wind"))
    watched.look()
    assert watched.look().started == ()
    run = watched.alarm(incident("drift:wind"), incident(first=1))
    line = {"e": "evaluation", "r": run, "t": time.time_ns() // 1000, "monitor": "delay"}
    line |= {"digest": "0" * 64, "state": "alert", "until": "2013-04-29T00:00:00+00:00"}
    watched.project.store.append(line)
    (alert,) = [
        one for one in watched.project.monitors.alerts() if one.columns and one.chunk[-2:] == "08"
    ]
    watched.project.monitors.acknowledge(alert.id, "on it")
    assert watched.states() == ["quiet what delay found is acknowledged"]
    watched.project.monitors.reopen(alert.id, "no, let it run")
    found = watched.look(seconds=5)
    assert [one.sentence for one in found.started] == ["delay alarms: temp moved"]
    assert unlaunched[-1][-2:] == ["-p", "as_of=2013-04-29"]
    watched.end(found)
    # The same check again tells nothing new; an alert that goes on in a newer week does.
    watched.alarm(incident("drift:wind"), incident(first=1))
    assert watched.look(seconds=5).started == ()
    watched.alarm(incident("drift:wind"), incident(first=1, last=2))
    found = watched.look(seconds=5)
    assert len(found.started) == 1
    watched.end(found)
    watched.alarm(incident("drift:wind"), incident(first=1, last=3, severity="warn"))
    assert watched.look(seconds=5).started == ()


def test_an_alert_of_a_model_that_was_replaced_since_waits_for_the_next_check(
    watched: Watched, unlaunched: list[list[str]]
) -> None:
    project = watched.project
    monitor = project.root / "monitors" / "delay.yaml"
    monitor.write_text(MONITOR + "model: flight-delay@champion\n", encoding="utf-8")
    watched.write("- alert: delay\n  cooldown: 1s")
    watched.look()
    watched.alarm(incident())
    run = project.runs.start(name="train")
    folder = project.root / "model"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"flavor": "sklearn", "unsafe": False}))
    project.models.log_package(run, "model", folder)
    project.models.register("flight-delay", run_id=run)
    project.runs.end(run)
    project.models.promote("flight-delay@1", "champion")
    said = "quiet the model was changed since delay alarmed: its next check decides"
    assert watched.states() == [said]
    watched.alarm(incident(last=2))
    assert len(watched.look().started) == 1


def test_a_blocked_version_is_no_cause(watched: Watched, unlaunched: list[list[str]]) -> None:
    (watched.project.root / "suites").mkdir()
    suite = "checks: [{check: range, column: late, max: 1, severity: block}]\n"
    (watched.project.root / "suites" / "flights.yaml").write_text(suite, encoding="utf-8")
    watched.write("- dataset: flights")
    watched.look()
    watched.project.datasets.commit("flights", pd.DataFrame({"late": [7]}))
    assert watched.states() == ["quiet flights 1 is blocked by its checks"]
    assert watched.look().started == ()
    watched.project.datasets.commit("flights", pd.DataFrame({"late": [1]}))
    (started,) = watched.look().started
    assert started.sentence.startswith("flights 2 was committed")


def once_quiet(watched: Watched) -> Any:
    """Look until the pause after the last change is over."""
    deadline = time.monotonic() + 30
    while not (found := watched.look()).started:
        assert time.monotonic() < deadline, watched.states()
    return found


def test_code_is_what_people_write_and_not_what_a_notebook_printed(
    watched: Watched, unlaunched: list[list[str]]
) -> None:
    watched.write("- code: ['notebooks/**', '*.py']\n  debounce: 1ms")
    watched.look()
    root = watched.workshop.root
    notebook = root / "notebooks" / "train.ipynb"
    said: dict[str, Any] = json.loads(notebook.read_text())
    said["cells"][-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "0.7"}]
    said["cells"][-1]["execution_count"] = 3
    notebook.write_text(json.dumps(said, indent=1))
    for hidden in (".ipynb_checkpoints", "__pycache__"):
        (root / "notebooks" / hidden).mkdir()
        (root / "notebooks" / hidden / "train.py").write_text("1")
    (root / "elsewhere.txt").write_text("1")
    assert watched.states() == ["quiet"]

    said["cells"][-1]["source"] += "\n# more"
    notebook.write_text(json.dumps(said))
    (root / "notebooks" / "deep").mkdir()
    (root / "notebooks" / "deep" / "part.py").write_text("1")
    found = once_quiet(watched)
    assert {"notebooks/deep/part.py", "notebooks/train.ipynb"} == set(
        found.started[0].sentence.removesuffix(" were changed").split(", ")
    )
    # What changed while that run went on may be the run's own work.
    (root / "made.py").write_text("1")
    watched.end(found)
    assert watched.states() == [
        "quiet made.py was changed during the run that its last change had started"
    ]
    (root / "made.py").write_text("2")
    found = once_quiet(watched)
    assert [one.sentence for one in found.started] == ["made.py was changed"]
    watched.end(found)
    (root / "made.py").unlink()
    assert [one.sentence for one in watched.look().started] == ["files came, went or were put back"]


def test_a_schedule_comes_once_however_long_nobody_looked(
    watched: Watched, unlaunched: list[list[str]]
) -> None:
    watched.write("- schedule: '0 * * * *'\n  params: {as_of: cause.slot}")
    watched.look()
    found = watched.look(hours=5)
    assert len(found.started) == 1
    assert found.started[0].sentence.endswith("and 4 missed before")
    assert unlaunched[0][-1].endswith(":00:00Z")
    watched.end(found)
    assert watched.look(hours=5).started == ()
    assert len(watched.look(hours=6, minutes=1).started) == 1
