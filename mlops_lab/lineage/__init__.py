"""What was made from what: one graph over everything that concepts state, and who needs whom."""

from mlops_lab.lineage.graph import Edge, Graph, NodeFacts
from mlops_lab.lineage.needs import needed_by, refuse_if_needed
from mlops_lab.lineage.walk import Direction, Lineage

__all__ = [
    "Direction",
    "Edge",
    "Graph",
    "Lineage",
    "NodeFacts",
    "needed_by",
    "refuse_if_needed",
]
