from __future__ import annotations

import logging
import re
from html.parser import HTMLParser

import pytest

import mlops_lab as lab
from mlops_lab.errors import Forbidden, InvalidInput, NotFound
from mlops_lab.handles.table import Grid, Mark, draw_html, draw_text
from mlops_lab.project import Project

EVIL = "<script>alert(1)</script>\"'&\u202e"


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A project of 120 runs, so that there are several pages."""
    project = Project.create(tmp_path_factory.mktemp("table") / "project")
    for i in range(120):
        run = project.runs.start(
            name=f"run {i:03}" if i else EVIL,
            params={"depth": i % 7, "seed": 7, "model": "gbm" if i % 2 else "rf"},
            tags={"team": "ops"} if i % 3 else {},
        )
        project.runs.log_metrics(run, {"auc": 0.5 + i / 1000, "loss": 1 - i / 1000}, step=0)
        project.runs.end(run)
    yield project
    project.close()


@pytest.fixture
def project(whole, monkeypatch):
    monkeypatch.setenv("MLOPS_LAB_PROJECT", str(whole.root))
    return whole


def test_runs_are_iterated_over_all_pages_as_handles(project):
    names = [run.name for run in lab.runs(order_by="started")]
    assert names == [EVIL, *(f"run {i:03}" for i in range(1, 120))]


def test_len_is_the_number_of_matches(project):
    assert len(lab.runs()) == 120
    assert len(lab.runs("best(auc) < 0.51")) == 10
    assert not lab.runs("name = 'nobody'")


def test_only_the_pages_that_are_looked_at_are_read(project, monkeypatch):
    asked: list[int] = []
    search = type(project.runs).search

    def count(self, *args, **kwargs):
        asked.append(kwargs["limit"])
        return search(self, *args, **kwargs)

    monkeypatch.setattr(type(project.runs), "search", count)
    found = lab.runs(order_by="started")
    assert (len(found), found[0].name, found[49].name) == (120, EVIL, "run 049")
    assert asked == [50]
    assert found[119].name == "run 119"
    assert len(asked) == 2


def test_a_found_run_shows_what_changed_since(tmp_path, monkeypatch):
    project = Project.create(tmp_path)
    monkeypatch.setenv("MLOPS_LAB_PROJECT", str(tmp_path))
    ended = project.runs.start(name="a")
    project.runs.end(ended)
    project.runs.start(name="b")
    first, second = lab.runs(order_by="started")
    assert (first.name, second.status) == ("a", "running")
    first.rename("c")
    project.runs.end(second.id)
    assert (first.name, second.status) == ("c", "finished")
    project.close()


def test_rows_are_indexed_and_sliced(project):
    found = lab.runs(order_by="started")
    assert found[-1].name == "run 119"
    assert [run.name for run in found[100:106:2]] == ["run 100", "run 102", "run 104"]
    assert len(found[:60]) == 60
    assert [run.name for run in found[::-1][:2]] == ["run 119", "run 118"]
    assert isinstance(found[:3], lab.Runs)
    assert found[200:].df().empty
    with pytest.raises(IndexError, match="120"):
        found[120]
    with pytest.raises(IndexError):
        found[-121]


def test_a_wrong_search_is_said_at_its_line(project):
    with pytest.raises(InvalidInput, match=r"best\(auc\)"):
        lab.runs("auc > 0.7")
    with pytest.raises(InvalidInput):
        lab.runs(order_by="auc desc")


@pytest.mark.parametrize("wrong", [{"where": 3}, {"where": b"x"}, {"order_by": ["name"]}])
def test_a_search_that_is_no_text_is_refused(project, wrong):
    with pytest.raises(InvalidInput, match="is text"):
        lab.runs(**wrong)


def test_children_are_found_by_the_run_or_its_id(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LAB_PROJECT", str(Project.create(tmp_path / "project").root))
    with lab.start_run("a") as parent, lab.start_run("b") as child:
        pass
    for given in (parent, parent.id, parent.id[:8]):
        assert list(lab.runs(parent=given)) == [child]
    assert list(lab.runs(parent=None)) == [parent]
    assert len(lab.runs()) == 2
    with pytest.raises(NotFound):
        lab.runs(parent="ffff")


def test_df_has_params_metrics_and_tags_as_columns(project):
    frame = lab.runs("params.depth < 2", order_by="started").df()
    assert len(frame) == 35
    assert frame["name"].tolist()[:2] == [EVIL, "run 001"]
    assert frame["params.depth"].dtype == "float64"
    assert frame["params.model"].tolist()[:2] == ["rf", "gbm"]
    assert frame["metrics.auc"].tolist()[:2] == [0.5, 0.501]
    assert frame["tags.team"].isna().tolist()[:2] == [True, False]
    assert str(frame["started_at"].dt.tz) == "UTC"
    assert frame["duration_s"].ge(0).all()
    assert frame["run_id"].str.fullmatch("[0-9a-f]{32}").all()


def test_arrow_and_polars_have_the_same_rows(project):
    found = lab.runs(order_by="best(auc) desc")
    arrow = found.arrow()
    assert arrow.num_rows == 120
    assert arrow["name"].to_pylist() == [run.name for run in found]
    assert found.polars()["name"].to_list() == arrow["name"].to_pylist()


def test_a_param_that_is_not_always_a_number_stays_text(tmp_path, monkeypatch):
    project = Project.create(tmp_path)
    monkeypatch.setenv("MLOPS_LAB_PROJECT", str(tmp_path))
    project.runs.start(params={"depth": 6})
    project.runs.start(params={"depth": "deep"})
    project.runs.start()
    frame = lab.runs(order_by="started").df()
    assert frame["params.depth"].fillna("").tolist() == ["6", "deep", ""]
    project.close()


def test_best_goes_by_the_goal(project):
    assert lab.runs().best("auc").name == "run 119"
    assert lab.runs().best("loss").name == "run 119"
    assert lab.runs("best(auc) < 0.51").best("auc").name == "run 009"
    assert lab.runs(order_by="started")[:5].best("auc").name == "run 004"


@pytest.mark.parametrize("pick", [lambda runs: runs, lambda runs: runs[:5]])
def test_best_of_an_unknown_metric_names_the_nearest(project, pick):
    with pytest.raises(NotFound, match=r"'acu'\. Did you mean 'auc'"):
        pick(lab.runs()).best("acu")


def test_compare_shows_what_differs_and_says_what_does_not(project):
    compared = lab.runs(order_by="started")[1:4].compare()
    assert compared.arrow().column_names == [
        "name",
        "metrics.auc",
        "metrics.loss",
        "params.depth",
        "params.model",
        "tags.team",
    ]
    assert "equal in all: params.seed = 7.0" in repr(compared)
    assert "the first 20 of 120 runs" in repr(lab.runs().compare())


def test_the_html_says_how_much_it_shows_and_escapes_everything(project):
    html = Tags(lab.runs(order_by="started")._repr_html_())
    assert "showing 50 of 120" in html.text
    assert EVIL in html.text
    assert set(html.tags) == {"div", "table", "thead", "tbody", "tr", "th", "td", "span", "bdi"}
    assert html.attributes <= {"style", "title"}
    assert html.tags.count("tr") == 51


def test_the_text_says_how_much_it_shows(project):
    text = repr(lab.runs(order_by="started"))
    assert text.startswith("<Runs: showing 10 of 120>\n")
    assert len(text.splitlines()) == 12
    assert all(len(line) <= 110 for line in text.splitlines())
    assert "\u202e" not in text
    assert "best(auc)" in text


def test_no_runs_say_what_could_be_meant(project):
    found = lab.runs("best(acu) > 0.1")
    assert repr(found) == "<Runs: no runs. No run has a metric acu. Did you mean auc?>"
    assert "Did you mean auc" in found._repr_html_()
    assert found.df().empty


def test_an_empty_project_has_no_runs(tmp_path, monkeypatch):
    project = Project.create(tmp_path)
    monkeypatch.setenv("MLOPS_LAB_PROJECT", str(tmp_path))
    found = lab.runs()
    assert (len(found), list(found), repr(found)) == (0, [], "<Runs: no runs.>")
    assert found.df().empty
    project.close()


def test_sql_gives_rows_as_dictionaries(project):
    table = lab.sql("select name, experiment from runs where name = ?", ["run 007"])
    assert list(table) == [{"name": "run 007", "experiment": "Default"}]
    assert table[0]["name"] == "run 007"
    assert len(table) == 1


def test_sql_gives_frames(project):
    table = lab.sql("select key, value from params order by key")
    assert len(table) == 360
    assert table.df().columns.tolist() == ["key", "value"]
    assert table.polars().height == table.arrow().num_rows == 360
    assert [row["key"] for row in table[:2]] == ["depth", "depth"]


def test_sql_columns_of_one_name_are_told_apart(project):
    assert lab.sql("select 1 as a, 2 as a, 3 as a_1")[0] == {"a": 1, "a_1": 2, "a_1_1": 3}


@pytest.mark.parametrize(
    "value", ["date '5000000-01-01'", "timestamp 'infinity'", "[timestamptz '-infinity']"]
)
def test_sql_values_that_python_cannot_hold_are_said(project, value):
    table = lab.sql(f"select {value} as x, 1 as y")
    [row] = table
    assert row["y"] == 1
    assert "out of range" in row["x"]
    assert "out of range" in repr(table)
    assert "out of range" in table._repr_html_()


def test_sql_html_is_escaped(project):
    html = Tags(lab.sql("select '<b>' as \"<i>\", 1.5 as x, null as y")._repr_html_())
    assert "<b>" in html.text
    assert "<i>" in html.text
    assert not {"b", "i"} & set(html.tags)
    assert "–" in html.text


def test_sql_says_when_it_was_cut(project, caplog):
    with caplog.at_level(logging.WARNING, "mlops_lab"):
        table = lab.sql("select range as n from range(100001)")
    assert len(table) == 100_000
    assert "cut at 100,000 rows" in caplog.text
    assert "cut at 100,000 rows" in repr(table)
    assert "showing 50 of 100,000" in table._repr_html_()


def test_sql_is_in_its_sandbox(project):
    with pytest.raises(Forbidden):
        lab.sql("select * from read_text('/etc/passwd')")
    with pytest.raises(InvalidInput, match=r"there are .*artifacts"):
        lab.sql("select * from rnus")


def test_sql_views_can_all_be_read(project):
    for view in lab.sql("select view_name from duckdb_views() where database_name = 'lab'"):
        lab.sql(f"select * from {view['view_name']} limit 1")


def test_a_wide_table_ends_in_an_ellipsis_in_text():
    grid = Grid(tuple(f"column {i}" for i in range(30)), (tuple(range(30)),))
    lines = draw_text(grid).splitlines()
    assert all(line.endswith("…") and len(line) < 110 for line in lines)


def test_cells_are_drawn_by_what_they_are():
    grid = Grid(
        ("a", "b", "c"), ((Mark("●", "red", "x"), 0.123456, None), ("y" * 90, 12431.0, True))
    )
    assert "0.1235" in draw_text(grid)
    assert "12,431" in draw_text(grid)
    html = Tags(draw_html(grid, "2 rows"))
    assert "●" in html.text
    assert "True" in html.text
    assert "y" * 90 not in html.text


def test_tables_are_the_ones_that_help_names(project: Project) -> None:
    from mlops_lab.cli.sql import sql as command

    with project.store.read() as connection:
        views = connection.execute(
            "select view_name from duckdb_views() where schema_name = 'lab' and not internal"
        ).fetchall()
    for text in (lab.sql.__doc__, command.help):
        assert {view for (view,) in views} <= set(re.findall(r"\w+", str(text)))
