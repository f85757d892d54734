"""Scoring whole tables: into files and datasets, in the table's order, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import mlops_lab as lab
from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.project import Project
from mlops_lab.serving import scoring
from mlops_lab.serving.backends import SklearnBackend
from mlops_lab.serving.inputs import Schema

from .conftest import inside


def flights(n_rows: int, seed: int) -> pd.DataFrame:
    """Text with missing ones and with words of its own, numbers with missing ones, integers."""
    draw = np.random.default_rng(seed)
    words = np.array(["UA", "DL", "Ü9 ✈", None, f"new {seed}"], dtype=object)
    weight = draw.normal(size=n_rows)
    weight[draw.random(n_rows) < 0.2] = np.nan
    return pd.DataFrame(
        {
            "id": np.arange(n_rows),
            "carrier": pd.Series(draw.choice(words, n_rows), dtype="str"),
            "weight": weight,
            "hour": draw.integers(0, 24, n_rows),
        }
    )


@pytest.fixture(scope="module")
def kept(empty_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the model late, and flights that it has not seen."""
    folder = tmp_path_factory.mktemp("late") / "a b'[1]"
    project = Project.open(shutil.copytree(empty_project, folder))
    frame = flights(400, 0).drop(columns="id")
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(
        ColumnTransformer([("codes", codes, ["carrier"])], remainder="passthrough"),
        HistGradientBoostingClassifier(max_iter=20, random_state=7),
    )
    late = np.where(frame["hour"] + 4 * frame["weight"].fillna(0) > 14, "spät", "in time")
    with inside(project):
        with lab.start_run("gbm") as run:
            run.log_model(model.fit(frame, late), example=frame, register="late")
        lab.dataset("flights").commit(flights(50_000, 1))
    return folder


@pytest.fixture(scope="module")
def project(kept: Path) -> Iterator[Project]:
    with inside(Project.open(kept)) as opened:
        yield opened


@pytest.fixture(scope="module")
def expected(project: Project) -> pd.DataFrame:
    """What a notebook says of the flights."""
    model, frame = lab.model("late"), flights(50_000, 1)
    chances = model.predict_proba(frame)
    return frame.assign(
        prediction=pd.Series(model.predict(frame), dtype="str"),
        **{"probability_in time": chances[:, 0], "probability_spät": chances[:, 1]},
    )


def test_a_dataset_becomes_a_dataset_with_its_lineage(
    project: Project, expected: pd.DataFrame
) -> None:
    scores = lab.model("late").score("flights", "dataset:scores", backend="sklearn")

    assert repr(scores).startswith("<Scores scores@1: 50,000 rows by late@1 in ")
    pd.testing.assert_frame_equal(scores.df(), expected)
    run = lab.run(scores.run_id)
    assert (run.kind, run.status) == ("batch", "finished")
    assert run.metrics["system/rows"].last == 50_000
    above = {node.label for node in lab.dataset("scores").lineage(direction="up").nodes}
    assert {"flights 1", "late 1"} <= above
    again = lab.model("late").score(lab.dataset("flights"), "dataset:scores", backend="sklearn")
    assert again.dataset is not None
    assert again.dataset.version == 1


def test_files_sql_and_frames_are_scored_alike(
    project: Project, expected: pd.DataFrame, tmp_path: Path
) -> None:
    few = flights(3_000, 1)
    few.to_csv(tmp_path / "few.csv", index=False)
    few.to_parquet(tmp_path / "few.parquet")
    model, target = lab.model("late"), tmp_path / "scores.parquet"
    sql = f"from '{tmp_path}/few.parquet' where id >= 0"

    for source in (tmp_path / "few.csv", str(tmp_path / "few.parquet"), sql, few):
        scores = model.score(source, target, backend="sklearn", keep=["id"])
        said = model.predict_proba(few)[:, 1]
        assert (scores.path, scores.dataset, scores.rows) == (target, None, 3_000)
        found = scores.df()
        assert list(found) == ["id", "prediction", "probability_in time", "probability_spät"]
        np.testing.assert_array_equal(found["id"], few["id"])
        np.testing.assert_array_equal(found["probability_spät"], said)


@pytest.mark.parametrize(
    ("source", "target", "options", "said"),
    [
        ("select 1 as hour", "s.parquet", {}, "the query cannot be scored. The model does not"),
        ("flights", "s.parquet", {"keep": ["ID"]}, "no column 'ID' to keep; there are 'id'"),
        ("flights", "s.parquet", {"columns": ["id"]}, "found by name, without `columns`"),
        ("flights", "s.csv", {}, "'scores.parquet' or 'dataset:scores'; got 's.csv'"),
        ("flights", "no/s.parquet", {}, "There is no folder"),
        ("flights", "dataset:a/b", {}, "A dataset"),
        ("flihgts", "s.parquet", {}, "flights"),
        (flights(0, 1), "s.parquet", {}, "has no rows"),
        (flights(9, 1).assign(prediction=1), "s.parquet", {}, "keep=[…]"),
        (flights(9, 1).assign(hour="x"), "s.parquet", {}, "rows 1 to 9: The model does not take"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(
    project: Project, source: Any, target: str, options: dict[str, Any], said: str
) -> None:
    Path("s.parquet").write_text("as it was")

    with pytest.raises((InvalidInput, NotFound)) as caught:
        lab.model("late").score(source, target, backend="sklearn", **options)

    assert said in str(caught.value)
    assert Path("s.parquet").read_text() == "as it was"
    assert not list(Path.cwd().glob(".s.parquet*"))
    assert not list((project.root / ".mlops" / "tmp").glob("put-*"))


def test_the_command_line_scores(
    project: Project, expected: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlops_lab.cli.app import main

    words = ["model", "score", "late@1", "flights@1", "s.parquet", "--keep-none", "--json"]

    with pytest.raises(SystemExit, match="0"):
        main([*words, "--backend=sklearn"])

    told = json.loads(capsys.readouterr().out)
    assert (told["model"], told["rows"], told["dataset"]) == ("late@1", 50_000, None)
    found = pd.read_parquet("s.parquet")
    pd.testing.assert_frame_equal(found, expected.drop(columns=flights(0, 1).columns))


@pytest.mark.parametrize("shape", ["table", "texts"])
def test_models_of_arrays_and_texts_are_given_their_columns(shape: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    frame = pd.DataFrame(draw.normal(size=(60, 2)), columns=["a", "b"])
    frame["note"] = np.where(frame["a"] > 0, "late again", "in time")
    wanted = ["b", "a"] if shape == "table" else ["note"]
    # In the order of an array that a request brings: sums of floats depend on it.
    table = np.ascontiguousarray(frame[["b", "a"]])
    given: Any = table if shape == "table" else list(frame["note"])
    model: Any = LinearRegression()
    if shape == "texts":
        model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model.fit(given, frame["a"] > 0)
    schema = Schema.of(lab_signature(given, model), given)
    target = tmp_path / "scores.parquet"

    with pytest.raises(InvalidInput, match="columns="):
        score(model, schema, frame, target)
    score(model, schema, frame, target, columns=wanted, keep=["note"])

    found = pd.read_parquet(target)
    np.testing.assert_array_equal(found["prediction"], model.predict(given))


def lab_signature(given: Any, model: Any) -> Any:
    from mlops_lab.registry.signature import infer

    return infer(given, model.predict(given))


def score(model: Any, schema: Schema, frame: pd.DataFrame, target: Path, **options: Any) -> int:
    from mlops_lab.compute import Source

    backend = SklearnBackend(model)
    return scoring.score_table(backend, schema, Source.of(frame), target, **options)
