"""A candidate beside what was logged: real packages, a real log, late truth."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_lab.errors import InvalidInput
from mlops_lab.registry.package import read_facts, save_model
from mlops_lab.serving.backends.sklearn import SklearnBackend
from mlops_lab.serving.inputs import Schema
from mlops_lab.serving.loading import Loaded
from mlops_lab.serving.predictions import truth
from mlops_lab.serving.predictions.writing import Batch, Log
from mlops_lab.serving.records import Rollout
from mlops_lab.serving.rollouts.logged import compare_logged, replay_logged

DAY = 86_400_000_000
START = 20_000 * DAY
DAYS, PER_DAY = 10, 40
AB = Rollout("b" * 32, "ab", "r2", "r1", 50.0)


def frame(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    carrier = random.choice(["EV", "UA", None], rows)
    temp = np.where(random.random(rows) < 0.2, np.nan, random.normal(10, 5, rows))
    return pd.DataFrame({"carrier": carrier, "status": random.integers(0, 24, rows), "temp": temp})


def fitted(folder: Path, data: pd.DataFrame, label: Any) -> Loaded:
    """A packed model, loaded as a worker loads it."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
        (SimpleImputer(), ["status", "temp"]),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(data, label)
    save_model(model, folder, example=data.head(20))
    schema = Schema.read(folder)
    return Loaded(SklearnBackend.load(folder), "", schema, read_facts(folder).signature, (), 0.0)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Loaded, Loaded]]:
    """A log of an A/B test between a model that guesses and one that knows, with all truths."""
    root = tmp_path_factory.mktemp("replay")
    data = frame(DAYS * PER_DAY, 1)
    late = data["status"] > 12
    guess = fitted(root / "guess", data, np.random.default_rng(2).permutation(late))
    knows = fitted(root / "knows", data, late)
    log = Log(root / ".mlops" / "predictions" / "delay", worker="r1-0", signature=guess.signature)
    told = []
    for row in range(len(data)):
        loaded = knows if row % 2 else guess
        rows = loaded.schema.rows_of(data.iloc[row : row + 1])
        answer = loaded.answer(rows)
        request = f"{row:032x}"
        log.add(
            Batch(
                request_id=request,
                t=START + row // PER_DAY * DAY + row,
                role="stable",
                revision="r2" if row % 2 else "r1",
                model="delay",
                version=1 + row % 2,
                rollout=AB.id,
                unit=f"u{row}",
                latency_ms=1.0,
                status=200,
                frame=rows,
                columns=answer.columns,
                classes=tuple(map(str, answer.classes)),
            )
        )
        told.append({"prediction_id": f"{request}-0", "late": bool(late[row])})
    assert log.flush()
    truth.log(log.folder, pd.DataFrame(told), value="late")
    yield root, guess, knows
    log.close()


def test_the_model_that_answered_says_the_same_again(world: tuple[Path, Loaded, Loaded]) -> None:
    root, guess, _ = world
    same = replay_logged(
        root, "delay", guess, base="1", name="1", now=START + 99 * DAY, revision="r1"
    )
    assert (same.rows, same.refused, same.agree) == (DAYS * PER_DAY // 2, 0, 1.0)
    assert same.greatest == pytest.approx(0.0, abs=1e-12)
    assert same.comparison is not None
    assert same.comparison.difference == pytest.approx(0.0, abs=1e-12)


def test_a_better_candidate_is_found_on_the_log(world: tuple[Path, Loaded, Loaded]) -> None:
    root, _, knows = world
    found = replay_logged(
        root, "delay", knows, base="1", name="2", now=START + 99 * DAY, revision="r1", horizon=DAYS
    )
    assert found.comparison is not None
    assert (found.comparison.winner, found.comparison.metric) == ("2", "log_loss")
    assert found.comparison.clusters == DAYS
    assert found.agree is not None
    assert found.agree < 0.9
    assert found.sentence.startswith("2 says the same as 1 to ")
    assert found.to_json()["comparison"]["winner"] == "2"


def test_rows_that_it_does_not_answer_are_counted_with_the_reason(
    world: tuple[Path, Loaded, Loaded],
) -> None:
    root, _, knows = world

    class Picky:
        schema = knows.schema
        signature = knows.signature

        def answer(self, rows: Any) -> Any:
            if (rows.columns["status"] == 7).any():
                raise ValueError("seven")
            return knows.answer(rows)

    found = replay_logged(
        root, "delay", Picky(), base="1", name="2", now=START + 99 * DAY, revision="r1"
    )
    sevens = int((frame(DAYS * PER_DAY, 1)["status"][::2] == 7).sum())
    assert found.refused == sevens > 0
    assert found.fault == "ValueError: seven"
    assert f"It does not answer {sevens} of them: ValueError: seven." in found.sentence


def test_the_logged_rollout_is_compared(world: tuple[Path, Loaded, Loaded]) -> None:
    root, _, _ = world
    found = compare_logged(root, "delay", AB, now=START + 99 * DAY, names={"r1": "1", "r2": "2"})
    assert (found.winner, found.clusters, found.answers) == ("2", DAYS, DAYS * PER_DAY)
    with pytest.raises(InvalidInput, match="late"):
        compare_logged(root, "delay", AB, now=START, truth="booked")
    # A rollout, and an endpoint, of which nothing is logged.
    other = Rollout("c" * 32, "canary", "r2", "r1", 5.0)
    for name in ("delay", "nobody"):
        found = compare_logged(root, name, other, now=START)
        assert (found.state, found.answers) == ("early", 0)


def test_a_conversion_is_compared_by_how_often_it_happens(
    world: tuple[Path, Loaded, Loaded],
) -> None:
    root, _, _ = world
    folder = root / ".mlops" / "predictions" / "delay"
    booked = [f"{row:032x}-0" for row in range(DAYS * PER_DAY) if row % 2 or row % 10 == 0]
    before = set((folder / "truth").iterdir())
    truth.log(folder, pd.DataFrame({"prediction_id": booked}), event="booked")
    try:
        found = compare_logged(
            root, "delay", AB, now=START + 99 * DAY, truth="booked", horizon=DAYS
        )
        assert (found.metric, found.goal, found.winner) == ("outcome", "max", "r2")
        assert (found.candidate_mean, found.base_mean) == (1.0, pytest.approx(0.2))
        # Of two truths one has to be named.
        with pytest.raises(InvalidInput, match="booked and late"):
            compare_logged(root, "delay", AB, now=START)
    finally:
        (made,) = set((folder / "truth").iterdir()) - before
        shutil.rmtree(made)
