"""Gates: conditions on finished steps, each decided with a sentence that holds the numbers."""

from __future__ import annotations

from mlops_lab.orchestration.gates.facts import Champion, GateFacts, Promoted
from mlops_lab.orchestration.gates.kind import Gate, GateKind, Ruling
from mlops_lab.orchestration.gates.registry import KINDS, decide

__all__ = ["KINDS", "Champion", "Gate", "GateFacts", "GateKind", "Promoted", "Ruling", "decide"]
