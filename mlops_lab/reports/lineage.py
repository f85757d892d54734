"""What something was made from and what was made of it, as a graph and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_lab.reports.html import Html, text

if TYPE_CHECKING:
    from mlops_lab.lineage import Graph
    from mlops_lab.project import Project
    from mlops_lab.reports.writer import Writer

__all__ = ["write_graph"]


def write_graph(
    project: Project, node: str, name: str, out: Writer, *, whole: bool = False
) -> None:
    """Write the lineage of a thing; nothing where there is none.

    Parameters
    ----------
    project
        Whose it is.
    node
        The thing: ``run:<id>``, ``dataset:flights@3``.
    name
        What people call it.
    whole
        Everything that led to it, instead of what is near to it.
    """
    graph = project.lineage.graph(node, direction="up" if whole else "both", depth=6)
    drawn = graph.to_json() if whole else _near(graph)
    if len(drawn["nodes"]) < 2:
        return
    out.heading("Graph" if node.startswith("run:") else "Lineage", 3)
    state = {"graph": drawn, "label": f"Lineage of {name}"}
    out.view("lineage", state, f"Lineage of {name}", _list(drawn).markup)


def _near(graph: Graph) -> dict[str, Any]:
    """The thing, its parts, and what these were given and have made."""
    drawn = graph.to_json()
    parts = {edge.target for edge in graph.edges if edge.source == graph.focus}
    inner = {graph.focus, *(one for one in parts if one.startswith("run:"))}
    near = inner | {
        end
        for edge in graph.edges
        for end, other in ((edge.source, edge.target), (edge.target, edge.source))
        # Not what others have made of the same data.
        if other in inner and (end == edge.source or not end.startswith("run:"))
    }
    return {
        **drawn,
        "nodes": [one for one in drawn["nodes"] if one["id"] in near],
        "edges": [one for one in drawn["edges"] if {one["source"], one["target"]} <= near],
        "truncated": False,
    }


def _list(drawn: dict[str, Any]) -> Html:
    """The same where no script runs: each thing with what it came from."""
    labels = {one["id"]: str(one["label"]) for one in drawn["nodes"]}
    lines = []
    for one in drawn["nodes"]:
        before = [labels[edge["source"]] for edge in drawn["edges"] if edge["target"] == one["id"]]
        told = f" from {text(', '.join(before), 300)}" if before else ""
        lines.append(f"<li><b>{text(one['label'])}</b> {text(one['detail'], 120)}{told}</li>")
    return Html(f"<ul>{''.join(lines)}</ul>")
