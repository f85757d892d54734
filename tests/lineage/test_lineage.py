"""Lineage over a small concept of its own: walking, cycles, bounds, and who needs whom."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_lab.errors import Conflict, InvalidInput, NotFound
from mlops_lab.lineage import Lineage, needed_by, refuse_if_needed
from mlops_lab.lineage.walk import MAX_NODES
from mlops_lab.project import Project
from mlops_lab.store import ConceptTables, Fold, Store

BY = {"id": "ivo", "via": "os"}
THINGS = ConceptTables(
    name="things",
    ddl="""
    create table lab.thing(node varchar, alive boolean);
    create table lab.made(source varchar, target varchar, role varchar, strong boolean);
    """,
    folds=(
        Fold(
            ("thing.add",),
            """
            insert into lab.thing select line->>'$.data.node',
                coalesce((line->>'$.data.alive')::boolean, true)
            from lines where kind = 'thing.add';
            """,
        ),
        Fold(
            ("thing.edges",),
            """
            insert into lab.made
            select e[1], e[2], e[3], e[4] = 'strong' from (
                select unnest(from_json(line->'$.data.edges', '[["varchar"]]')) as e
                from lines where kind = 'thing.edges');
            insert into lab.thing
            select distinct node, true from (
                select unnest([e[1], e[2]]) as node from (
                    select unnest(from_json(line->'$.data.edges', '[["varchar"]]')) as e
                    from lines where kind = 'thing.edges'))
            where node not in (select node from lab.thing);
            """,
        ),
    ),
    nodes="select node, 'thing', node, '', null, alive from lab.thing",
    edges="select source, target, role, strong from lab.made",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, [THINGS])
    yield opened
    opened.close()


@pytest.fixture
def link(store: Store) -> Callable[..., None]:
    def make(*edges: str, strong: bool = True) -> None:
        rows = [[*edge.split(">"), "made", "strong" if strong else "weak"] for edge in edges]
        store.decide("thing.edges", {"edges": rows}, by=BY)

    return make


def ids(graph: object) -> set[str]:
    return {node.id for node in graph.nodes}  # type: ignore[attr-defined]


def test_a_graph_goes_both_ways_and_not_sideways(store: Store, link: Callable[..., None]) -> None:
    link("data>run", "run>model", "data>other", "model>score")
    graph = Lineage(store).graph("run")
    assert ids(graph) == {"data", "run", "model", "score"}
    assert [(edge.source, edge.target) for edge in graph.edges] == [
        ("data", "run"),
        ("model", "score"),
        ("run", "model"),
    ]
    assert graph.nodes[0].id == graph.focus == "run"
    assert not graph.truncated


@pytest.mark.parametrize(
    ("direction", "expected"), [("up", {"run", "data"}), ("down", {"run", "model"})]
)
def test_a_graph_goes_one_way_when_asked(
    store: Store, link: Callable[..., None], direction: str, expected: set[str]
) -> None:
    link("data>run", "run>model")
    assert ids(Lineage(store).graph("run", direction=direction)) == expected  # type: ignore[arg-type]


def test_a_cycle_ends(store: Store, link: Callable[..., None]) -> None:
    link("a>b", "b>c", "c>a", "a>a")
    graph = Lineage(store).graph("a", depth=100)
    assert ids(graph) == {"a", "b", "c"}
    assert not graph.truncated
    assert "see above" in repr(graph)


def test_a_depth_is_kept_and_what_is_left_out_is_said(
    store: Store, link: Callable[..., None]
) -> None:
    link(*(f"n{i}>n{i + 1}" for i in range(6)))
    graph = Lineage(store).graph("n0", depth=3)
    assert ids(graph) == {"n0", "n1", "n2", "n3"}
    assert graph.truncated
    assert "There is more" in repr(graph)
    assert not Lineage(store).graph("n0", depth=6).truncated
    assert ids(Lineage(store).graph("n3", depth=0)) == {"n3"}


def test_a_graph_is_bounded(store: Store, link: Callable[..., None]) -> None:
    link(*(f"data>run{i}" for i in range(MAX_NODES + 20)))
    began = time.perf_counter()
    graph = Lineage(store).graph("data")
    assert time.perf_counter() - began < 10
    assert len(graph.nodes) == MAX_NODES
    assert graph.truncated
    assert len(repr(graph).splitlines()) < 70


def test_a_chain_longer_than_pythons_stack_can_be_shown(
    store: Store, link: Callable[..., None]
) -> None:
    link(*(f"n{i}>n{i + 1}" for i in range(100)))
    graph = Lineage(store).graph("n0", depth=100)
    assert len(graph.nodes) == 101
    assert repr(graph)
    assert graph._repr_html_()


def test_an_unknown_node_and_a_wrong_depth_are_said(store: Store) -> None:
    with pytest.raises(NotFound, match="model:x@9"):
        Lineage(store).graph("model:x@9")
    with pytest.raises(InvalidInput, match="0 to 100"):
        Lineage(store).graph("model:x@9", depth=101)
    with pytest.raises(InvalidInput, match="both, up or down"):
        Lineage(store).graph("model:x@9", direction="sideways")  # type: ignore[arg-type]


def test_an_edge_to_what_nobody_knows_is_left_out(store: Store) -> None:
    store.decide("thing.add", {"node": "a"}, by=BY)
    store.decide("thing.edges", {"edges": []}, by=BY)
    assert Lineage(store).graph("a").edges == ()


def test_only_what_is_alive_and_strong_needs_its_source(
    store: Store, link: Callable[..., None]
) -> None:
    store.decide("thing.add", {"node": "gone", "alive": False}, by=BY)
    link("a>model", "a>gone")
    link("a>judge", strong=False)
    with store.read() as cursor:
        assert [node.id for node in needed_by(cursor, ["a"])] == ["model"]
        assert needed_by(cursor, ["a", "model"]) == []
        assert needed_by(cursor, []) == []


def test_the_maker_of_a_thing_does_not_hold_on_to_it_by_reading_it(
    store: Store, link: Callable[..., None]
) -> None:
    link("run>data", "data>run")
    link("data>other")
    with store.read() as cursor:
        assert [node.id for node in needed_by(cursor, ["data"])] == ["other"]
        assert [node.id for node in needed_by(cursor, ["run"])] == []


def test_a_refusal_names_what_needs_it_and_no_more_than_a_few(
    store: Store, link: Callable[..., None]
) -> None:
    link(*(f"a>m{i}" for i in range(8)), "b>only")
    with store.read() as cursor:
        with pytest.raises(Conflict, match=r"b cannot be deleted: thing only was made from it"):
            refuse_if_needed(cursor, ["b"], "b")
        with pytest.raises(Conflict, match=r"and 3 more were made") as caught:
            refuse_if_needed(cursor, ["a"], "a")
        refuse_if_needed(cursor, ["only"], "only")
    assert len(caught.value.details["needed_by"]) == 8


def test_a_label_is_text_in_html_and_in_a_terminal(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    run = project.runs.start(name="<img src=x onerror=alert(1)>\u202egpj")
    graph = project.lineage.graph(f"run:{run}")
    assert "<img" not in graph._repr_html_()
    assert "\u202e" not in repr(graph)
    assert json.dumps(graph.to_json())
    project.close()
