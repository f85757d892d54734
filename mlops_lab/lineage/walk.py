"""Walking the graph: from a node to all that it was made from, and all that was made from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

# What concepts state is worked out once for a walk: each look at the view reads all runs.
_EDGES: Final = """
create or replace temp table lineage_edge as
select source, target, role, bool_or(strong) as strong from lab.edges
group by source, target, role
"""
_FACTS: Final = """
select node, kind, label, detail, "at", alive from lab.nodes
where node in (select unnest($nodes::varchar[])) order by "at" desc nulls last, node
"""
_UP: Final = """
select distinct source from lineage_edge where target in (select unnest($nodes::varchar[]))
"""
_DOWN: Final = """
select distinct target from lineage_edge where source in (select unnest($nodes::varchar[]))
"""
_BETWEEN: Final = """
with wanted as (select unnest($nodes::varchar[]) as node)
select source, target, role, strong from lineage_edge
where source in (from wanted) and target in (from wanted) order by source, target, role
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
            cursor.execute(_EDGES)
            found: dict[str, None] = {node: None}
            more = False
            if direction != "down":
                more |= _follow(cursor, _UP, found, node, depth)
            if direction != "up":
                more |= _follow(cursor, _DOWN, found, node, depth)
            known = {facts.id: facts for facts in _facts(cursor, found)}
            if node not in known:
                raise NotFound(
                    f"There is no {node[:200]!r} in this project. A node is a kind and an id: "
                    "dataset:NAME@3, run:ID, model:NAME@3."
                )
            rows = cursor.execute(_BETWEEN, {"nodes": list(known)}).fetchall()
        nodes = tuple(known[each] for each in found if each in known)
        return Graph(node, nodes, tuple(Edge(*row) for row in rows), more)


def facts_of(row: Sequence[Any]) -> NodeFacts:
    """Make a node of a row of ``lab.nodes``."""
    node, kind, label, detail, at, alive = row
    when = None if at is None else at.replace(tzinfo=UTC)
    return NodeFacts(node, kind, label or node, detail or "", when, bool(alive))


def _follow(
    cursor: DuckDBPyConnection, sql: str, found: dict[str, None], focus: str, depth: int
) -> bool:
    """Add what is reached to ``found``, a ring at a time; say whether there is more beyond.

    What was seen this way is not asked again, so a cycle ends by itself. What the other way found
    is followed nevertheless: it is in the graph, but what lies beyond it this way is not.
    """
    seen, ring = {focus}, [focus]
    for _ in range(depth):
        near = [node for node in _beyond(cursor, sql, ring) if node not in seen]
        fresh = [node for node in near if node not in found]
        room = max(0, MAX_NODES - len(found))
        if len(fresh) > room:
            # Of too many the newest are worth more, so only then it is asked how old they are.
            newest = [facts.id for facts in _facts(cursor, fresh)][:room]
            found.update(dict.fromkeys(newest))
            return True
        ring = near
        seen.update(ring)
        found.update(dict.fromkeys(fresh))
    return any(node not in seen for node in _beyond(cursor, sql, ring))


def _beyond(cursor: DuckDBPyConnection, sql: str, nodes: Sequence[str]) -> list[str]:
    if not nodes:
        return []
    return sorted(node for (node,) in cursor.execute(sql, {"nodes": list(nodes)}).fetchall())


def _facts(cursor: DuckDBPyConnection, nodes: Iterable[str]) -> list[NodeFacts]:
    """What is known of these nodes, newest first."""
    rows = cursor.execute(_FACTS, {"nodes": list(nodes)}).fetchall()
    return [facts_of(row) for row in rows]
