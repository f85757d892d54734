"""The current data chunk by chunk, with what each chunk is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlops_lab.monitoring.performance.baseline import Baseline
from mlops_lab.monitoring.performance.intervals import Estimate
from mlops_lab.monitoring.performance.maturity import Slice
from mlops_lab.monitoring.performance.metrics import measure
from mlops_lab.monitoring.settings import Policy

if TYPE_CHECKING:
    from mlops_lab.compute import ScoreCounts, ScoreCube

__all__ = ["Chunked"]


@dataclass(frozen=True)
class Chunked:
    """The current data chunk by chunk; a value of every tuple is of one chunk.

    Parameters
    ----------
    cube
        Of it.
    chunks
        As the evaluation has them, those without rows too.
    baselines
        What each is compared with.
    epochs
        The model version that answered it.
    partial
        Whether it is not over.
    policy
        The levels.
    target
        What people call a positive row.
    """

    cube: ScoreCube
    chunks: tuple[Slice, ...]
    baselines: tuple[Baseline | None, ...]
    epochs: tuple[str | None, ...]
    partial: tuple[bool, ...]
    policy: Policy
    target: str

    @cached_property
    def windows(self) -> tuple[ScoreCounts, ...]:
        """The counts of each."""
        return tuple(self.cube.window([chunk.key]) for chunk in self.chunks)

    @cached_property
    def figures(self) -> tuple[Mapping[str, Estimate], ...]:
        """What came, by metric."""
        return tuple(measure(one) for one in self.windows)

    @cached_property
    def estimates(self) -> tuple[Mapping[str, Estimate], ...]:
        """What was to be expected, by metric."""
        found: list[Mapping[str, Estimate]] = []
        for counts, base in zip(self.windows, self.baselines, strict=True):
            enough = base is not None and counts.scored >= self.policy.cbpe_rows
            cbpe = base.cbpe if base is not None and enough else None
            found.append({} if cbpe is None else cbpe.estimate(counts))
        return tuple(found)

    @cached_property
    def told(self) -> tuple[str, ...]:
        """How a sentence names each."""
        return tuple(chunk.label for chunk in self.chunks)
