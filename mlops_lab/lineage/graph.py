"""Nodes, edges and graphs of lineage: values, and how a notebook shows them.

A node is ``kind:id``, as ``dataset:flights@3``, ``run:<32 hex>``, ``model:flight-delay@5``. An edge
leads from what something was made from to what was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from mlops_lab.markup import printable

__all__ = ["Edge", "Graph", "NodeFacts"]

_MOST_LINES: Final = 60
_MUTED: Final = "color:var(--jp-ui-font-color2, #5f6368)"
_FONT: Final = (
    "font-family:var(--jp-ui-font-family, system-ui, sans-serif);"
    "font-size:var(--jp-ui-font-size1, 13px);color:inherit"
)


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One thing in the graph.

    Attributes
    ----------
    id
        ``kind:id``.
    kind
        dataset, run, model …
    label
        What people call it.
    detail
        A few words more.
    at
        When it came to be, UTC.
    alive
        False once it was deleted.
    """

    id: str
    kind: str
    label: str
    detail: str
    at: datetime | None
    alive: bool

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"

    def to_json(self) -> dict[str, Any]:
        """Give its shape in REST."""
        return {
            "id": self.id,
            "kind": self.kind,
            "label": self.label,
            "detail": self.detail,
            "at": _time_text(self.at),
            "alive": self.alive,
        }


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """That one thing was made from another.

    Attributes
    ----------
    source, target
        What it was made from, what was made.
    role
        input, made, judged, part …
    strong
        Whether the source must not be deleted while the target is alive.
    """

    source: str
    target: str
    role: str
    strong: bool

    def to_json(self) -> dict[str, Any]:
        """Give its shape in REST."""
        return {
            "source": self.source,
            "target": self.target,
            "role": self.role,
            "strong": self.strong,
        }


@dataclass(frozen=True, slots=True)
class Graph:
    """What something was made from, and what was made from it.

    Attributes
    ----------
    focus
        The node that was asked about.
    nodes
        The focus first, then the nearest.
    edges
        All edges between these nodes.
    truncated
        Whether there is more than was followed: too deep, or too many.
    """

    focus: str
    nodes: tuple[NodeFacts, ...]
    edges: tuple[Edge, ...]
    truncated: bool = False

    def __repr__(self) -> str:
        by_id = {node.id: node for node in self.nodes}
        lines = [_text(by_id[self.focus])]
        for title, upwards in (("comes from", True), ("led to", False)):
            rows = list(self._tree(upwards=upwards))
            if rows:
                lines.append(title)
            for trunk, edge, node_id, again in rows[:_MOST_LINES]:
                note = ", see above" if again else ""
                lines.append(f"{trunk}{_text(by_id[node_id])} ({edge.role}{note})")
            if len(rows) > _MOST_LINES:
                lines.append(f"… and {len(rows) - _MOST_LINES} more")
        if len(lines) == 1:
            lines.append("comes from nothing and led to nothing that is known here")
        if self.truncated:
            lines.append("There is more: ask with a greater depth, or about one of these.")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        by_id = {node.id: node for node in self.nodes}
        parts = [f'<div style="{_FONT}"><div>{_html(by_id[self.focus], bold=True)}</div>']
        for title, upwards in (("comes from", True), ("led to", False)):
            rows = list(self._tree(upwards=upwards))
            if not rows:
                continue
            parts.append(f'<div style="{_MUTED};margin-top:6px">{title}</div>')
            for trunk, edge, node_id, again in rows[:_MOST_LINES]:
                note = ", see above" if again else ""
                indent = 16 * (len(trunk) // 3 - 1)
                parts.append(
                    f'<div style="margin-left:{indent}px">{_html(by_id[node_id])} '
                    f'<span style="{_MUTED}">{escape(edge.role)}{note}</span></div>'
                )
            if len(rows) > _MOST_LINES:
                parts.append(f"<div>… and {len(rows) - _MOST_LINES} more</div>")
        if len(self.nodes) == 1:
            parts.append(
                f'<div style="{_MUTED}">Comes from nothing and led to nothing known here.</div>'
            )
        if self.truncated:
            parts.append(f'<div style="{_MUTED}">There is more than is shown.</div>')
        return "".join([*parts, "</div>"])

    def to_json(self) -> dict[str, Any]:
        """Give its shape in REST."""
        return {
            "focus": self.focus,
            "nodes": [node.to_json() for node in self.nodes],
            "edges": [edge.to_json() for edge in self.edges],
            "truncated": self.truncated,
        }

    def _tree(self, *, upwards: bool) -> Iterator[tuple[str, Edge, str, bool]]:
        """Walk one way as a tree, depth first: a trunk to draw, the edge, the node, seen before.

        A node that was there already is named and not followed again: so cycles end, and a node
        that many need does not repeat all that is below it.
        """
        next_to: dict[str, list[Edge]] = {}
        for each in self.edges:
            next_to.setdefault(each.target if upwards else each.source, []).append(each)
        seen = {self.focus}
        # A stack, not recursion: a chain may be as long as the graph is large.
        todo = [(iter(next_to.get(self.focus, [])), len(next_to.get(self.focus, [])), "")]
        while todo:
            edges, left, lead = todo.pop()
            edge = next(edges, None)
            if edge is None:
                continue
            todo.append((edges, left - 1, lead))
            other = edge.source if upwards else edge.target
            again = other in seen
            seen.add(other)
            yield f"{lead}{'└─ ' if left == 1 else '├─ '}", edge, other, again
            if not again:
                beyond = next_to.get(other, [])
                todo.append((iter(beyond), len(beyond), f"{lead}{'   ' if left == 1 else '│  '}"))


def _text(node: NodeFacts) -> str:
    said = f"{node} · {node.detail}" if node.detail else str(node)
    said = said if node.alive else f"{said} · deleted"
    return printable(said)


def _html(node: NodeFacts, *, bold: bool = False) -> str:
    name = f"<bdi>{escape(node.label[:200])}</bdi>"
    facts = [node.kind, node.detail, "" if node.alive else "deleted"]
    said = " · ".join(f"<bdi>{escape(fact[:200])}</bdi>" for fact in facts if fact)
    return f'{f"<b>{name}</b>" if bold else name} <span style="{_MUTED}">{said}</span>'


def _time_text(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
