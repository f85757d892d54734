"""Walking the graph: from a node to all that it was made from, and all that was made from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.lineage.graph import Edge, Graph, NodeFacts
from mlops_lab.store import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["MAX_DEPTH", "MAX_NODES", "Direction", "Lineage", "facts_of"]

Direction = Literal["both", "up", "down"]

MAX_DEPTH: Final = 100
MAX_NODES: Final = 500
"""A graph that people look at; what is left out is said."""

_FACTS: Final = """
select node, kind, label, detail, "at", alive from lab.nodes
where node in (select unnest($nodes::varchar[]))
"""
_UP: Final = """
select distinct n.node, n.kind, n.label, n.detail, n.at, n.alive
from lab.edges e join lab.nodes n on n.node = e.source
where e.target in (select unnest($nodes::varchar[])) order by n.at desc nulls last, n.node
"""
_DOWN: Final = """
select distinct n.node, n.kind, n.label, n.detail, n.at, n.alive
from lab.edges e join lab.nodes n on n.node = e.target
where e.source in (select unnest($nodes::varchar[])) order by n.at desc nulls last, n.node
"""
_BETWEEN: Final = """
with wanted as (select unnest($nodes::varchar[]) as node)
select source, target, role, bool_or(strong) from lab.edges
where source in (from wanted) and target in (from wanted)
group by source, target, role order by source, target, role
"""


class Lineage:
    """The lineage of one project. Safe to use from several threads.

    Parameters
    ----------
    store
        Whose concepts state nodes and edges.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def graph(self, node: str, *, direction: Direction = "both", depth: int = 6) -> Graph:
        """Follow the edges from a node.

        Parameters
        ----------
        node
            ``kind:id``, as ``model:flight-delay@6``.
        direction
            ``up``: what it was made from; ``down``: what was made from it; or both.
        depth
            How many edges to follow, 0 to 100.

        Raises
        ------
        NotFound
            There is no such node.
        InvalidInput
            The depth or the direction is none.
        """
        if not isinstance(depth, int) or not 0 <= depth <= MAX_DEPTH:
            raise InvalidInput(f"A depth is a number from 0 to {MAX_DEPTH}; got {depth!r}.")
        if direction not in get_args(Direction):
            raise InvalidInput(f"A direction is both, up or down; got {direction!r}.")
        with self._store.read() as cursor:
            focus = _read(cursor, _FACTS, [node])
            if not focus:
                raise NotFound(
                    f"There is no {node[:200]!r} in this project. A node is a kind and an id: "
                    "dataset:NAME@3, run:ID, model:NAME@3."
                )
            found, more = {focus[0].id: focus[0]}, False
            if direction != "down":
                more |= _follow(cursor, _UP, found, focus, depth)
            if direction != "up":
                more |= _follow(cursor, _DOWN, found, focus, depth)
            rows = cursor.execute(_BETWEEN, {"nodes": list(found)}).fetchall()
        return Graph(node, tuple(found.values()), tuple(Edge(*row) for row in rows), more)


def facts_of(row: Sequence[Any]) -> NodeFacts:
    """Make a node of a row of ``lab.nodes``."""
    node, kind, label, detail, at, alive = row
    when = None if at is None else at.replace(tzinfo=UTC)
    return NodeFacts(node, kind, label or node, detail or "", when, bool(alive))


def _follow(
    cursor: DuckDBPyConnection,
    sql: str,
    found: dict[str, NodeFacts],
    start: Collection[NodeFacts],
    depth: int,
) -> bool:
    """Add what is reached to ``found``, a ring at a time; say whether there is more beyond.

    What was seen this way is not asked again, so a cycle ends by itself. What the other way found
    is followed nevertheless: it is in the graph, but what lies beyond it this way is not.
    """
    seen = {node.id for node in start}
    ring = [node.id for node in start]
    for _ in range(depth):
        near = [node for node in _read(cursor, sql, ring) if node.id not in seen]
        if not near:
            return False
        room = MAX_NODES - len(found)
        fresh = [node for node in near if node.id not in found]
        left_out = {node.id for node in fresh[max(room, 0) :]}
        ring = [node.id for node in near if node.id not in left_out]
        seen.update(ring)
        found.update((node.id, node) for node in fresh[: max(room, 0)])
        if left_out:
            return True
    return any(node.id not in seen for node in _read(cursor, sql, ring)) if ring else False


def _read(cursor: DuckDBPyConnection, sql: str, nodes: Iterable[str]) -> list[NodeFacts]:
    rows = cursor.execute(sql, {"nodes": list(nodes)}).fetchall()
    return [facts_of(row) for row in rows]
