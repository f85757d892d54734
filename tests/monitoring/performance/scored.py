"""Scored rows, seeded: weeks of a model that is calibrated, or not any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlops_lab.compute import Chunking, ScoreCube, ScoreGrid, count_scores, fit_scores
from mlops_lab.monitoring import performance
from mlops_lab.monitoring.outcomes import Performance
from mlops_lab.monitoring.records import ChunkRecord
from mlops_lab.monitoring.settings import Settings
from mlops_lab.monitoring.windows import label_of

__all__ = ["FIRST", "WEEK", "judged", "named", "rows", "weeks"]

WEEK = Chunking("week", "at")
FIRST = pd.Timestamp("2013-04-01")


def rows(n: int, seed: int, more_late: float = 0.0, noise: float = 0.0) -> pd.DataFrame:
    """Rows whose score is the probability of being late, less `more_late`.

    With `noise` the score is that of another row in such a share of the rows: it ranks worse.
    """
    draw = np.random.default_rng(seed)
    truth = draw.beta(2, 5, n)
    score = np.where(draw.random(n) < noise, draw.permutation(truth), truth)
    frame = pd.DataFrame(
        {"score": score, "late": draw.random(n) < np.clip(truth + more_late, 0, 1)}
    )
    frame["late"] = frame["late"].astype(object)
    frame["carrier"] = draw.choice(["EV", "UA", "B6", "DL"], n)
    frame["origin"] = draw.choice(["EWR", "JFK", "LGA"], n)
    return frame


def weeks(parts: Sequence[pd.DataFrame], first: pd.Timestamp = FIRST) -> pd.DataFrame:
    """One after the other, each in a week of its own."""
    return pd.concat(
        [part.assign(at=first + pd.Timedelta(weeks=i)) for i, part in enumerate(parts)],
        ignore_index=True,
    )


def named(cube: ScoreCube) -> list[ChunkRecord]:
    """The chunks of a cube as an evaluation has them."""
    return [
        ChunkRecord(one.key, label_of(one, WEEK), one.from_, one.until, 0, "complete")
        for one in cube.chunks
    ]


def judged(
    reference: pd.DataFrame | None,
    current: pd.DataFrame,
    settings: Settings | None = None,
    *,
    segments: Sequence[str] = (),
    fit: dict[str, Any] | None = None,
    **more: Any,
) -> Performance:
    """Count both sides and judge."""
    columns = fit or {"score": "score", "target": "late"}
    if reference is None:
        grid, before = fit_scores(current, segments=segments, **columns), None
    else:
        grid, before = _counted(reference, tuple(segments), tuple(columns.items()))
    now = count_scores(current, grid, chunking=WEEK)
    return performance.judge(before, now, settings or Settings(), chunks=named(now), **more)


_known: dict[Any, tuple[pd.DataFrame, ScoreGrid, ScoreCube]] = {}


def _counted(
    frame: pd.DataFrame, segments: tuple[str, ...], columns: tuple[tuple[str, Any], ...]
) -> tuple[ScoreGrid, ScoreCube]:
    """Most tests have one reference: it is counted once."""
    key = (id(frame), segments, columns)
    if key not in _known:
        grid = fit_scores(frame, segments=segments, **dict(columns))
        _known[key] = frame, grid, count_scores(frame, grid, chunking=WEEK)
    return _known[key][1:]
