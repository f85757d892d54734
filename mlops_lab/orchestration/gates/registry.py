"""Which kinds of gates there are: every module of ``kinds/``, found by being there."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from mlops_lab.orchestration.gates import kinds
from mlops_lab.orchestration.gates.facts import GateFacts
from mlops_lab.orchestration.gates.kind import Gate, GateKind
from mlops_lab.orchestration.results import GateRecord

__all__ = ["KINDS", "decide", "find_kinds"]


def find_kinds() -> Mapping[str, GateKind]:
    """Load every module of ``kinds/``; comparisons come first, the others by name."""
    modules = sorted(one.name for one in pkgutil.iter_modules(kinds.__path__))
    found: dict[str, GateKind] = {}
    # Comparisons are what most gates are.
    for name in sorted(modules, key=lambda one: (one != "metric", one)):
        kind: GateKind = importlib.import_module(f"{kinds.__name__}.{name}").KIND
        found[kind.name] = kind
    return MappingProxyType(found)


KINDS = find_kinds()
"""By the key under which a pipeline file writes them."""


def decide(gate: Gate, facts: GateFacts) -> GateRecord:
    """Say whether a gate passes, rejects or waits for somebody."""
    ruling = KINDS[gate.kind].decide(gate.rule, facts)
    return GateRecord(
        gate.index,
        gate.kind,
        gate.text,
        ruling.state,
        ruling.sentence,
        ruling.left,
        ruling.right,
    )
