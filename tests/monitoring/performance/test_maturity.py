"""Which chunks have the labels that will come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_lab.compute import Chunking
from mlops_lab.monitoring.performance.maturity import mature_chunks

FIRST = Chunking("week", "at").chunk("2013-04-01")
WEEKS = tuple(Chunking("week", "at").between("2013-04-01", "2013-06-30"))
REFERENCE = (0.97, 0.98, 0.96, 0.8, 0.97)

CASES = {
    # Nothing came, some came, as much as usual.
    "waiting": ((0.97, 0.97, 0.4, 0.0), REFERENCE, "mmii"),
    # A storm: a quarter was cancelled, and the next week is complete.
    "cancelled": ((0.97, 0.72, 0.97, 0.5), REFERENCE, "mmmi"),
    "the storm is the newest": ((0.97, 0.97, 0.72), REFERENCE, "mmi"),
    # The reference was filtered to rows with a label; here one row in five never gets one.
    "filtered reference": ((0.8, 0.81, 0.79, 0.3), (1.0,) * 5, "mmmi"),
    "labels of a sample": ((0.1, 0.11, 0.1, 0.02), (1.0,) * 5, "mmmi"),
    "one chunk, few labels": ((0.1,), REFERENCE, "i"),
    "one chunk, no reference": ((0.9,), (), "m"),
    "no labels": ((0.0, 0.0), (), "ii"),
    "chunk without rows": ((0.97, None, 0.97), REFERENCE, "mim"),
    "lost": ((0.97, 0.1, 0.97), REFERENCE, "mim"),
}


@pytest.mark.parametrize("case", CASES)
def test_measured_against_the_usual_share(case: str) -> None:
    shares, reference, expected = CASES[case]
    found = mature_chunks(WEEKS[: len(shares)], shares, reference)
    assert "".join("m" if one else "i" for one in found.mature) == expected
    assert found.shares == shares


def test_lost_labels_are_said() -> None:
    found = mature_chunks(WEEKS[:3], (0.97, 0.1, 0.97), REFERENCE)
    assert "1 chunk (2013-04-08) had labels for less than half" in found.notes[0]
    assert mature_chunks(WEEKS[:2], (0.97, 0.1), REFERENCE).notes == ()


def test_labels_are_due_after_their_time() -> None:
    shares = (0.97, 0.97, 0.72)
    end = datetime(2013, 4, 22, tzinfo=UTC)
    after = timedelta(days=7)
    early = mature_chunks(WEEKS[:3], shares, REFERENCE, after=after, now=end + timedelta(days=6))
    late = mature_chunks(WEEKS[:3], shares, REFERENCE, after=after, now=end + after)
    assert (early.mature[-1], late.mature[-1]) == (False, True)
