"""Material for the checks of data quality, made of two frames the way an evaluation makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_lab.compute import Chunking, Cube, Grids, Source, count, fit_grids, open_engine
from mlops_lab.monitoring.quality import Looked, Material, look
from mlops_lab.monitoring.windows import compare_fixed, label_of

Weeks = Callable[..., pd.DataFrame]


_COUNTED: dict[Any, tuple[Any, Grids, Cube]] = {}


def make_material(
    reference: Any, current: Any, *, time: str | None = "at", by: Any = "week", **others: Any
) -> Material:
    """Count two frames as `monitoring.evaluate` does."""
    sides = (Source.of(reference), Source.of(current))
    timezone = others.pop("timezone", "UTC")
    chunking = Chunking(by, time, timezone) if time else Chunking()
    # A reference is counted once for all that is compared with it.
    key = (id(reference), chunking)
    if key not in _COUNTED:
        grids = fit_grids(sides[0])
        _COUNTED[key] = (reference, grids, count(sides[0], grids, chunking=chunking))
    _, grids, before = _COUNTED[key]
    after = count(sides[1], grids, chunking=chunking)
    types = []
    for side in sides:
        with open_engine() as engine:
            types.append(dict(engine.columns(side.view(engine))))
    return Material(
        chunks=after.chunks,
        labels=tuple(label_of(chunk, chunking) for chunk in after.chunks),
        current=tuple(window for _, window in after.chunk_windows()),
        compared=compare_fixed(before, after),
        grids=grids,
        types=types[1],
        reference_types=types[0],
        timezone=timezone,
        time=time,
        source=sides[1],
        reference=sides[0],
        ignored=frozenset({time} if time else ()),
        **others,
    )


def look_at(reference: Any, current: Any, **others: Any) -> Looked:
    """What all checks find."""
    return look(make_material(reference, current, **others))


@pytest.fixture(scope="session")
def weeks() -> Weeks:
    """Make weeks of clean flights: hourly weather of three airports, drawn anew by seed."""

    def make(
        first: str = "2013-01-07", *, count: int = 10, seed: int = 0, rows: int = 700
    ) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        n = count * rows
        start = pd.Timestamp(first)
        # Nobody flies at night.
        hours = np.sort(random.integers(0, count * 7 * 18, n))
        at = start + pd.to_timedelta((hours // 18) * 24 + 5 + hours % 18, unit="h")
        at += pd.to_timedelta(random.integers(0, 3600, n), unit="s")
        temp = random.normal(45, 9, n)
        return pd.DataFrame(
            {
                "flight_id": [f"F{seed}-{i}" for i in range(n)],
                "at": at,
                "carrier": random.choice(["EV", "UA", "B6", "DL"], n, p=[0.4, 0.3, 0.2, 0.1]),
                "dest": random.choice([f"D{i:02}" for i in range(60)], n),
                "temp": temp.round(2),
                "dewp": (temp - random.gamma(2, 4, n)).round(2),
                "wind": np.where(random.random(n) < 0.05, 0, random.gamma(3, 3, n)).round(2),
                "distance": random.choice([199, 488, 719, 1023, 2475], n),
                "pressure": np.where(random.random(n) < 0.1, np.nan, random.normal(1017, 7, n)),
                "late": random.random(n) < 0.2,
                "city": np.array(["Boston", "São Paulo", "Chicago Midway"])[np.arange(n) % 3],
            }
        )

    return make
