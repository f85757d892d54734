"""Runs in the graph, and a run that must stay because something was made from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_lab.errors import Conflict, Forbidden, NotFound
from mlops_lab.governance import Identity, Rules
from mlops_lab.handles.run import Run
from mlops_lab.project import Project
from mlops_lab.store import ConceptTables, Fold, Store
from mlops_lab.tracking import TABLES, ExperimentManager, RunManager

BY = {"id": "ivo", "via": "os"}
MODELS = ConceptTables(
    name="made",
    ddl="create table lab.made(node varchar, run varchar, alive boolean);",
    folds=(
        Fold(
            ("made.add", "made.delete"),
            """
            insert into lab.made
            select line->>'$.data.node', line->>'$.data.run', true
            from lines where kind = 'made.add';
            update lab.made set alive = false where node in
                (select line->>'$.data.node' from lines where kind = 'made.delete');
            """,
        ),
    ),
    nodes="select node, 'model', node, '', null, alive from lab.made",
    edges="select 'run:' || run, node, 'made', true from lab.made",
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    opened = Project.create(tmp_path / "project")
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, (TABLES, MODELS))
    yield opened
    opened.close()


@pytest.fixture
def runs(store: Store, project: Project) -> RunManager:
    experiments = ExperimentManager(store, project.identity)
    return RunManager(store, experiments, project.identity, dict, project.runs.search)


def test_a_run_shows_its_parts_and_its_whole(project: Project) -> None:
    parent = project.runs.start(name="flight-delay-1", kind="pipeline")
    child = project.runs.start(name="train", kind="step", parent=parent)
    project.runs.end(child)
    graph = Run(project, child).lineage()
    assert [(edge.source, edge.target, edge.role, edge.strong) for edge in graph.edges] == [
        (f"run:{parent}", f"run:{child}", "part", False)
    ]
    assert graph.nodes[0].label == "train"
    assert graph.nodes[0].detail.startswith("step of flight-delay-1, 0.")
    assert graph.nodes[1].detail == "pipeline, running"
    assert project.sql("select role from lineage").arrow.to_pylist() == [{"role": "part"}]


def test_a_run_from_which_something_was_made_stays_until_that_is_gone(
    store: Store, runs: RunManager
) -> None:
    parent = runs.start(name="whole")
    child = runs.start(name="part", parent=parent)
    alone = runs.start(name="alone")
    for run in (child, parent, alone):
        runs.end(run)
    store.decide("made.add", {"node": "flight-delay 6", "run": child}, by=BY)
    with pytest.raises(Conflict, match="whole cannot be deleted: model flight-delay 6") as caught:
        runs.delete([parent])
    assert caught.value.details["needed_by"] == [
        {"id": "flight-delay 6", "kind": "model", "label": "flight-delay 6"}
    ]
    with pytest.raises(Conflict, match="alone and 1 more cannot"):
        runs.delete([alone, child])
    assert runs.get(alone).lifecycle == "active"
    store.decide("made.delete", {"node": "flight-delay 6"}, by=BY)
    assert sorted(runs.delete([parent])) == sorted([parent, child])
    assert runs.restore([parent])


def test_a_deleted_run_is_shown_as_such(project: Project) -> None:
    parent = project.runs.start(name="whole")
    child = project.runs.start(name="part", parent=parent)
    for run in (child, parent):
        project.runs.end(run)
    project.runs.delete([child])
    assert "deleted" in repr(project.lineage.graph(f"run:{parent}"))


def test_only_an_admin_deletes_the_runs_of_others(project: Project) -> None:
    mara, ivo = Identity("mara", "jupyter"), Identity("ivo", "jupyter")
    project.access.adopt(Rules.of({"mara": "contributor", "ivo": "admin"}, None))
    hers = project.runs.start(name="hers", by=mara)
    his = project.runs.start(name="his", by=ivo)
    for run in (hers, his):
        project.runs.end(run)
    with pytest.raises(Forbidden, match="mara is contributor"):
        project.runs.delete([hers, his], by=mara)
    with pytest.raises(Forbidden, match="viewer"):
        project.runs.delete([hers])
    assert project.runs.delete([hers], by=mara) == [hers]
    assert project.runs.restore([hers], by=mara) == [hers]
    assert sorted(project.runs.delete([hers, his], by=ivo)) == sorted([hers, his])


def test_a_run_that_made_the_same_data_again_may_go(project: Project) -> None:
    (project.root / "a.csv").write_text("n\n1\n")
    made = []
    for name in ("first", "again"):
        run = project.runs.start(name=name)
        project.datasets.commit("a", project.root / "a.csv", run_id=run)
        project.runs.end(run)
        made.append(run)
    edges = project.lineage.graph("dataset:a@1").edges
    assert {edge.source: edge.strong for edge in edges} == {
        f"run:{made[0]}": True,
        f"run:{made[1]}": False,
    }
    with pytest.raises(Conflict, match="dataset a 1"):
        project.runs.delete([made[0]])
    assert project.runs.delete([made[1]]) == [made[1]]
    project.datasets.delete("a", 1)
    assert project.runs.delete([made[0]]) == [made[0]]


def test_data_leads_to_the_run_and_back(project: Project) -> None:
    (project.root / "a.csv").write_text("n\n1\n")
    project.datasets.commit("a", project.root / "a.csv")
    run = project.runs.start(name="fit")
    project.datasets.use(run, "a", role="train")
    project.runs.end(run)
    assert "comes from\n└─ dataset a 1" in repr(Run(project, run).lineage())
    with pytest.raises(Conflict, match="run fit was made from it"):
        project.datasets.delete("a", 1)
    project.runs.delete([run])
    assert project.datasets.delete("a", 1).version == 1
    with pytest.raises(NotFound):
        project.datasets.get("a")
