"""Whether the labels that will come have come: late ones make a chunk look better or worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final, Protocol

from mlops_lab.wording import counted, listed, share

__all__ = ["Maturity", "Slice", "mature_chunks"]

USUAL: Final = 0.9
"""A chunk is mature with so much of the share of labels that is usual: the last tenth moves no
figure by a level."""

LEAST: Final = 0.5
"""Of the usual share; with less, labels were lost, and what is there need not be like the rest."""


ENOUGH: Final = 3
"""So many current chunks with labels say what is usual, too."""


class Slice(Protocol):
    """What of a chunk is needed."""

    @property
    def key(self) -> str:
        """Its name."""

    @property
    def label(self) -> str:
        """As people write it, in their time zone."""

    @property
    def until(self) -> datetime | None:
        """Its end."""


@dataclass(frozen=True, slots=True)
class Maturity:
    """How far the labels are.

    Parameters
    ----------
    shares
        Rows with a label by chunk, from 0 to 1; None without rows.
    mature
        Whether a chunk's figures can be trusted to stay.
    usual
        The share of labels that rows of this kind end with; None where nothing is known.
    notes
        What a reader must know, as sentences.
    """

    shares: tuple[float | None, ...]
    mature: tuple[bool, ...]
    usual: float | None
    notes: tuple[str, ...] = ()


def mature_chunks(
    chunks: Sequence[Slice],
    shares: Sequence[float | None],
    reference: Sequence[float | None] = (),
    *,
    after: timedelta | None = None,
    now: datetime | None = None,
) -> Maturity:
    """Say which chunks have the labels that will come.

    Some rows never get one (a cancelled flight does not arrive), so the share of labels is measured
    against the usual one: the lower of the medians of the reference's chunks and of the current
    ones that have labels. A chunk is mature with nine tenths of it. One with fewer is, too, when
    labels are due: their time is over, or a later chunk is mature already, for labels come in the
    order of time. With less than half of the usual share, labels were lost: that is said.

    Parameters
    ----------
    chunks
        In order.
    shares
        Of rows with a label, by chunk; None without rows.
    reference
        The same of the reference's chunks, whose labels have come.
    after
        When labels are due after the end of a chunk.
    now
        The time of the look; needed for `after`.
    """
    usual = _usual(shares, reference)
    if usual is None:
        return Maturity(tuple(shares), (False,) * len(shares), None)
    enough = [one is not None and one > 0 and one >= USUAL * usual for one in shares]
    mature, lost, overtaken = list(enough), [], False
    for place in reversed(range(len(shares))):
        one = shares[place]
        if one is None:
            continue
        due = overtaken or _is_due(chunks[place], after, now)
        if due and not enough[place]:
            mature[place] = one >= LEAST * usual
            if not mature[place]:
                lost.append(chunks[place].key)
        overtaken |= enough[place]
    notes = []
    if lost:
        lost.reverse()
        notes.append(
            f"{counted(len(lost), 'chunk')} ({listed(lost)}) had labels for less than half of the "
            f"usual {share(usual)} when all should have come: these were lost, and not judged."
        )
    return Maturity(tuple(shares), tuple(mature), usual, tuple(notes))


def _usual(shares: Sequence[float | None], reference: Sequence[float | None]) -> float | None:
    before, here = ([one for one in some if one] for some in (reference, shares))
    # The reference may have been filtered to rows with a label: enough current chunks know better.
    known = [median(before)] if before else []
    if len(here) >= ENOUGH or (here and not known):
        known.append(median(here))
    return min(known, default=None)


def _is_due(chunk: Slice, after: timedelta | None, now: datetime | None) -> bool:
    if after is None or now is None or chunk.until is None:
        return False
    return chunk.until + after <= now
