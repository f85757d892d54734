"""Who needs what: the question that every delete asks, inside the decision's lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from mlops_lab.errors import Conflict
from mlops_lab.lineage.graph import NodeFacts
from mlops_lab.lineage.walk import facts_of
from mlops_lab.wording import listed

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["needed_by", "refuse_if_needed"]

_NAMED: Final = 5

# What goes along needs nothing; nor does the maker of a thing need it because it also read it,
# else neither of the two could ever be deleted.
_NEEDED_BY: Final = """
with asked as (select unnest($nodes::varchar[]) as node),
     strong as materialized (select distinct source, target from lab.edges where strong)
select distinct n.node, n.kind, n.label, n.detail, n.at, n.alive
from strong e join lab.nodes n on n.node = e.target
where n.alive and e.source in (from asked) and e.target not in (from asked)
  and not exists (select 1 from strong b where b.source = e.target and b.target = e.source)
order by n.at desc nulls last, n.node
"""


def needed_by(cursor: DuckDBPyConnection, nodes: Iterable[str]) -> list[NodeFacts]:
    """Find what is alive and was made from one of these nodes by a strong edge, newest first.

    Parameters
    ----------
    cursor
        On an attached index: the one that ``store.decide`` gives.
    nodes
        What is to go, all of it: what goes along with the rest does not count.
    """
    rows = cursor.execute(_NEEDED_BY, {"nodes": list(nodes)}).fetchall()
    return [facts_of(row) for row in rows]


def refuse_if_needed(cursor: DuckDBPyConnection, nodes: Iterable[str], what: str) -> None:
    """Refuse to delete what something alive was made from.

    Parameters
    ----------
    cursor, nodes
        As of `needed_by`.
    what
        What people call the thing that is to go; the sentence begins with it.

    Raises
    ------
    Conflict
        Something needs it; the message names it, ``needed_by`` in the details lists it.
    """
    needing = needed_by(cursor, nodes)
    if not needing:
        return
    raise Conflict(
        f"{what} cannot be deleted: {_why(needing)}",
        needed_by=[{"id": node.id, "kind": node.kind, "label": node.label} for node in needing],
    )


def _why(needing: Sequence[NodeFacts]) -> str:
    """Who needs it, and what is to be done about that first."""
    serving = [node for node in needing if node.kind == "endpoint"]
    if serving:
        one = len(serving) == 1
        named = listed((node.label for node in serving), _NAMED)
        return (
            f"the {'endpoint' if one else 'endpoints'} {named} {'serves' if one else 'serve'} it. "
            f"Stop {'it' if one else 'them'}, or deploy another version, first."
        )
    one = len(needing) == 1
    named = listed(map(str, needing), _NAMED)
    return (
        f"{named} {'was' if one else 'were'} made from it. Delete {'that' if one else 'those'} "
        "first."
    )
