"""The alarms of performance as sentences, for incidents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from mlops_lab.monitoring.performance.baseline import SCORE_DRIFT, is_beyond_chance
from mlops_lab.monitoring.performance.fairness import Disparity
from mlops_lab.monitoring.performance.intervals import Estimate
from mlops_lab.monitoring.performance.levels import LEVELS, Judged, Look, unjudged
from mlops_lab.monitoring.performance.metrics import metrics_of
from mlops_lab.monitoring.policy import NaturalRange, persist
from mlops_lab.wording import counted, during, named, number, share, signed

if TYPE_CHECKING:
    from mlops_lab.monitoring.outcomes import SegmentRow
    from mlops_lab.monitoring.performance.chunked import Chunked
    from mlops_lab.monitoring.settings import Policy

__all__ = [
    "Finding",
    "concept_findings",
    "fairness_findings",
    "performance_findings",
    "prediction_states",
    "segment_lines",
]

CONCEPT: Final[Mapping[str, str]] = {"positive_share": "gap", "auc": "auc", "log_loss": "error"}
"""Where labels are held against the estimate: the metric, and the policy's level for the difference
(of a loss: as a share of what was estimated)."""


_BETTER: Final[Mapping[str, str | None]] = {
    "positive_share": None,
    "auc": "high",
    "log_loss": "low",
}
"""Which side is no reason for an alarm."""


_NEXT_TO_NOTHING: Final = 1e-9
"""A loss that is estimated as 0 cannot be a measure."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An alarm of one chunk.

    Parameters
    ----------
    kind
        Of what.
    chunk
        Its key.
    state
        How bad; ``info`` is only to be known.
    metric
        Of which line.
    sentence
        What it is.
    lines
        Sections for whoever asks why: a title and sentences.
    segment
        Of which part of the rows; None is all.
    impact
        How much it weighs: its effect.
    """

    kind: Literal["performance", "concept", "prediction", "fairness"]
    chunk: str
    state: Literal["warn", "alert", "info"]
    metric: str
    sentence: str
    lines: tuple[tuple[str, tuple[str, ...]], ...] = ()
    segment: str | None = None
    impact: float | None = None


def performance_findings(
    metric: str, judged: Sequence[Judged], chunked: Chunked, where: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """Give the alarms of one metric, with what was measured and where.

    Parameters
    ----------
    metric
        A name of `LEVELS`.
    judged
        By chunk.
    chunked
        The current data.
    where
        Sentences about segments, by the key of a chunk.
    """
    for place, one in enumerate(judged):
        figures = chunked.figures[place]
        if one.state not in "wa" or metric not in figures or one.effect is None:
            continue
        chunk = chunked.chunks[place]
        sentence = f"{_measured(metric, figures, one, chunked, place)}{_usual(one)}."
        fired = [sentence, _level(metric, one, chunked.policy, len(judged) == 1)]
        if one.of > 1:
            fired.append(f"{one.running} of the last {one.of} judged chunks were so.")
        estimated = chunked.estimates[place].get(metric)
        if estimated is not None:
            fired.append(
                f"Estimated without labels (CBPE, assumes no concept change): "
                f"{_figure(metric, estimated.value)}."
            )
        lines = [("What fired", tuple(fired))]
        if where.get(chunk.key):
            lines.append(("Where", tuple(where[chunk.key])))
        yield Finding(
            "performance",
            chunk.key,
            "alert" if one.state == "a" else "warn",
            metric,
            sentence,
            tuple(lines),
            impact=one.effect,
        )


def concept_findings(
    chunked: Chunked, looks: Sequence[Look], loud: Mapping[str, Sequence[str]]
) -> list[Finding]:
    """Give the chunks in which labels are not what the scores promised, and no input says why.

    All of these: the realised figure is outside the estimate's interval; the difference reaches the
    policy's level; it is beyond what differs in the reference's own chunks, each estimated by a
    curve learnt on the others; and the inputs are quiet, or promised the opposite of what came.
    A shock may be over in the next chunk, whatever its size: only what lasts is an alert.

    Parameters
    ----------
    chunked
        The current data.
    looks
        Any metric's: which chunks are mature and have rows enough.
    loud
        By chunk what alarmed in its inputs.
    """
    every: list[list[str]] = [
        [] if unjudged(look, chunked.policy) else _surprises(chunked, place, loud)
        for place, look in enumerate(looks)
    ]
    letters = [
        letter if (letter := unjudged(look, chunked.policy)) else "w" if found else "o"
        for look, found in zip(looks, every, strict=True)
    ]
    lasting = persist(letters, [False] * len(looks), chunked.policy, chunked.epochs)
    findings = []
    for place, (found, (letter, running, of)) in enumerate(zip(every, lasting, strict=True)):
        for metric in found:
            lines = _concept_lines(chunked, place, found, loud, running, of)
            findings.append(
                Finding(
                    "concept",
                    chunked.chunks[place].key,
                    "alert" if letter == "a" else "warn",
                    metric,
                    _concept_sentence(chunked, place, metric, loud),
                    lines,
                    impact=abs(_difference(chunked, place, metric)),
                )
            )
    return findings


def fairness_findings(unequal: Sequence[Disparity], chunk: str) -> Iterator[Finding]:
    """Give the rates that differ between groups: an alarm only where they did not before."""
    for one in unequal:
        if one.apart and one.ratio < 0.8:
            yield Finding(
                "fairness",
                chunk,
                "alert" if one.worse else "info",
                f"{one.by}:{one.rate}",
                one.sentence,
                (("What fired", (one.sentence,)),),
                impact=one.difference,
            )


def prediction_states(chunked: Chunked, drifts: Sequence[float | None]) -> list[str]:
    """Judge how far the scores moved: a warning at most, for the inputs move them."""
    found = []
    policy = chunked.policy
    for place, drift in enumerate(drifts):
        window, base = chunked.windows[place], chunked.baselines[place]
        if drift is None or base is None:
            found.append("-")
        elif window.scored < policy.small:
            found.append("s")
        elif window.scored < policy.drift_rows or chunked.partial[place]:
            found.append("h")
        else:
            natural = base.natural(SCORE_DRIFT)
            loud = (
                drift >= policy.ks_warn
                and is_beyond_chance(drift, base.whole.scored, window.scored)
                and (natural is None or drift > natural.high)
            )
            found.append("w" if loud else "o")
    return found


def prediction_findings(
    chunked: Chunked, drifts: Sequence[float | None], states: Sequence[str]
) -> Iterator[Finding]:
    """Give the chunks whose scores moved."""
    for place, (drift, state) in enumerate(zip(drifts, states, strict=True)):
        base = chunked.baselines[place]
        if state != "w" or drift is None or base is None:
            continue
        natural = base.natural(SCORE_DRIFT)
        known = "" if natural is None else f", natural is up to {number(natural.high)}"
        mean, before = chunked.figures[place].get("mean_score"), base.overall.get("mean_score")
        moved = ""
        if mean is not None and before is not None:
            up = "higher" if mean.value > before.value else "lower"
            moved = f": they are {up}, {number(before.value)} before and {number(mean.value)} now"
        sentence = f"The scores of {chunked.told[place]} moved (D {number(drift)}{known}){moved}."
        yield Finding(
            "prediction", chunked.chunks[place].key, "warn", SCORE_DRIFT, sentence, impact=drift
        )


def segment_lines(rows: Sequence[SegmentRow]) -> list[str]:
    """Say of each segment what it is, and how much of the trouble is in it."""
    found = []
    for row in rows:
        pairs = zip(row.by, row.value, strict=True)
        where = " ".join(f"{by} {named(value)}" for by, value in pairs)
        if row.value_of is None or row.low is None or row.high is None:
            continue
        part = ""
        if row.share_of_gap is not None:
            of = "errors" if row.metric == "accuracy" else row.metric
            part = f"; {share(row.share_of_gap)} of the {of}"
        found.append(
            f"{where}: {_name(row.metric)} {_figure(row.metric, row.value_of)} "
            f"({_figure(row.metric, row.low)} to {_figure(row.metric, row.high)}, "
            f"{counted(row.n, 'row')}{part})."
        )
    return found


def _measured(
    metric: str, figures: Mapping[str, Estimate], one: Judged, chunked: Chunked, place: int
) -> str:
    told = during(chunked.told[place])
    if metric == "gap":
        gap, came = figures["gap"].value, figures["positive_share"].value
        target = chunked.target
        return (
            f"{share(came)} were {target} {told} where {share(came + gap)} were predicted: "
            f"gap {signed(gap)}"
        )
    value, usual = figures[metric].value, one.usual
    label = _name(metric)
    assert usual is not None
    match LEVELS[metric].how:
        case "drop":
            far = f"{number(usual - value)} below the usual {number(usual)}"
        case "rise":
            far = f"{share(one.effect)} above the usual {number(usual)}"
        case _:
            far = f"the usual one is {signed(usual)}"
    shown = signed(value) if metric == "bias" else number(value)
    return f"{label} {shown} {told}, {far}"


def _usual(one: Judged) -> str:
    if one.natural is None:
        return ""
    return f"; natural is {_range(one.natural)}"


def _range(natural: NaturalRange) -> str:
    low, high = (signed(end) if natural.low < 0 else number(end) for end in _ends(natural))
    return f"{low} to {high}"


def _ends(natural: NaturalRange) -> tuple[float, float]:
    return natural.low, natural.high


def _level(metric: str, one: Judged, policy: Policy, alone: bool) -> str:
    level = LEVELS[metric]
    warn, at_once = level.warn(policy), level.at_once(policy, alone)
    what = {
        "size": "the gap's size",
        "drop": "the drop",
        "rise": "the rise, as a share",
        "shift": "the shift, as a share of the usual RMSE",
    }[level.how]
    assert one.effect is not None
    return (
        f"It warns where {what} is {number(warn)} or more, and alerts at once from "
        f"{number(at_once)}; here it is {number(one.effect)}."
    )


def _surprises(chunked: Chunked, place: int, loud: Mapping[str, Sequence[str]]) -> list[str]:
    """The metrics of which labels are not what was estimated, and no input says why."""
    figures, estimates = chunked.figures[place], chunked.estimates[place]
    base = chunked.baselines[place]
    found = []
    for metric, level in CONCEPT.items():
        real, estimate = figures.get(metric), estimates.get(metric)
        if base is None or real is None or estimate is None:
            continue
        if estimate.low is None or estimate.high is None:
            continue
        difference = real.value - estimate.value
        # The levels of errors are shares of what was estimated.
        scale = max(estimate.value, _NEXT_TO_NOTHING) if level == "error" else 1.0
        warn = scale * getattr(chunked.policy, f"{level}_warn")
        natural = base.residual(metric)
        if estimate.low <= real.value <= estimate.high or abs(difference) < warn:
            continue
        if _BETTER[metric] == ("high" if difference > 0 else "low"):
            continue  # better than was promised
        if natural is not None and natural.low <= difference <= natural.high:
            continue
        quiet = not loud.get(chunked.chunks[place].key)
        if quiet or _promised_otherwise(chunked, place, metric):
            found.append(metric)
    return found


def _promised_otherwise(chunked: Chunked, place: int, metric: str) -> bool:
    """Whether the inputs promised the opposite of what came, so that they cannot be the reason."""
    base, estimate = chunked.baselines[place], chunked.estimates[place][metric]
    usual = None if base is None else base.median(metric)
    if usual is None or estimate.low is None or estimate.high is None:
        return False
    # By more than chance does to labels: else they promised what is usual.
    came_higher = _difference(chunked, place, metric) > 0
    return estimate.high < usual if came_higher else estimate.low > usual


def _difference(chunked: Chunked, place: int, metric: str) -> float:
    return chunked.figures[place][metric].value - chunked.estimates[place][metric].value


def _concept_sentence(
    chunked: Chunked, place: int, metric: str, loud: Mapping[str, Sequence[str]]
) -> str:
    real, estimate = chunked.figures[place][metric], chunked.estimates[place][metric]
    told = during(chunked.told[place])
    if metric == "positive_share":
        came = f"{share(real.value)} were {chunked.target} {told}"
        hoped = f"where the scores promised {share(estimate.value)}"
    else:
        came = f"{_name(metric)} {number(real.value)} {told}"
        hoped = f"where the scores promised {number(estimate.value)}"
    quiet = not loud.get(chunked.chunks[place].key)
    why = "no input explains it" if quiet else "the inputs say the opposite"
    return f"{came}, {hoped}, and {why}."


def _concept_lines(
    chunked: Chunked,
    place: int,
    found: Sequence[str],
    loud: Mapping[str, Sequence[str]],
    running: int,
    of: int,
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    fired = []
    base = chunked.baselines[place]
    for metric in found:
        estimate, came = chunked.estimates[place][metric], chunked.figures[place][metric].value
        natural = None if base is None else base.residual(metric)
        known = (
            "" if natural is None else f"; the reference's own chunks differ by {_range(natural)}"
        )
        fired.append(
            f"{_name(metric)[0].upper()}{_name(metric)[1:]}: estimated "
            f"{_figure(metric, estimate.value)} ({_figure(metric, estimate.low)} to "
            f"{_figure(metric, estimate.high)}), came {_figure(metric, came)}{known}."
        )
    if of > 1:
        fired.append(f"{running} of the last {of} judged chunks were so.")
    drifting = list(loud.get(chunked.chunks[place].key, ()))
    inputs = drifting or ["No input alarmed in this chunk."]
    for metric in found:
        if _promised_otherwise(chunked, place, metric) and base is not None:
            usual = base.median(metric)
            promised = chunked.estimates[place][metric].value
            inputs.append(
                f"By the inputs {_name(metric)} should have gone from the usual "
                f"{_figure(metric, usual)} to {_figure(metric, promised)}: the other way."
            )
    return (("What fired", tuple(fired)), ("Inputs", tuple(inputs)))


def _name(metric: str) -> str:
    for task in ("binary", "multiclass", "regression"):
        if metric in metrics_of(task):
            return metrics_of(task)[metric].label
    return metric


def _figure(metric: str, value: float | None) -> str:
    if metric in ("positive_share", "accuracy"):
        return share(value)
    if metric in ("gap", "bias"):
        return signed(value)
    return number(value)
