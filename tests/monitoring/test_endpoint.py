"""A monitor of what an endpoint answers: its log, with the truth as that arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_lab.errors import NotFound
from mlops_lab.monitoring.spec import read_spec
from mlops_lab.project import Project
from mlops_lab.registry.signature import Field, Signature
from mlops_lab.serving.predictions import truth
from mlops_lab.serving.predictions.reading import predictions
from mlops_lab.serving.predictions.scanning import folder_of
from mlops_lab.serving.predictions.writing import Batch, Log

from .test_manager import register
from .watched import day

WATCHES = """\
name: delay
current: endpoint:delay
reference: dataset:flights
by: day
columns: [temp]
target: late
score: score
domain: false
"""
PIECES = ("system/pieces_counted", "system/pieces_kept")
SIGNATURE = Signature((Field("temp", "number"), Field("carrier", "text")))


def judged(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with a score and what became true, which it is right about."""
    random = np.random.default_rng(5)
    score = random.uniform(0.05, 0.95, len(frame))
    return frame.assign(score=score, late=(random.uniform(size=len(frame)) < score).astype(int))


def answer(
    project: Project, number: int, *, shift: float = 0.0, version: int = 1, role: str = "stable"
) -> pd.DataFrame:
    """A day of an endpoint's answers, logged; gives the rows with their ids and the truth."""
    frame = judged(day(number, shift=shift))
    at = [int(one.timestamp() * 1e6) for one in frame["at"]]
    log = Log(
        folder_of(project.root, "delay"),
        worker="r1-0",
        signature=SIGNATURE,
        clock=lambda: at[0] * 1000,
    )
    for i, row in enumerate(frame.itertuples()):
        log.add(
            Batch(
                request_id=f"{role}{number:016x}{i:08x}",
                t=at[i],
                role=role,
                revision=f"r{version}",
                model="delay",
                version=version,
                latency_ms=1.0,
                frame={"temp": [row.temp], "carrier": [row.carrier]},
                columns={
                    "prediction": np.array([int(row.score > 0.5)]),
                    "probability": np.array([[1 - row.score, row.score]]),
                },
                classes=("0", "1"),
                size=100,
            )
        )
    log.add(
        Batch("failed" + str(number), at[0], role, "r1", "delay", version, 1.0, 500, "It broke.")
    )
    assert log.close()
    return frame.assign(prediction_id=[f"{role}{number:016x}{i:08x}-0" for i in range(len(frame))])


@pytest.fixture
def project(new_project: Callable[[Path], Project], tmp_path: Path) -> Iterator[Project]:
    opened = new_project(tmp_path / "project")
    (opened.root / "monitors").mkdir()
    (opened.root / "monitors" / "delay.yaml").write_text(WATCHES, encoding="utf-8")
    reference = pd.concat([day(number) for number in range(-12, 0)])
    opened.datasets.commit("flights", judged(reference))
    yield opened
    opened.close()


def pieces(project: Project, run_id: str) -> list[float]:
    """How much was counted, and how much had been before."""
    found = {one.key: one.last for one in project.runs.metrics(run_id)}
    return [found[one] for one in PIECES]


def test_realised_performance_comes_with_the_truth(project: Project) -> None:
    days = [answer(project, number) for number in range(4)]
    answer(project, 3, role="canary", shift=50.0)
    first = project.monitors.check("delay")
    assert [one.rows for one in first.evaluation.chunks] == [400] * 4
    assert first.evaluation.current.rows == 1_600, "of the stable revision, and answered"
    assert first.evaluation.performance is not None
    assert all(one is None for one in first.evaluation.performance.metrics["auc"].realised), (
        "nobody has said yet what came true"
    )

    folder = folder_of(project.root, "delay")
    truth.log(folder, days[0][["prediction_id", "late"]], value="late")
    truth.log(folder, days[1][["prediction_id", "late"]], value="late")
    second = project.monitors.check("delay")
    assert second.evaluation.performance is not None
    realised = second.evaluation.performance.metrics["auc"].realised
    assert [one is None for one in realised] == [False, False, True, True]
    third = project.monitors.check("delay")
    assert third.evaluation.performance == second.evaluation.performance
    assert pieces(project, third.run_id)[0] == 0, "nothing is new, so nothing is counted"

    answer(project, 4)
    fourth = project.monitors.check("delay")
    counted, kept = pieces(project, fourth.run_id)
    assert len(fourth.evaluation.chunks) == 5
    assert kept > counted, "a new day costs one day"
    window = project.monitors.window("delay", "2013-02-01", "2013-02-02")
    assert window.scanned is False


def test_each_version_is_compared_with_what_it_learnt_from(project: Project) -> None:
    warm = pd.concat([day(number, shift=25.0) for number in range(-24, -12)])
    project.datasets.commit("warm", judged(warm))
    for number, name in ((1, "flights"), (2, "warm")):
        run = project.runs.start(name=f"train-{number}")
        project.datasets.use(run, name, role="reference")
        version = register(project, run, ["temp"], str(number))
        project.runs.end(run)
        project.models.promote(version.ref, "champion")
    text = WATCHES.replace("reference: dataset:flights", "model: delay@champion")
    (project.root / "monitors" / "delay.yaml").write_text(text, encoding="utf-8")
    for number in range(3):
        answer(project, number)
    for number in range(3, 6):
        answer(project, number, shift=25.0, version=2)
    found = project.monitors.check("delay").evaluation
    assert [one.version for one in found.chunks] == ["1"] * 3 + ["2"] * 3
    assert found.alerts == ()


def test_rolling_reference_is_in_the_log(project: Project) -> None:
    text = "current: endpoint:delay\nreference: rolling 3d\nby: day\n"
    (project.root / "monitors" / "delay.yaml").write_text(text, encoding="utf-8")
    for number in range(5):
        answer(project, number)
    found = project.monitors.check("delay").evaluation
    assert len(found.chunks) >= 2
    assert {"temp", "carrier", "prediction"} <= {one.name for one in found.columns}
    assert not {"request_id", "role", "latency_ms"} & {one.name for one in found.columns}


def test_nothing_answered_is_said(project: Project) -> None:
    with pytest.raises(NotFound, match="has no answers as stable yet"):
        project.monitors.check("delay")
    assert predictions(project.root, "delay").count() == 0
    assert project.monitors.get("delay").sentence == "It has not been checked yet."


@pytest.mark.parametrize(
    ("current", "said"),
    [
        ("endpoint:delay@best", "stable, canary"),
        ("endpoint:a/b", "An endpoint"),
        ("model:delay", "endpoint:delay"),
    ],
)
def test_what_cannot_be_watched_is_refused(tmp_path: Path, current: str, said: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(f"current: {current}\nreference: dataset:y\n", encoding="utf-8")
    spec, faults, _ = read_spec(path)
    assert spec is None
    assert said in faults[0].sentence


def test_canary_can_be_watched(project: Project) -> None:
    text = WATCHES.replace("endpoint:delay", "endpoint:delay@canary")
    (project.root / "monitors" / "delay.yaml").write_text(text, encoding="utf-8")
    answer(project, 0)
    answer(project, 0, role="canary")
    found = project.monitors.check("delay").evaluation
    assert found.current.rows == 400
