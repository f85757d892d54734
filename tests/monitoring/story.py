"""A small made-up airline: quiet weeks, then a warm spell, a shock, and a fault of the data.

Seeded, so that everybody sees the same rows: twelve weeks of reference, ten of answers. In the
third many flights are late and nothing explains it; from the sixth to the eighth the air gets
warmer than the reference ever was; in the ninth half of the wind is missing; the tenth has just
begun.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["ROWS", "answers", "reference", "sides"]

ROWS = 1_200
"""Of a week."""

FIRST = datetime(2013, 1, 7)
WEEKS = 12
_CARRIERS = ["EV", "UA", "B6", "DL"]


def reference(rows: int = ROWS) -> pd.DataFrame:
    """The twelve weeks that the model has learnt from, with what it said of them unseen."""
    return pd.concat([_week(place, FIRST, rows) for place in range(WEEKS)], ignore_index=True)


def answers(rows: int = ROWS) -> pd.DataFrame:
    """Ten weeks of answers and what came of them."""
    start = FIRST + timedelta(weeks=WEEKS)
    weeks = []
    for place in range(10):
        warm = {5: 9.0, 6: 17.0, 7: 25.0}.get(place, 0.0)
        shock = 0.35 if place == 2 else 0.0
        week = _week(100 + place, start, rows, at=place, warm=warm, shock=shock)
        if place == 8:
            week.loc[week.index % 2 == 0, "wind"] = np.nan
        if place == 9:
            week = week[week["at"] < week["at"].min() + timedelta(days=2)].copy()
            # Truth takes a while.
            week["late"] = week["late"].astype("boolean")
            week.loc[week.index % 3 > 0, "late"] = pd.NA
        weeks.append(week.astype({"late": "boolean"}))
    return pd.concat(weeks, ignore_index=True)


def sides(**settings: Any) -> dict[str, Any]:
    """What `lab.drift` is asked for the whole story."""
    return {
        "time": "at",
        "by": "week",
        "target": "late",
        "score": "score",
        "segment": "carrier",
        "fairness": ["carrier"],
        "units": {"temp": "°F", "wind": "mph"},
        "importance": {"temp": 0.02, "wind": 0.05, "carrier": 0.001},
        **settings,
    }


def _week(
    seed: int,
    start: datetime,
    rows: int,
    *,
    at: int | None = None,
    warm: float = 0.0,
    shock: float = 0.0,
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    place = seed if at is None else at
    begins = start + timedelta(weeks=place)
    minutes = np.sort(rng.integers(0, 7 * 24 * 60, rows))
    temp = rng.normal(40 + warm + rng.normal(0, 1.5), 6, rows)
    wind = rng.gamma(4, 2.5, rows)
    carrier = rng.choice(_CARRIERS, rows, p=[0.35, 0.3, 0.2, 0.15])
    score = 1 / (1 + np.exp(-(-1.6 + 0.12 * (wind - 10) + (carrier == "EV") * 0.5)))
    late = rng.random(rows) < np.clip(score + shock, 0, 1)
    return pd.DataFrame(
        {
            "at": [begins + timedelta(minutes=int(minute)) for minute in minutes],
            "temp": temp.round(1),
            "wind": wind.round(1),
            "carrier": carrier,
            "score": score.round(4),
            "late": late,
        }
    )
