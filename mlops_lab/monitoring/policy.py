"""When a cell is an alarm: effect, multiplicity, natural range, persistence; pure functions.

The policy's numbers and their reasons are at `Policy`. A cell is one column in one chunk; a line is
one column (or metric) over the chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlops_lab.monitoring.outcomes import NaturalBand
from mlops_lab.monitoring.settings import Policy

__all__ = [
    "CellFacts",
    "Gates",
    "LineFacts",
    "NaturalRange",
    "judge",
    "natural_range",
    "persist",
    "significant_cells",
]

_CONSISTENT = 1.4826
"""Times the median absolute deviation estimates the standard deviation of a normal sample."""


@dataclass(frozen=True, slots=True)
class NaturalRange:
    """What a number comes to in chunks in which nothing happened.

    Parameters
    ----------
    median
        Of the reference's chunks.
    radius
        How far it strays from there.
    chunks
        How many chunks say so.
    """

    median: float
    radius: float
    chunks: int

    @property
    def low(self) -> float:
        """The lower end."""
        return self.median - self.radius

    @property
    def high(self) -> float:
        """The upper end."""
        return self.median + self.radius

    @property
    def band(self) -> NaturalBand:
        """As the wire has it."""
        return NaturalBand(self.low, self.high, self.median)


def natural_range(
    values: Iterable[float | None], policy: Policy, mad: float | None = None
) -> NaturalRange | None:
    """Say how far a number strays by itself, from the reference's own chunks.

    With m the median and dᵢ = |xᵢ − m|: chunks with dᵢ beyond `mad` times 1.4826 median(dᵢ)
    are dropped (an odd week in the reference would hide the next one), then the radius is
    `policy.natural_factor` times the `policy.natural_quantile` of those left.

    Parameters
    ----------
    values
        One of each chunk of the reference, measured against the reference without that chunk.
    policy
        Has the numbers.
    mad
        Default `policy.mad`.

    Returns
    -------
    NaturalRange | None
        None where fewer than `policy.natural_chunks` chunks have a value.

    Notes
    -----
    The median absolute deviation as a scale that outliers do not move: Hampel, The influence curve
    and its role in robust estimation, 1974. Where more than half of the chunks are equal it is 0,
    and nothing is dropped: a constant with exceptions has no scale.

    Examples
    --------
    >>> weeks = [0.02, 0.03, 0.01, 0.02, 0.03, 0.02, 0.01, 0.02, 0.25]
    >>> found = natural_range(weeks, Policy())
    >>> round(found.median, 3), round(found.high, 3), found.chunks
    (0.02, 0.031, 8)
    """
    import numpy as np

    x = np.array([value for value in values if value is not None], dtype=float)
    x = x[np.isfinite(x)]
    if len(x) < policy.natural_chunks:
        return None
    away = np.abs(x - np.median(x))
    scale = (policy.mad if mad is None else mad) * _CONSISTENT * float(np.median(away))
    kept = x[away <= scale] if scale > 0 else x
    median = float(np.median(kept))
    radius = policy.natural_factor * float(
        np.quantile(np.abs(kept - median), policy.natural_quantile)
    )
    return NaturalRange(median, radius, len(kept))


@dataclass(frozen=True, slots=True)
class CellFacts:
    """What decides about a cell.

    Parameters
    ----------
    effect
        The lower end of its certificate; None where nothing can be measured.
    p_value
        None is not tested: the effect is an end of an interval already.
    n
        Rows with a value: the fewer of chunk and reference.
    natural
        What the effect may reach by nature; None is unknown.
    quality
        Whether the data itself is wrong there.
    judged
        Whether it may alarm at all: a chunk that is not over may not.
    enough
        Whether the effect is also large by the column's own second measure (a rare flag's ratio).
    """

    effect: float | None
    p_value: float | None
    n: int
    natural: float | None = None
    quality: bool = False
    judged: bool = True
    enough: bool = True


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A column over the chunks.

    Parameters
    ----------
    epochs
        What each chunk is compared with: warnings before a new reference do not count after it.
    warn, alert
        The levels of its effect.
    """

    cells: tuple[CellFacts, ...]
    warn: float
    alert: float
    epochs: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Gates:
    """What each gate said of a cell; None is not asked.

    Parameters
    ----------
    state
        The cell's letter.
    effect, significant, natural
        Large enough; beyond chance, all cells of the evaluation considered; beyond nature.
    running
        So many of the last judged chunks (`of`) were loud, itself included.
    at_once
        Whether the size of the effect alone made it an alert.
    """

    state: str
    effect: bool | None = None
    significant: bool | None = None
    natural: bool | None = None
    running: int = 0
    of: int = 0
    at_once: bool = False


def significant_cells(p_values: Sequence[float | None], q: float) -> list[bool]:
    """Which p-values stay significant when all are looked at together.

    Benjamini and Hochberg, Controlling the false discovery rate, Journal of the Royal Statistical
    Society B, 1995: of those found, at most the share `q` is expected to be false.

    Parameters
    ----------
    p_values
        Of every cell of the evaluation; None is not tested and never significant.
    q
        From 0 to 1.

    Examples
    --------
    >>> significant_cells([0.001, 0.04, None, 0.9], 0.05)
    [True, False, False, False]
    """
    import numpy as np

    places = [place for place, p in enumerate(p_values) if p is not None and p == p]
    found = [False] * len(p_values)
    if places:
        # As scipy.stats.false_discovery_control: importing that takes longer than a night's check.
        chances = np.array([min(max(p_values[i] or 0.0, 0.0), 1.0) for i in places])
        order = np.argsort(chances)
        raised = chances[order] * (len(places) / np.arange(1, len(places) + 1))
        adjusted = np.minimum.accumulate(raised[::-1])[::-1]
        for at, value in zip(order.tolist(), adjusted.tolist(), strict=True):
            found[places[at]] = value <= q
    return found


def judge(lines: Sequence[LineFacts], policy: Policy) -> list[tuple[Gates, ...]]:
    """Judge every cell of an evaluation.

    Parameters
    ----------
    lines
        All of them: the more cells are looked at, the more chance explains.
    policy
        Has the numbers.

    Returns
    -------
    list[tuple[Gates, ...]]
        For each line the gates of its chunks.
    """
    tested = [
        cell.p_value if _asks_chance(cell, policy) else None
        for line in lines
        for cell in line.cells
    ]
    significant = iter(significant_cells(tested, policy.q))
    return [_judge_line(line, [next(significant) for _ in line.cells], policy) for line in lines]


def persist(
    letters: Sequence[str],
    at_once: Sequence[bool],
    policy: Policy,
    epochs: Sequence[str | None] = (),
) -> list[tuple[str, int, int]]:
    """Turn warnings into alerts: two of the last three judged chunks, or at once.

    Parameters
    ----------
    letters
        ``w`` warns and ``o`` is quiet; others are not judged and stay as they are.
    at_once
        Whether the size alone makes a warning an alert.
    policy
        Has the numbers.
    epochs
        As of `LineFacts`.

    Returns
    -------
    list[tuple[str, int, int]]
        The letter, and of how many judged chunks how many were loud.

    Examples
    --------
    >>> "".join(letter for letter, *_ in persist("owsowow", [False] * 7, Policy()))
    'owsoaoa'
    """
    loud_needed, window = policy.persistence
    # Of a single chunk nothing can be asked twice: there the alert level decides, with the caller.
    recent: list[bool] = []
    before: str | None = None
    found = []
    for place, letter in enumerate(letters):
        epoch = epochs[place] if epochs else None
        if epoch != before:
            recent, before = [], epoch
        if letter not in "ow":
            found.append((letter, 0, 0))
            continue
        recent = [*recent, letter == "w"][-window:]
        alarms = letter == "w" and (at_once[place] or sum(recent) >= loud_needed)
        found.append(("a" if alarms else letter, sum(recent), len(recent)))
    return found


def _judge_line(line: LineFacts, significant: Sequence[bool], policy: Policy) -> tuple[Gates, ...]:
    # With one chunk there is no second look: the alert level itself makes the alert.
    twice = 1.0 if len(line.cells) == 1 else policy.twice
    said, letters, at_once = [], [], []
    for cell, chance in zip(line.cells, significant, strict=True):
        letter = _unjudged(cell, policy)
        effect = beyond_chance = beyond_nature = None
        if letter is None:
            assert cell.effect is not None
            effect = cell.effect >= line.warn and cell.enough
            beyond_chance = chance if _asks_chance(cell, policy) else None
            beyond_nature = None if cell.natural is None else cell.effect > cell.natural
            loud = effect and beyond_chance is not False and beyond_nature is not False
            letter = "w" if loud else "o"
        letters.append(letter)
        # Twice what is allowed: where weather is at .3 by nature, .33 is no reason to wake people.
        once = twice * max(line.alert, cell.natural or 0.0)
        at_once.append(cell.effect is not None and cell.effect >= once)
        said.append((effect, beyond_chance, beyond_nature))
    lasting = persist(letters, at_once, policy, line.epochs)
    return tuple(
        Gates(letter, effect, chance, nature, running, of, letter == "a" and one)
        for (effect, chance, nature), (letter, running, of), one in zip(
            said, lasting, at_once, strict=True
        )
    )


def _unjudged(cell: CellFacts, policy: Policy) -> str | None:
    """The letter of a cell that is not judged for drift, else None."""
    if cell.n == 0 and not cell.quality:
        return "-"
    if cell.quality:
        return "q"
    if cell.n < policy.small:
        return "s"
    if cell.n < policy.drift_rows or not cell.judged:
        return "h"
    return "-" if cell.effect is None else None


def _asks_chance(cell: CellFacts, policy: Policy) -> bool:
    """Whether a p-value says something of a cell: with very many rows everything is significant."""
    if cell.p_value is None or cell.n > policy.significance_rows:
        return False
    return _unjudged(cell, policy) is None
