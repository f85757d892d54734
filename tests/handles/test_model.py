"""The handle of models, and what keeps them: what users type, and what they see."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import mlops_lab as lab
from mlops_lab.errors import Conflict, Corrupt, InvalidInput, NotFound
from mlops_lab.project import Project

from .conftest import inside

FRAME = pd.DataFrame({"hour": range(40), "distance": np.linspace(0.0, 1.0, 40)})
LATE = FRAME["hour"] > 20


def trained(strength: float = 1.0) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength)).fit(FRAME, LATE)


@pytest.fixture(scope="module")
def kept(empty_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose run gbm has registered late 1, to be copied."""
    folder = tmp_path_factory.mktemp("late") / "project"
    project = Project.open(shutil.copytree(empty_project, folder))
    with inside(project), lab.start_run("gbm", params={"C": 1.0}) as run:
        run.log_metric("auc", 0.71)
        run.log_metric("broken", float("nan"))
        run.log_model(trained(), example=FRAME, register="late")
    return folder


@pytest.fixture
def project(
    request: pytest.FixtureRequest, empty_project: Path, tmp_path: Path
) -> Iterator[Project]:
    """Empty, but for who asks for ``late``."""
    source = request.getfixturevalue("kept") if "late" in request.fixturenames else empty_project
    with inside(Project.open(shutil.copytree(source, tmp_path / "project"))) as opened:
        yield opened


@pytest.fixture
def late(project: Project) -> lab.Model:
    return lab.model("late@1")


def test_logged_model_is_an_artifact_of_its_run(project: Project) -> None:
    with lab.start_run("gbm") as run:
        kept = run.log_model(trained(), example=FRAME)
    assert (kept.name, kept.flavor, kept.unsafe) == ("model", "sklearn", False)
    assert set(run.artifacts) >= {
        "models/model/model.skops",
        "models/model/model.json",
        "models/model/input_example.json",
        "models/model/requirements.txt",
    }
    assert [one.id for one in run.models] == [kept.id]
    assert repr(kept).startswith("<LoggedModel 'model' (m-")
    assert not list((project.store.dir / "tmp").glob("model-*")), "nothing is left on the way"


def test_model_goes_to_the_active_run(project: Project) -> None:
    with lab.start_run("gbm") as run:
        lab.log_model(trained(), "trees", example=FRAME)
    assert [one.name for one in run.models] == ["trees"]


def test_without_an_active_run_one_is_started(project: Project) -> None:
    version = lab.log_model(trained(), example=FRAME, register="late")
    assert isinstance(version, lab.Model)
    active = lab.active_run()
    assert active is not None
    assert version.run_id == active.id


def test_the_same_model_fitted_twice_is_one_version(late: lab.Model) -> None:
    with lab.start_run("again") as run:
        again = run.log_model(trained(), example=FRAME, register="late")
    assert (again.ref, again.digest) == ("late@1", late.digest)


def test_registered_version_knows_its_origin(late: lab.Model) -> None:
    assert (late.ref, late.name, late.version) == ("late@1", "late", 1)
    assert late.metrics["auc"] == 0.71
    assert np.isnan(late.metrics["broken"])
    assert late.params["C"] == 1.0 or late.params["C"] == "1.0"
    assert str(late.signature) == "hour: integer, distance: number → prediction: boolean (any)"
    assert (late.flavor, late.unsafe, late.judgement) == ("sklearn", False, None)
    assert late.digest.startswith("b3-")
    assert late.run_id == lab.runs()[0].id
    assert late.facts["latency_ms"]["p50"] > 0
    assert late.exists
    pd.testing.assert_frame_equal(late.example, FRAME.head(20))


def test_a_model_is_loaded_and_predicts(late: lab.Model) -> None:
    expected = trained().predict(FRAME)
    assert (late.load().predict(FRAME) == expected).all()
    assert (late.predict(FRAME) == expected).all()
    assert late.predict({"distance": 0.9, "hour": 38}).tolist() == [True]
    assert late.predict([{"distance": 0.1, "hour": 2}, {"hour": 38, "distance": 0.9}]).tolist() == [
        False,
        True,
    ]


def test_a_model_says_how_probable_each_class_is(late: lab.Model) -> None:
    expected = trained().predict_proba(FRAME)
    assert (late.predict_proba(FRAME) == expected).all()
    with pytest.raises(InvalidInput, match="'hour'"):
        late.predict_proba(FRAME.drop(columns="hour"))


def test_a_model_without_probabilities_says_so() -> None:
    from sklearn.linear_model import LinearRegression

    from mlops_lab.registry.predicting import predict

    fitted = LinearRegression().fit(FRAME, FRAME.sum(axis="columns"))
    with pytest.raises(InvalidInput, match="A LinearRegression gives no probabilities"):
        predict(fitted, FRAME, None, chances=True)


def test_input_that_does_not_fit_is_refused_in_sentences(late: lab.Model) -> None:
    with pytest.raises(InvalidInput) as refused:
        late.predict(pd.DataFrame({"hours": [1], "distance": ["far"]}))
    assert "Column 'hour' (integer) is missing; there is 'hours'." in str(refused.value)
    assert "Column 'distance' holds text ('far'); numbers are expected." in str(refused.value)


def test_handle_without_a_version_follows_the_newest(late: lab.Model) -> None:
    handle = lab.model("late")
    assert isinstance(handle, lab.Model)
    assert handle.version == 1
    assert handle.predict(FRAME).sum() == trained().predict(FRAME).sum()
    with lab.start_run("again") as run:
        run.log_model(trained(1e-9), example=FRAME, register="late")
    assert handle.version == 2
    assert late.version == 1
    # What it predicts with is of the newest, too.
    assert (handle.predict(FRAME) == trained(1e-9).predict(FRAME)).all()
    assert [one.ref for one in handle.versions()] == ["late@2", "late@1"]


def test_run_registers_what_it_kept_later(project: Project) -> None:
    with lab.start_run("gbm") as run:
        one = run.log_model(trained(), "one", example=FRAME)
        run.log_model(trained(0.1), "two", example=FRAME)
    with pytest.raises(InvalidInput, match="several models"):
        run.register_model("late")
    assert run.register_model("late", model="two", note="stronger").version == 1
    assert run.register_model("late", model=one).version == 2
    assert run.register_model("late", model=one.id).version == 2
    assert lab.model("late@1").note == "stronger"
    with pytest.raises(NotFound):
        run.register_model("late", model="three")


@pytest.mark.parametrize("name", ["", "../x", "a b", "x@1", "a/b", 5])
def test_name_that_is_none_is_refused_before_anything_is_kept(name: Any, project: Project) -> None:
    with lab.start_run("gbm") as run, pytest.raises(InvalidInput, match="name"):
        run.log_model(trained(), example=FRAME, register=name)
    assert run.models == []


@pytest.mark.parametrize("name", ["../x", "/etc/x", "", "a\x00b"])
def test_path_that_is_none_is_refused(name: str, project: Project) -> None:
    with lab.start_run("gbm") as run, pytest.raises(InvalidInput):
        run.log_model(trained(), name, example=FRAME)
    assert run.models == []


def test_model_with_a_function_of_ones_own_says_what_to_do(project: Project) -> None:
    model = make_pipeline(FunctionTransformer(lambda frame: frame * 2), LogisticRegression())
    with lab.start_run("gbm") as run:
        with pytest.raises(InvalidInput) as refused:
            run.log_model(model.fit(FRAME, LATE), example=FRAME)
        assert "<lambda> at steps[0][1].func" in str(refused.value)
        assert "unsafe=True" in str(refused.value)
        assert run.models == []
        kept = run.log_model(model, example=FRAME, unsafe=True)
    assert kept.unsafe
    assert "UNSAFE" in repr(kept)


@pytest.fixture
def risky(project: Project) -> lab.Model:
    with lab.start_run("gbm") as run:
        return run.log_model(trained(), example=FRAME, register="risky", unsafe=True)


def test_unsafe_model_says_so_everywhere_and_loads_only_when_allowed(risky: lab.Model) -> None:
    assert risky.unsafe
    assert "UNSAFE" in repr(risky)
    shown = risky._repr_html_()
    assert shown is not None
    assert "error-color" in shown
    assert "runs code" in shown
    assert "unsafe" in repr(risky.versions())
    for use in (risky.load, lambda: risky.predict(FRAME)):
        with pytest.raises(InvalidInput, match="allow_unsafe=True"):
            use()
    assert (risky.load(allow_unsafe=True).predict(FRAME) == trained().predict(FRAME)).all()


def test_unsafe_model_is_refused_by_the_default_policy(risky: lab.Model) -> None:
    with pytest.raises(Conflict, match=r"(?i)unsafe|pickle"):
        risky.promote("champion", "it is quick")
    assert risky.aliases == ()


def test_promotion_rollback_and_history(late: lab.Model) -> None:
    assert late.promote("champion", "the first").promoted
    assert late.aliases == ("champion",)
    with lab.start_run("again") as run:
        second = run.log_model(trained(0.1), example=FRAME, register="late")
    second.promote("champion", "better")
    champion = lab.model("late@champion")
    assert champion.version == 2
    assert (late.aliases, second.aliases) == ((), ("champion",))
    assert second.rollback("champion", "worse after all").promoted
    assert champion.version == 1
    history = late.history("champion")
    assert [(move.version, move.how) for move in history] == [
        (1, "rollback"),
        (2, "promote"),
        (1, "promote"),
    ]
    assert "worse after all" in repr(history)
    then = history[1].since
    assert late.on("champion", then) == second


def test_damaged_model_is_never_loaded(late: lab.Model, project: Project) -> None:
    assert late.verify() == []
    file = (late.path / "model.skops").resolve()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(bytes(data))
    with pytest.raises(Corrupt):
        late.load()
    faults = late.verify()
    assert faults
    assert any("model.skops" in fault.where for fault in faults)
    assert late._repr_html_() is not None


def test_lineage_leads_to_the_run(late: lab.Model) -> None:
    graph = late.lineage()
    assert f"run:{late.run_id}" in {node.id for node in graph.nodes}


def test_run_notes_the_model_that_it_used(late: lab.Model) -> None:
    with lab.start_run("score") as run:
        used = run.use(lab.model("late"), role="judged")
    assert used == late
    (noted,) = run.inputs
    assert (noted.kind, noted.name, noted.version, noted.role) == ("model", "late", 1, "judged")
    assert f"run:{run.id}" in {node.id for node in late.lineage().nodes}


def test_path_of_a_version_is_recognised(late: lab.Model) -> None:
    assert lab.model(late.path) == late
    assert lab.model(str(late.path / "model.skops")) == late


def test_bare_file_is_loaded_as_safely(late: lab.Model, tmp_path: Path) -> None:
    from mlops_lab.registry.package import save_model

    other = tmp_path / "other"
    save_model(trained(0.5), other, example=FRAME)
    for path in (other, other / "model.skops"):
        handle = lab.model(path)
        assert isinstance(handle, lab.ModelFile)
        assert (handle.predict(FRAME) == trained(0.5).predict(FRAME)).all()
        assert "Pipeline · sklearn" in repr(handle)
        assert handle._repr_html_() is not None
    package = lab.model(other)
    assert isinstance(package, lab.ModelFile)
    assert str(package.signature) == str(late.signature)
    with pytest.raises(InvalidInput, match="hour"):
        package.predict(pd.DataFrame({"distance": [1.0]}))
    pd.testing.assert_frame_equal(package.example, FRAME.head(20))


class Harm:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.canary,)


def test_bare_pickle_is_shown_and_not_run(project: Project, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Harm(canary)))
    handle = lab.model(tmp_path / "evil.pkl")
    assert isinstance(handle, lab.ModelFile)
    assert "UNSAFE" in repr(handle)
    shown = handle._repr_html_()
    assert shown is not None
    assert "runs code" in shown
    with pytest.raises(InvalidInput, match="allow_unsafe"):
        handle.load()
    assert not canary.exists()


def test_what_is_no_model_is_said(project: Project, tmp_path: Path) -> None:
    (tmp_path / "notes.skops").write_text("hello")
    assert "damaged" in repr(lab.model(tmp_path / "notes.skops"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInput, match=r"model\.json"):
        lab.model(tmp_path / "folder")
    with pytest.raises(NotFound, match="nowhere"):
        lab.model("nowhere/model.skops")
    with pytest.raises(InvalidInput, match="reference"):
        lab.model(5)
    with pytest.raises(InvalidInput, match="name"):
        lab.model("a b")


def test_model_that_does_not_exist_says_how_to_make_it(project: Project) -> None:
    handle = lab.model("nothing")
    assert isinstance(handle, lab.Model)
    assert not handle.exists
    assert "register='nothing'" in repr(handle)
    assert handle._repr_html_() is None
    with pytest.raises(NotFound, match="register"):
        handle.load()


def test_models_are_listed(late: lab.Model) -> None:
    late.describe("Whether a flight is late.")
    table = lab.models()
    assert [one.name for one in table] == ["late"]
    assert "Whether a flight is late." in repr(table)
    frame = table.df()
    assert frame["versions"].tolist() == [1]
    versions = late.versions().df()
    assert versions["metrics.auc"].tolist() == [0.71]


def test_empty_list_says_what_fills_it(project: Project) -> None:
    assert "run.log_model(model, register=" in repr(lab.models())


def test_words_of_people_are_texts(late: lab.Model) -> None:
    evil = '<img src=x onerror="alert(1)">\u202e'
    late.edit(note=evil, tags={"<b>": evil})
    shown = late._repr_html_()
    assert shown is not None
    assert "<img" not in shown
    assert "\u202e" not in repr(late)
    assert "<img" not in late.versions()._repr_html_()


def test_hostile_column_names_are_texts(project: Project) -> None:
    frame = pd.DataFrame({"<script>alert(1)</script>": [0.0, 1.0], "b": [1.0, 0.0]})
    with lab.start_run("gbm") as run:
        made = run.log_model(
            LogisticRegression().fit(frame, [0, 1]), example=frame, register="evil"
        )
    shown = made._repr_html_()
    assert shown is not None
    assert "<script>" not in shown


def test_handle_goes_to_other_processes(late: lab.Model) -> None:
    late.predict(FRAME)
    again = pickle.loads(pickle.dumps(late))
    assert again == late
    assert hash(again) == hash(late)
    assert (again.predict(FRAME) == late.predict(FRAME)).all()


def test_card_is_markdown(late: lab.Model) -> None:
    card = late.card()
    assert "late" in card
    assert card._repr_markdown_() == str(card)


def test_copied_folder_of_a_version_is_recognised(late: lab.Model, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(late.path, copy)
    found = lab.model(copy)
    assert isinstance(found, (lab.Model, lab.ModelFile))
    assert (found.predict(FRAME) == late.predict(FRAME)).all()


def test_columns_are_given_by_name_as_the_model_was_fitted(late: lab.Model) -> None:
    shuffled = FRAME.assign(other="text")[["other", "distance", "hour"]]
    assert late.predict(shuffled).tolist() == late.predict(FRAME).tolist()


def test_name_before_the_model_is_told_the_order(project: Project) -> None:
    with (
        lab.start_run("gbm") as run,
        pytest.raises(InvalidInput, match=r"The model comes first: log_model\(model, 'late'\)"),
    ):
        run.log_model("late", trained())


def test_what_a_model_says_of_itself_is_worth_reading(late: lab.Model) -> None:
    assert repr(late.signature).startswith("<Signature hour: integer")
    assert repr(late.check_policy("champion")) == (
        "<PolicyCheck champion passed>\n  passed: No unsafe format: sklearn."
    )


def test_version_named_as_elsewhere_is_told_as_here(project: Project) -> None:
    with pytest.raises(NotFound, match=r"Version 1 of churn is churn@1\.$"):
        lab.model("models:/churn/1")
    with pytest.raises(NotFound, match=r"Version 1 of churn is churn@1\.$"):
        lab.dataset("churn/1")
