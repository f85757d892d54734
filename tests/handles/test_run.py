"""The handle of a run: live or found it reads through, and what it shows is worth reading."""

import math
import multiprocessing
import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mlops_lab as lab
from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.handles import card
from mlops_lab.project import Project
from mlops_lab.tracking.records import RunRecord

HOSTILE = "<img src=x onerror=alert(1)>\"'</td></script><script>alert(2)</script>&‮"


@pytest.fixture
def run(project: Project) -> lab.Run:
    with lab.start_run(
        "gbm",
        params={"depth": 6, "lr": 0.1, "flag": True, "none": None, "layers": [1, 2], "text": "6"},
    ) as opened:
        for step, value in enumerate((0.5, 0.2, 0.3)):
            opened.log_metric("loss", value, step)
        opened.log_metrics({"auc": 0.7})
    return opened


def test_found_run_reads_the_same_as_the_live_one(run: lab.Run) -> None:
    found = lab.run(run.id[:6])
    assert found == run
    assert hash(found) == hash(run)
    assert found.status == "finished"
    assert found.history("loss").values == [0.5, 0.2, 0.3]


def test_live_run_shows_what_another_handle_logs(project: Project) -> None:
    with lab.start_run() as live:
        lab.run(live.id).log_metric("x", 1)
        assert live.metrics["x"].last == 1
        lab.run(live.id).rename("better")
        assert live.name == "better"


def test_params_come_back_as_they_were(run: lab.Run) -> None:
    assert dict(run.params) == {
        "depth": 6,
        "lr": 0.1,
        "flag": True,
        "none": None,
        "layers": [1, 2],
        "text": "6",
    }
    assert run.params.get("nope") is None
    with pytest.raises(NotFound, match="'depth'"):
        run.params["dept"]
    assert "depth" in repr(run.params)


def test_metrics_have_last_and_best(run: lab.Run) -> None:
    loss = run.metrics["loss"]
    assert (loss.last, loss.best, loss.best_step, loss.n) == (0.3, 0.2, 1, 3)
    assert run.metrics["auc"].best == 0.7
    assert list(run.metrics) == ["loss", "auc"]
    assert len(run.metrics) == 2
    assert repr(run.metrics) == "<Metrics loss=0.3, auc=0.7>"
    with pytest.raises(NotFound, match="Did you mean 'loss'"):
        run.metrics["los"]
    with pytest.raises(NotFound, match="Did you mean 'loss'"):
        run.history("losss")
    assert run.metrics.get("nope") is None


def test_changed_param_is_kept_and_marked(run: lab.Run) -> None:
    run.log_param("lr", 0.2)
    assert run.params["lr"] == 0.2
    assert run.params.records["lr"].changed
    assert "(changed)" in run._repr_html_()


@pytest.mark.parametrize(
    "call",
    [
        lambda r: r.log_metric("loss", "high"),
        lambda r: r.log_metric("loss", 1, step="a"),
        lambda r: r.log_metrics([("a", 1)]),
        lambda r: r.log_params("a"),
        lambda r: r.set_tags(["a"]),
        lambda r: r.log_text(3, "x"),
        lambda r: r.log_dict("x"),
        lambda r: r.log_figure(3),
        lambda r: r.log_table(3),
        lambda r: r.log_artifact("no-such-file"),
        lambda r: r.log_artifacts("no-such-folder"),
        lambda r: r.log_artifact("."),
        lambda r: r.log_text("x", "../x"),
        lambda r: r.log_text("x", 3),
        lambda r: r.note(""),
        lambda r: r.history(3),
        lambda r: r.history("loss", points=0),
        lambda r: r.history("loss", points="a"),
        lambda r: r.delete_tag(3),
        lambda r: lab.runs().best(3),  # type: ignore[arg-type]
        lambda r: lab.runs().best(""),
        lambda r: lab.sql(3),  # type: ignore[arg-type]
        lambda r: lab.sql("select ?", 3),  # type: ignore[arg-type]
        lambda r: lab.sql("select ?", "a"),
    ],
)
def test_wrong_types_are_refused_clearly(run: lab.Run, call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInput):
        call(run)


def test_all_kinds_of_files_come_back(run: lab.Run, tmp_path: Path) -> None:
    run.log_table(pd.DataFrame({"a": [1, 2]}), "errors")
    run.log_text("größe", "notes/readme")
    run.log_dict({"a": math.nan}, "facts")
    run.log_image(np.zeros((2, 2)), "blank")
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "m.bin").write_bytes(b"1")
    (tmp_path / "out" / "deep" / "n.csv").write_text("a,b\n1,2\n")
    run.log_artifact(tmp_path / "out" / "m.bin")
    run.log_artifact(str(tmp_path / "out" / "m.bin"), "models")
    run.log_artifacts(tmp_path / "out", "all")
    found = run.artifacts
    assert list(found) == [
        "all/deep/n.csv",
        "all/m.bin",
        "blank.png",
        "errors.parquet",
        "facts.json",
        "m.bin",
        "models/m.bin",
        "notes/readme.txt",
    ]
    assert found["errors.parquet"].df()["a"].tolist() == [1, 2]
    assert found["all/deep/n.csv"].df()["b"].tolist() == [2]
    assert found["notes/readme.txt"].read_text() == "größe"
    assert found["facts.json"].json() == {"a": "NaN"}
    assert found["m.bin"].media_type == "application/octet-stream"
    assert found["m.bin"].save(tmp_path).read_bytes() == b"1"
    with pytest.raises(InvalidInput, match="no table"):
        found["m.bin"].df()
    with pytest.raises(NotFound, match=r"errors\.parquet"):
        found["error.parquet"]


def test_bytes_that_were_deleted_are_said(run: lab.Run) -> None:
    run.log_text("hello", "a")
    artifact = run.artifacts["a.txt"]
    artifact._file.unlink()
    for read in (artifact.read_bytes, artifact.read_text, artifact.json, artifact.df):
        with pytest.raises(NotFound, match=r"a\.txt are not in the store any more"):
            read()
    run.log_text("hello", "a")
    assert artifact.read_text() == "hello"


def test_long_names_do_not_fill_the_message(run: lab.Run) -> None:
    run.log_metrics({f"{i}{'k' * 900}": i for i in range(20)})
    with pytest.raises(NotFound, match=r"and 1\d more") as caught:
        run.metrics["k"]
    assert len(str(caught.value)) < 1_200


def test_names_of_artifacts_may_be_hostile(run: lab.Run) -> None:
    name = HOSTILE.replace("/", "")
    run.log_text("x", f"a/{name}.txt")
    assert run.artifacts[f"a/{name}.txt"].read_text() == "x"


def test_handle_goes_to_other_processes_and_logs_there(run: lab.Run) -> None:
    assert pickle.loads(pickle.dumps(run)) == run
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(run.log_metric, "far", 1.5).result(timeout=60)
    assert run.metrics["far"].last == 1.5


def test_deleted_run_says_so(run: lab.Run) -> None:
    run.end()
    assert "deleted" not in repr(run)
    run.delete()
    assert "finished · deleted" in repr(run)
    assert "deleted" in (run._repr_html_() or "")


def test_run_that_cannot_be_read_has_a_text(run: lab.Run) -> None:
    lost = lab.Run(run._project, "f" * 32)
    assert repr(lost).startswith("<Run ffffffff cannot be read: There is no run")
    assert lost._repr_html_() is None


def test_verbs_settle(run: lab.Run) -> None:
    run.set_tag("a", 1)
    run.set_tags({"b": "2"})
    run.delete_tag("a")
    run.star()
    run.note("first model with weather")
    assert run.tags == {"b": "2", "mlops.star": "true"}
    assert run.record.starred
    assert [note.text for note in run.notes] == ["first model with weather"]
    run.delete()
    assert run.record.lifecycle == "deleted"
    run.restore()
    assert run.record.lifecycle == "active"
    run.end()
    assert run.status == "finished"


class Strict(HTMLParser):
    """Collects tags and attributes, and that they are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_hostile_names_do_not_get_out_of_the_card(project: Project) -> None:
    run = lab.start_run(HOSTILE, HOSTILE, params={HOSTILE: HOSTILE}, tags={HOSTILE: HOSTILE})
    run.log_metric(HOSTILE, 1)
    run.note(HOSTILE)
    run.log_text("x", HOSTILE.replace("/", ""))
    error = {"name": HOSTILE, "message": HOSTILE}
    project.runs.end(run.id, "failed", reason=HOSTILE, error=error)
    for shown in (run, run.params, run.metrics, run.artifacts):
        page = Strict()
        page.feed(shown._repr_html_())  # type: ignore[attr-defined]
        assert page.open == []
        assert page.tags <= {
            "div",
            "span",
            "b",
            "bdi",
            "code",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        }
        assert page.names <= {"style", "title", "dir", "colspan"}
    # A mark that turns the direction of text around must not reach a terminal.
    assert "‮" not in repr(run)


def test_card_says_what_matters(run: lab.Run) -> None:
    run.set_tag("team", "ops")
    text = re.sub(r"<[^>]+>", " ", run._repr_html_())
    for word in ("gbm", run.id[:8], "finished", "loss", "0.2", "depth", "team"):
        assert word in text
    assert repr(run).startswith(f"<Run gbm ({run.id[:8]}) finished · loss 0.3 · ")


def test_long_lists_are_cut_and_say_so(project: Project) -> None:
    with lab.start_run("a", params={f"p{i}": i for i in range(30)}) as run:
        pass
    assert "showing 12 of 30" in run._repr_html_()


def test_repr_of_a_run_with_nothing_yet(project: Project) -> None:
    run = lab.start_run("a")
    assert re.fullmatch(rf"<Run a \({run.id[:8]}\) running · [\d.]+ m?s>", repr(run))
    assert repr(run.metrics) == "<Metrics none yet>"
    assert repr(run.artifacts) == "<Artifacts none yet>"
    assert RunRecord.__doc__
    assert card.run_card(run.record, params=[], metrics=[], tags={}, artifacts=[], notes=[])


def test_child_has_its_parents_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLOPS_LAB_TRACKING_ENVIRONMENT")
    with lab.start_run("parent") as parent, lab.start_run("child") as child:
        pass
    assert parent.environment is not None
    assert child.environment == parent.environment


def test_reading_before_there_is_a_project_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLOPS_LAB_PROJECT", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound, match="start_run"):
        lab.run("abcd")
    assert list(tmp_path.iterdir()) == []


def test_data_itself_is_told_to_be_kept_first(run: lab.Run) -> None:
    with pytest.raises(InvalidInput, match=r"got a DataFrame\. Keep it first: run\.use\("):
        run.use(pd.DataFrame({"a": [1]}))  # type: ignore[call-overload]
    with pytest.raises(InvalidInput, match=r"by reference .* a path; got 3"):
        run.use(3)  # type: ignore[call-overload]
    with pytest.raises(InvalidInput, match="log_artifact keeps a file, by its path; got DataFrame"):
        run.log_artifact(pd.DataFrame({"a": [1]}))  # type: ignore[arg-type]
