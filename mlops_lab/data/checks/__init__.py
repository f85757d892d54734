"""The kinds of checks: one file each.

To add one, add a file here with a subclass of `Check` under `register`; suites know it at once.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from mlops_lab.data.checks.check import KINDS, Check, Finding, Plan, Table, Unsuitable, register

__all__ = ["Check", "Finding", "Plan", "Table", "Unsuitable", "kinds", "register"]


@cache
def _load() -> None:
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")


def kinds() -> Mapping[str, type[Check]]:
    """Every kind of check by its word in a suite."""
    _load()
    return KINDS
