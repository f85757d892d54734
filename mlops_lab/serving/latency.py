"""How long answers took, counted: durations fall into fixed buckets, so that counts can be added.

Bucket ``i`` holds what took longer than ``FIRST_S · 1.05^(i-1)`` and at most ``FIRST_S · 1.05^i``:
a quantile read from the counts is off by at most 5 %, whatever the distribution, and the counts of
two processes are added by adding them (the histogram of HdrHistogram and DDSketch: Masson, Rim and
Lee, 2019, DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["BUCKETS", "FIRST_S", "GROWTH", "LAST_S", "bucket", "merge", "quantile", "upper_s"]

FIRST_S: Final = 20e-6
"""What took at most this is in bucket 0."""

LAST_S: Final = 100.0
"""What took longer is in the last bucket."""

GROWTH: Final = 1.05
"""How much wider each bucket is than the one before."""

_SCALE: Final = 1 / math.log(GROWTH)

BUCKETS: Final = math.ceil(math.log(LAST_S / FIRST_S) * _SCALE) + 1
"""How many there are."""


def bucket(seconds: float) -> int:
    """Say in which bucket a duration falls.

    Parameters
    ----------
    seconds
        The duration; what is negative or no number is in bucket 0.

    Examples
    --------
    >>> bucket(20e-6), bucket(0.001), bucket(1000.0) == BUCKETS - 1
    (0, 81, True)
    """
    if not seconds > FIRST_S:
        return 0
    if seconds >= LAST_S:
        return BUCKETS - 1
    # A duration on an edge belongs below it, whatever the last bit of its logarithm is.
    return min(math.ceil(math.log(seconds / FIRST_S) * _SCALE - 1e-9), BUCKETS - 1)


def upper_s(index: int) -> float:
    """Give the longest duration of a bucket, in seconds; of the last one the value it starts at."""
    return min(FIRST_S * GROWTH**index, LAST_S)


def quantile(counts: Mapping[int, int], q: float) -> float | None:
    """Read a quantile from counts.

    Parameters
    ----------
    counts
        How many durations fell in each bucket.
    q
        Which quantile, from 0 to 1.

    Returns
    -------
    float or None
        In seconds: the geometric middle of the bucket that the quantile is in, so at most 2.5 % off
        within the buckets' range. None of no durations.

    Examples
    --------
    >>> round(quantile({bucket(0.001): 99, bucket(0.5): 1}, 0.5), 4)
    0.001
    """
    total = sum(counts.values())
    if total <= 0:
        return None
    wanted = min(max(math.ceil(q * total), 1), total)
    seen = 0
    for index in sorted(counts):
        seen += counts[index]
        if seen >= wanted:
            break
    return FIRST_S if index == 0 else upper_s(index) / math.sqrt(GROWTH)


def merge(into: dict[int, int], more: Mapping[int, int] | Iterable[tuple[int, int]]) -> None:
    """Add counts to counts, in place."""
    for index, count in more.items() if isinstance(more, Mapping) else more:
        into[index] = into.get(index, 0) + count
