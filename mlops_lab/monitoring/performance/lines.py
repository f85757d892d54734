"""Metrics over the chunks as they are drawn: values, estimates, letters, what is natural."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlops_lab.monitoring.outcomes import MetricLine, NaturalBand
from mlops_lab.monitoring.performance.baseline import SCORE_DRIFT
from mlops_lab.monitoring.performance.chunked import Chunked
from mlops_lab.monitoring.performance.levels import Judged
from mlops_lab.monitoring.performance.metrics import metrics_of
from mlops_lab.monitoring.wire import series

__all__ = ["drift_line", "metric_line"]


def metric_line(metric: str, chunked: Chunked, judged: Sequence[Judged]) -> MetricLine:
    """Give a metric: what came, what was estimated, and how each chunk was judged."""
    about = metrics_of(chunked.cube.grid.task)[metric]
    came = [one.get(metric) for one in chunked.figures]
    hoped = [one.get(metric) for one in chunked.estimates]
    natural, naturals = _bands(metric, chunked)
    return MetricLine(
        label=about.label,
        goal=about.goal,
        unit=None,
        **{
            name: series([None if one is None else getattr(one, end) for one in ones])
            for name, ones, end in (
                ("realised", came, "value"),
                ("low", came, "low"),
                ("high", came, "high"),
                ("estimated", hoped, "value"),
                ("estimated_low", hoped, "low"),
                ("estimated_high", hoped, "high"),
            )
        },
        natural=natural,
        states="".join(one.state for one in judged),
        naturals=naturals,
    )


def drift_line(
    chunked: Chunked, drifts: Sequence[float | None], states: Sequence[str]
) -> MetricLine:
    """Give how far the scores moved."""
    natural, naturals = _bands(SCORE_DRIFT, chunked)
    none = (None,) * len(drifts)
    return MetricLine(
        label="score D",
        goal=None,
        unit=None,
        realised=series(drifts),
        low=none,
        high=none,
        estimated=none,
        estimated_low=none,
        estimated_high=none,
        natural=natural,
        states="".join(states),
        naturals=naturals,
    )


def _bands(
    metric: str, chunked: Chunked
) -> tuple[NaturalBand | None, tuple[NaturalBand | None, ...]]:
    """What is natural now, and chunk by chunk where that changes with the model's version."""
    found: list[NaturalBand | None] = []
    for base in chunked.baselines:
        natural = None if base is None else base.natural(metric)
        band = None if natural is None else natural.band
        # A distance has no lower end.
        found.append(replace(band, low=0.0) if band and metric == SCORE_DRIFT else band)
    last = next(
        (band for band, base in zip(found[::-1], chunked.baselines[::-1], strict=True) if base),
        None,
    )
    return last, () if len(set(found)) <= 1 else tuple(found)
