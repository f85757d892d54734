"""What ``doctor`` says of one thing that it looked at."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from mlops_lab.cli.output import shown

__all__ = ["Finding", "State", "pip", "seen"]

State = Literal["ok", "failed", "warning", "hint"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    what
        A word or two.
    state
        ok, failed (broken), warning, or hint (worth knowing).
    message
        How it is, as a sentence.
    mend
        The command that mends it; empty when there is nothing to mend.
    """

    what: str
    state: State
    message: str
    mend: str = ""


def seen(what: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Give the findings of one part; what the system does not let us look at is one of them."""
    try:
        yield from findings
    except OSError as error:
        why = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        yield Finding(what, "failed", f"cannot be looked at: {why}", "ls -l the file, and id")


def pip() -> str:
    """How to call the pip of this Python."""
    return f"{shown(sys.executable)} -m pip"
