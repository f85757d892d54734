"""Performance over time: what came, what was expected, what is usual, and what is an alarm."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import InvalidInput
from mlops_lab.monitoring.outcomes import (
    Calibration,
    GroupRates,
    Performance,
    SegmentRow,
)
from mlops_lab.monitoring.performance.baseline import SCORE_DRIFT, Baseline, score_drift
from mlops_lab.monitoring.performance.calibration import calibration_curve, groups_of, in_groups
from mlops_lab.monitoring.performance.chunked import Chunked
from mlops_lab.monitoring.performance.fairness import Disparity, disparities, group_rates
from mlops_lab.monitoring.performance.findings import (
    Finding,
    concept_findings,
    fairness_findings,
    performance_findings,
    prediction_findings,
    prediction_states,
    segment_lines,
)
from mlops_lab.monitoring.performance.intervals import Estimate
from mlops_lab.monitoring.performance.levels import LEVELS, Judged, Look, judge_line
from mlops_lab.monitoring.performance.lines import drift_line, metric_line
from mlops_lab.monitoring.performance.maturity import Maturity, Slice, mature_chunks
from mlops_lab.monitoring.performance.metrics import measure, metrics_of
from mlops_lab.monitoring.performance.remarks import remarks
from mlops_lab.monitoring.performance.segments import worst_segments
from mlops_lab.monitoring.settings import Policy, Settings
from mlops_lab.monitoring.wire import Packed, series
from mlops_lab.wording import listed, named

if TYPE_CHECKING:
    from mlops_lab.compute import ScoreCube, Segment

__all__ = ["Live", "judge", "window"]


@dataclass(frozen=True, slots=True)
class Live:
    """What a performance was computed from, kept beside it: any window of it is there at once.

    Parameters
    ----------
    reference
        None is none.
    current
        The data that was judged.
    findings
        Its alarms, in the order of the chunks.
    chunks
        The keys of the chunks, in order.
    baselines
        What each is compared with: that of the model version that answered it.
    policy
        By which was judged.
    """

    reference: ScoreCube | None
    current: ScoreCube
    findings: tuple[Finding, ...]
    chunks: tuple[str, ...]
    baselines: tuple[Baseline | None, ...]
    policy: Policy


def judge(
    reference: ScoreCube | None,
    current: ScoreCube,
    settings: Settings,
    *,
    chunks: Sequence[Slice],
    partial: Collection[str] = (),
    versions: Mapping[str, ScoreCube] | None = None,
    version_of: Mapping[str, str | None] | None = None,
    loud: Mapping[str, Sequence[str]] | None = None,
    now: datetime | None = None,
) -> Performance:
    """Judge how well a model did, from counts alone.

    Parameters
    ----------
    reference
        Scores of rows that the model had not learnt from, with their labels; None where there are
        none: then nothing is usual and nothing is estimated.
    current
        On the same grid.
    settings
        Its policy, `labels_after`, `fairness`.
    chunks
        Of the evaluation, in order, with what they are called.
    partial
        Keys of chunks that are not over: drawn, never judged.
    versions, version_of
        A reference for each model version, and which one answered a chunk: its figures are held
        against that version's, and warnings of one do not count for the next.
    loud
        By chunk what alarmed in its inputs: with any, what came is no surprise.
    now
        The time of the look, for labels that are due; None is the end of the data.

    Returns
    -------
    Performance
        With a `Live` beside it.
    """
    live = _Judging(
        reference,
        current,
        settings,
        tuple(chunks),
        frozenset(partial),
        versions or {},
        version_of or {},
        loud or {},
        now,
    )
    return live.performance()


def window(
    live: Live,
    from_: str | None = None,
    until: str | None = None,
    *,
    segment: Segment | tuple[str, str] | tuple[tuple[str, ...], tuple[str, ...]] | None = None,
) -> dict[str, Estimate]:
    """Measure some chunks together, as when a range of them is brushed.

    Parameters
    ----------
    live
        Of the performance.
    from_, until
        The keys of the first and last chunk, both included; None is the first, the last.
    segment
        A column and its value, or several; None is all rows.

    Returns
    -------
    dict[str, Estimate]
        By metric; with ``estimated_`` in front what was to be expected, of all rows only and by
        the reference of the last chunk, as of everything else in a window.

    Raises
    ------
    InvalidInput
        There is no such chunk, or the segment was not counted.

    Notes
    -----
    The figures are of all rows with a label, of immature chunks too.
    """
    from mlops_lab.compute import Segment
    from mlops_lab.compute.score_counts import ALL

    for key in (from_, until):
        if key is not None and key not in live.chunks:
            raise InvalidInput(f"There is no chunk {key!r}; they are {listed(live.chunks)}.")
    first = 0 if from_ is None else live.chunks.index(from_)
    last = len(live.chunks) - 1 if until is None else live.chunks.index(until)
    if first > last:
        raise InvalidInput(f"The chunk {from_} is after {until}: a window is from the earlier one.")
    if segment is None:
        segment = ALL
    elif not isinstance(segment, Segment):
        by, value = segment
        segment = Segment(
            (by,) if isinstance(by, str) else by, (value,) if isinstance(value, str) else value
        )
    counts = live.current.window(live.chunks[first : last + 1], segment)
    found = measure(counts)
    base = live.baselines[last]
    enough = not segment.by and counts.scored >= live.policy.cbpe_rows
    if enough and base is not None and base.cbpe is not None:
        expected = base.cbpe.estimate(counts)
        found |= {f"estimated_{name}": one for name, one in expected.items()}
    return found


@dataclass(frozen=True, slots=True)
class _Judging:
    """One judgement: the arguments of `judge`."""

    reference: ScoreCube | None
    current: ScoreCube
    settings: Settings
    chunks: tuple[Slice, ...]
    partial: frozenset[str]
    versions: Mapping[str, ScoreCube]
    version_of: Mapping[str, str | None]
    loud: Mapping[str, Sequence[str]]
    now: datetime | None
    notes: list[str] = field(default_factory=list)

    def performance(self) -> Performance:
        """Everything."""
        grid, policy = self.current.grid, self.settings.policy
        chunked = self._chunked()
        maturity = self._maturity(chunked)
        looks = {
            metric: [
                Look(
                    chunked.figures[i].get(metric),
                    counts.judged if one.labels else counts.scored,
                    chunked.baselines[i],
                    maturity.mature[i] or not one.labels,
                    not chunked.partial[i],
                )
                for i, counts in enumerate(chunked.windows)
            ]
            for metric, one in metrics_of(grid.task).items()
        }
        judged = {
            metric: judge_line(metric, some, policy, chunked.epochs)
            for metric, some in looks.items()
        }
        drifts = [
            None if base is None else score_drift(base.whole, counts)
            for base, counts in zip(chunked.baselines, chunked.windows, strict=True)
        ]
        drift_states = prediction_states(chunked, drifts)
        segments = self._segments(chunked, maturity, judged)
        fairness, unequal = self._fairness(chunked, maturity)
        findings = self._findings(
            chunked, maturity, looks, judged, segments, unequal, drifts, drift_states
        )
        metrics = {
            metric: metric_line(metric, chunked, judged[metric]) for metric in metrics_of(grid.task)
        }
        if any(one is not None for one in drifts):
            metrics[SCORE_DRIFT] = drift_line(chunked, drifts, drift_states)
        self.notes.extend(remarks(chunked))
        live = Live(
            self.reference,
            self.current,
            findings,
            tuple(chunk.key for chunk in self.chunks),
            chunked.baselines,
            policy,
        )
        return Performance(
            target=grid.target,
            score=grid.score or grid.prediction,
            positive=grid.positive,
            kind=grid.task,
            metrics=metrics,
            maturity=series(maturity.shares),
            mature=maturity.mature,
            calibration=self._calibration(chunked),
            segments=segments,
            fairness=fairness,
            counts=_packed([one.shown() for one in chunked.windows]),
            reference_counts=self._reference_counts(chunked),
            score_edges=grid.shown,
            notes=tuple(dict.fromkeys(self.notes)),
            live=live,
        )

    def _chunked(self) -> Chunked:
        policy = self.settings.policy
        fixed = None if self.reference is None else Baseline(self.reference, policy)
        known = {name: Baseline(cube, policy) for name, cube in self.versions.items()}
        epochs = tuple(self.version_of.get(chunk.key) for chunk in self.chunks)
        baselines = tuple(
            fixed if version is None else known.get(version, fixed) for version in epochs
        )
        grid = self.current.grid
        target = grid.target or "positive"
        told = target if grid.positive in (None, "true", "1") else str(grid.positive)
        return Chunked(
            self.current,
            self.chunks,
            baselines,
            epochs,
            tuple(chunk.key in self.partial for chunk in self.chunks),
            policy,
            told,
        )

    def _maturity(self, chunked: Chunked) -> Maturity:
        shares = [one.labelled / one.rows if one.rows else None for one in chunked.windows]
        before = next((one for one in reversed(chunked.baselines) if one is not None), None)
        after = self.settings.labels_after
        found = mature_chunks(
            self.chunks,
            shares,
            () if before is None else before.shares,
            after=None if after is None else timedelta(seconds=after),
            now=self.now or self._data_ends(chunked),
        )
        self.notes.extend(found.notes)
        return found

    def _data_ends(self, chunked: Chunked) -> datetime | None:
        """Until when there is data: where a year is replayed, no other clock says anything."""
        ends = [
            chunk.until
            for chunk, counts in zip(self.chunks, chunked.windows, strict=True)
            if counts.rows and chunk.until is not None
        ]
        return max(ends, default=None)

    def _segments(
        self, chunked: Chunked, maturity: Maturity, judged: Mapping[str, Sequence[Judged]]
    ) -> tuple[SegmentRow, ...]:
        """The worst ones of all mature chunks, of each that alarms, and of the last one."""
        mature = self._mature_keys(maturity)
        if not mature or not self.current.grid.segments:
            return ()
        loud = {
            chunk.key
            for i, chunk in enumerate(self.chunks)
            if any(line[i].state in "wa" for line in judged.values())
        }
        policy = self.settings.policy
        found = [*worst_segments(self.current, policy, mature)]
        for key in mature:
            if len(mature) > 1 and (key in loud or key == mature[-1]):
                found += worst_segments(self.current, policy, [key], key)
        return tuple(found)

    def _fairness(
        self, chunked: Chunked, maturity: Maturity
    ) -> tuple[tuple[GroupRates, ...], tuple[Disparity, ...]]:
        policy, columns = self.settings.policy, self.settings.fairness
        mature = self._mature_keys(maturity)
        if not columns:
            return (), ()
        if self.current.grid.task != "binary":
            self.notes.append("Fairness is of a model with two answers.")
            return (), ()
        counted_by = {bands.column.casefold() for bands in self.current.grid.segments}
        for column in columns:
            if column.casefold() not in counted_by:
                self.notes.append(f"{column} was not counted, so its groups are not compared.")
        now = group_rates(self.current, columns, policy, mature)
        few = [f"{one.by} {named(one.group)}" for one in now if one.selection_rate is None]
        if few:
            self.notes.append(
                f"Groups with fewer than {policy.group_rows:,} rows have no rates: {listed(few)}."
            )
        base = next((one for one in reversed(chunked.baselines) if one is not None), None)
        before = () if base is None else group_rates(base.cube, columns, policy)
        return now, disparities(now, before)

    def _findings(
        self,
        chunked: Chunked,
        maturity: Maturity,
        looks: Mapping[str, Sequence[Look]],
        judged: Mapping[str, Sequence[Judged]],
        segments: Sequence[SegmentRow],
        unequal: Sequence[Disparity],
        drifts: Sequence[float | None],
        drift_states: Sequence[str],
    ) -> tuple[Finding, ...]:
        where: dict[str, list[str]] = {}
        for chunk in self.chunks:
            where[chunk.key] = segment_lines([one for one in segments if one.chunk == chunk.key])
        found: list[Finding] = []
        for metric in LEVELS:
            if metric in judged:
                found += performance_findings(metric, judged[metric], chunked, where)
        if self.current.grid.task == "binary":
            found += concept_findings(chunked, looks["positive_share"], self.loud)
        mature = self._mature_keys(maturity)
        if mature:
            found += fairness_findings(unequal, mature[-1])
        found += prediction_findings(chunked, drifts, drift_states)
        order = {chunk.key: place for place, chunk in enumerate(self.chunks)}
        return tuple(sorted(found, key=lambda one: order[one.chunk]))

    def _mature_keys(self, maturity: Maturity) -> list[str]:
        return [
            chunk.key for chunk, mature in zip(self.chunks, maturity.mature, strict=True) if mature
        ]

    def _calibration(self, chunked: Chunked) -> Calibration | None:
        """The reference's curve, and the chunks in its parts of the score."""
        import numpy as np

        grid = self.current.grid
        base = next((one for one in chunked.baselines if one is not None), None)
        if grid.task != "binary" or not grid.probability or grid.score is None:
            return None
        fitted = self.current.window() if base is None else base.whole
        if base is not None and base.cube.grid.digest != grid.digest:
            fitted = self.current.window()
        groups = groups_of(fitted)
        parts = []
        for counts in chunked.windows:
            n, positive, scores = in_groups(counts, groups)
            mean = np.divide(scores, n, out=np.zeros(len(n)), where=n > 0)
            parts.append(np.stack([n, positive, np.rint(np.clip(mean, 0, 1) * 1e6)], axis=1))
        curve = () if base is None else calibration_curve(base.whole)
        return Calibration(curve, _packed(parts))

    def _reference_counts(self, chunked: Chunked) -> Packed | None:
        base = next((one for one in reversed(chunked.baselines) if one is not None), None)
        if base is None or base.cube.grid.shown != self.current.grid.shown:
            return None
        return Packed.of(base.whole.shown())


def _packed(parts: Sequence[Any]) -> Packed | None:
    import numpy as np

    return Packed.of(np.stack(parts)) if parts else None
