"""A small log: what its tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_lab.registry.signature import Field, Signature
from mlops_lab.serving.predictions.writing import Batch, Log

SIGNATURE = Signature(
    (Field("carrier", "text"), Field("hour", "integer"), Field("temp", "number", True)),
    (Field("prediction", "integer", shape=(None,)),),
)
NOON = 1_795_348_800_000_000
"""2026-11-22 12:00 UTC, in µs."""


def answered(number: int, *, at: int = NOON, rows: int = 1, **other: Any) -> Batch:
    """An answered request; its id says its number."""
    given: dict[str, Any] = {
        "frame": {
            "carrier": np.array(["EV"] * rows, dtype=object),
            "hour": np.arange(rows) + number,
            "temp": np.full(rows, 44.5),
        },
        "columns": {"prediction": np.ones(rows, dtype=int), "probability": np.full((rows, 2), 0.5)},
        "classes": ("no", "yes"),
        "version": 1,
    }
    given |= other
    return Batch(
        request_id=f"{number:032x}",
        t=at,
        role=given.pop("role", "stable"),
        revision=given.pop("revision", "r1"),
        model="delay",
        latency_ms=2.5,
        **given,
    )


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[Callable[..., Log]]:
    """Opens logs of one endpoint, which are closed afterwards."""
    opened: list[Log] = []

    def make(**options: Any) -> Log:
        options = {"worker": "r1-0", "signature": SIGNATURE, **options}
        opened.append(Log(tmp_path / ".mlops" / "predictions" / "delay", **options))
        return opened[-1]

    yield make
    for log in opened:
        log.close()
