"""How far a window is from its reference: one class for each statistic, found by its name.

All of them need counts only, never the rows. A statistic that is registered here is checked by the
tests for what it promises: 0 on itself, its bounds, its symmetry, its certificate.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mlops_lab.compute.kinds import Kind
from mlops_lab.compute.statistics.chi_square import ChiSquare, CramersV, CramersVCorrected
from mlops_lab.compute.statistics.hellinger import Hellinger
from mlops_lab.compute.statistics.jensen_shannon import JensenShannon
from mlops_lab.compute.statistics.ks import KolmogorovSmirnov
from mlops_lab.compute.statistics.novelty import LostShare, NewShare, lost_values
from mlops_lab.compute.statistics.proportions import difference_interval, two_proportions, wilson
from mlops_lab.compute.statistics.psi import PopulationStability
from mlops_lab.compute.statistics.share_shift import (
    MissingShift,
    NotFiniteShift,
    TrueShift,
    UnreadableShift,
    ZeroShift,
)
from mlops_lab.compute.statistics.shift import HighShift, LowShift, MeanShift, MedianShift
from mlops_lab.compute.statistics.significance import chi_square_p, ks_p, significance
from mlops_lab.compute.statistics.statistic import Measured, Statistic
from mlops_lab.compute.statistics.total_variation import TotalVariation, TotalVariationExcess
from mlops_lab.compute.statistics.wasserstein import Wasserstein, wasserstein_in_units

__all__ = [
    "STATISTICS",
    "Measured",
    "Statistic",
    "chi_square_p",
    "difference_interval",
    "ks_p",
    "lost_values",
    "significance",
    "statistics_for",
    "two_proportions",
    "wasserstein_in_units",
    "wilson",
]

STATISTICS: Mapping[str, Statistic] = MappingProxyType(
    {
        one.name: one
        for one in (
            KolmogorovSmirnov(),
            Wasserstein(),
            PopulationStability(),
            JensenShannon(),
            Hellinger(),
            TotalVariation(),
            TotalVariationExcess(),
            ChiSquare(),
            CramersV(),
            CramersVCorrected(),
            MeanShift(),
            MedianShift(),
            LowShift(),
            HighShift(),
            MissingShift(),
            ZeroShift(),
            NotFiniteShift(),
            UnreadableShift(),
            TrueShift(),
            NewShare(),
            LostShare(),
        )
    }
)
"""All statistics by name."""


def statistics_for(kind: Kind) -> list[Statistic]:
    """The statistics of a kind of column.

    >>> [one.name for one in statistics_for("id")]
    ['missing_shift']
    """
    return [one for one in STATISTICS.values() if kind in one.kinds]
