"""From our values to the wire: UTC times with Z, numbers that are not finite as text."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["time_text", "to_json"]


def to_json(value: Any) -> str:
    """Write JSON that every client reads: NaN and infinities become strings.

    >>> to_json({"loss": float("nan"), "auc": 0.7})
    '{"loss": "NaN", "auc": 0.7}'
    """
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        # Rare: only then is the whole answer walked.
        return json.dumps(_finite(value), allow_nan=False)


def time_text(at: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC, microseconds and ``Z`` included.

    >>> time_text(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    '2026-11-21T09:30:00.000000Z'
    """
    if at is None:
        return None
    moment = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
