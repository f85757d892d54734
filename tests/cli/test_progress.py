"""What is drawn while a pipeline runs, from made-up events."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mlops_lab.cli import output
from mlops_lab.cli.progress import LinesProgress, LiveProgress, headline, progress
from mlops_lab.orchestration.events import (
    CellFinished,
    CellStarted,
    ChampionFound,
    Event,
    GateDecided,
    PipelineFinished,
    PipelineStarted,
    StepFinished,
    StepRetried,
    StepStarted,
)
from mlops_lab.orchestration.results import GateRecord, PipelineResult, StepError, StepResult

RUN, STEP = "a" * 32, "b" * 32
ERROR = StepError("ValueError", "no such column", cell_index=4, source="frame['auc']")


def story(status: str = "finished") -> list[Event]:
    error = ERROR if status == "failed" else None
    step = StepResult(
        "train", status, "train.ipynb", STEP, metrics={"loss": 0.41, "auc": 0.7123},
        duration_s=9.84, attempts=1, error=error,
    )  # fmt: skip
    gate = GateRecord(0, "metric", "train.auc <= 0.85", "rejected", "auc 0.94 is above 0.85")
    return [
        PipelineStarted(
            RUN, "delay", "pipelines/delay.yaml", ("train", "judge"), ("odd: a warning",)
        ),
        StepStarted("train", STEP, 1, 2, "notebooks/train.ipynb", 1),
        CellStarted("train", "c1", 3, 12, "model.fit(frame)"),
        CellFinished("train", "c1", 3, 12, 7.0, False),
        StepRetried("train", 1, 2, ERROR),
        StepFinished("train", step),
        GateDecided(gate),
        PipelineFinished(PipelineResult(RUN, "delay", "pipelines/delay.yaml", status)),
    ]


def console(width: int = 90) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


def drawn(events: list[Event], width: int = 90) -> str:
    target = console(width)
    live = LiveProgress(target, {"auc": "max"})
    for event in events:
        live.on_event(event)
    with target.capture() as captured:
        target.print(live._draw())
    return captured.get()


def told(events: list[Event]) -> list[str]:
    file = io.StringIO()
    lines = LinesProgress(Console(file=file, width=200), {"auc": "max"})
    for event in events:
        lines.on_event(event)
    return file.getvalue().splitlines()


def test_lines_tell_each_thing_once() -> None:
    assert told(story()) == [
        f"delay: run {RUN}",
        "odd: a warning",
        "[1/2] train: notebooks/train.ipynb",
        "[1/2] train: cell 3 of 12 took 7.0 s",
        f"[1/2] train: try 1 failed, {ERROR}",
        "[1/2] train: finished in 9.8 s, auc 0.712 · loss 0.410",
        "gate rejected: auc 0.94 is above 0.85",
        "delay: finished",
    ]


def test_lines_outlive_their_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Gone())
    lines = LinesProgress(output.console(), {})
    for event in story():
        lines.on_event(event)


def test_picture_shows_the_cell_that_runs() -> None:
    picture = drawn(story()[:3])
    assert "train" in picture
    assert "3/12" in picture
    assert "model.fit(frame)" in picture
    assert "○  judge" in picture


def test_picture_of_the_end_has_metrics_and_gates() -> None:
    picture = drawn(story())
    assert "✓  train" in picture
    assert "auc 0.712 · loss 0.410" in picture
    assert "⊗  auc 0.94 is above 0.85" in picture


def test_picture_of_a_failure_says_why() -> None:
    picture = drawn(story("failed")[:6])
    assert "✗  train" in picture
    assert "ValueError in cell 4" in picture


@pytest.mark.parametrize("width", [40, 60, 200])
def test_picture_never_wraps(width: int) -> None:
    for end in range(1, len(story()) + 1):
        picture = drawn(story()[:end], width)
        assert all(len(line) <= width for line in picture.splitlines())
        assert len(picture.splitlines()) <= 7


def test_progress_is_lines_where_nobody_looks() -> None:
    with progress(Console(file=io.StringIO()), {}) as listener:
        assert isinstance(listener, LinesProgress)


def test_progress_gives_the_cursor_back_after_an_error() -> None:
    target = console()

    def fail() -> None:
        with progress(target, {}) as listener:
            assert isinstance(listener, LiveProgress)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.file.getvalue().endswith("\x1b[?25h")  # type: ignore[attr-defined]


def test_headline_prefers_metrics_with_a_goal() -> None:
    metrics = {"rows": 3.0, "missing/seats": 0.2, "loss": 0.5, "auc": 0.7}
    assert headline(metrics, {"auc": "max"}) == "auc 0.700 · rows 3 · loss 0.500"


def test_a_champion_that_was_judged_before_is_told_and_drawn() -> None:
    found = ChampionFound("judge", "delay@2", "c" * 32)

    assert told([*story()[:2], found])[-1] == ("judge has judged delay@2 on the same inputs before")
    assert "judge with delay@2" in drawn([*story()[:2], found])


def test_a_step_that_runs_again_with_the_champion_is_none_of_the_pipelines_own() -> None:
    again = StepStarted("judge with champion 2", STEP, 3, 2, "notebooks/judge.ipynb", 1)

    assert told([*story()[:1], again])[-1] == "judge with champion 2: notebooks/judge.ipynb"
