"""Which kinds of triggers there are: every module of ``kinds/``, found by being there."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mlops_lab.orchestration.triggers import kinds
from mlops_lab.orchestration.triggers.kind import TriggerKind

__all__ = ["KINDS", "find_kinds"]


def find_kinds() -> Mapping[str, TriggerKind]:
    """Load every module of ``kinds/``, by name."""
    found: dict[str, TriggerKind] = {}
    for name in sorted(one.name for one in pkgutil.iter_modules(kinds.__path__)):
        kind: TriggerKind = importlib.import_module(f"{kinds.__name__}.{name}").KIND
        found[kind.name] = kind
    return MappingProxyType(found)


KINDS: Final = find_kinds()
"""By the key under which a pipeline file writes them."""
