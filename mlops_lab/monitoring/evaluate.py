"""One look at current data beside reference data: counted, measured, judged, explained.

The order is that of trust: data quality first, because what is broken says nothing about drift;
then drift, the domain, and performance; then what of it is an alarm, and why.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.monitoring import domain
from mlops_lab.monitoring.building import Built, build_columns, build_evaluation, summarise
from mlops_lab.monitoring.counting import Counted, Progress, between, count_sides
from mlops_lab.monitoring.exactly import sharpen
from mlops_lab.monitoring.explain import explain_incident
from mlops_lab.monitoring.incidents import find_incidents, ranked
from mlops_lab.monitoring.live import Live
from mlops_lab.monitoring.measuring import ColumnLine, measure_columns
from mlops_lab.monitoring.policy import Gates, judge
from mlops_lab.monitoring.quality import Looked, Material, look
from mlops_lab.monitoring.records import ChunkRecord, Evaluation, Incident, Outside
from mlops_lab.monitoring.scoring import Scored, judge_performance
from mlops_lab.monitoring.settings import Keep, Settings
from mlops_lab.monitoring.together import tell_apart
from mlops_lab.monitoring.windows import (
    Compared,
    compare_fixed,
    compare_rolling,
    compare_training,
    is_partial,
    label_of,
)

if TYPE_CHECKING:
    from mlops_lab.compute import Source, Window

__all__ = ["evaluate", "look_again"]


def evaluate(
    reference: Source | None,
    current: Source,
    settings: Settings,
    *,
    keep: Keep | None = None,
    progress: Progress | None = None,
    tmp: Path | None = None,
) -> Evaluation:
    """Look at current data beside reference data.

    Parameters
    ----------
    reference
        What is compared with; not read for a rolling reference, which is in the current data.
    current
        What is looked at.
    settings
        What is asked.
    keep
        Who keeps counts of what does not change.
    progress
        Told how far it is, from 0 to 1, and what it does.
    tmp
        Where temporary folders are made.

    Returns
    -------
    Evaluation
        With `Evaluation.live`, from which windows are recomputed.

    Raises
    ------
    InvalidInput
        The two sides have nothing in common, or what the settings name is not there.
    KeyboardInterrupt
        Ctrl-C stops it at once.
    """
    if settings.reference_kind == "rolling":
        reference = None
    if tmp is not None:
        tmp.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="evaluation-", dir=tmp) as folder:
        found = _Looking(reference, current, settings, keep, progress, Path(folder)).look()
    if progress is not None:
        progress(1.0, "done")
    return found


def look_again(
    reference: Source | None,
    current: Source,
    settings: Settings,
    *,
    keep: Keep | None = None,
    tmp: Path | None = None,
) -> Live:
    """Count both sides again, or take what was kept of it: for windows of a stored evaluation."""
    if settings.reference_kind == "rolling":
        reference = None
    with tempfile.TemporaryDirectory(prefix="evaluation-", dir=tmp) as folder:
        both = count_sides(reference, current, settings, Path(folder), keep)
    return _live(both, compare(both, settings), None)


def compare(both: Counted, settings: Settings) -> Compared:
    """Give each chunk its reference."""
    current = both.current.cube
    if settings.reference_kind == "rolling" or both.reference is None:
        return compare_rolling(current, current, settings.rolling_days)
    if settings.reference_kind == "training" and both.versions:
        cubes = {name: side.cube for name, side in both.versions.items()}
        answered = both.current.seen.versions
        return compare_training(both.reference.cube, cubes, current, answered)
    return compare_fixed(both.reference.cube, current)


def _live(both: Counted, compared: Compared, performance: object) -> Live:
    return Live(
        current=both.current.cube,
        reference=None if both.reference is None else both.reference.cube,
        compared=compared,
        versions={name: side.cube for name, side in both.versions.items()},
        performance=performance,
    )


@dataclass(slots=True)
class _Looking:
    """One evaluation on its way."""

    reference: Source | None
    current: Source
    settings: Settings
    keep: Keep | None
    progress: Progress | None
    tmp: Path

    def look(self) -> Evaluation:
        settings = self.settings
        both = count_sides(
            self.reference, self.current, settings, self.tmp, self.keep, self.progress
        )
        compared = compare(both, settings)
        windows = [window for _, window in both.current.cube.chunk_windows()]
        chunks = _chunk_records(both, settings)
        partial = frozenset(i for i, chunk in enumerate(chunks) if chunk.state == "partial")
        material = self._material(both, compared, windows, chunks, partial)
        quality = between(self.progress, 0.5, 0.6, "looking at data quality")
        looked = look(material, lambda share: quality(round(100 * share), 100))
        wrong = _wrong(looked, chunks)
        lines = self._measure(both, compared, windows)
        if settings.mode == "exact":
            again = between(self.progress, 0.7, 0.8, "reading the values again")
            sharpen(lines, both, compared, windows, self.tmp, again)
        gates = self._judge(lines, compared, wrong, partial)
        self._step(0.8, "judging the domain")
        outside = self._domain(material, both, wrong)
        built = Built(both, compared, tuple(windows), chunks, looked, lines, gates, outside)
        columns = build_columns(built, settings)
        self._step(0.88, "judging performance")
        scored = judge_performance(
            both, settings, chunks, columns, looked.findings, self.keep, self.tmp
        )
        live = _live(both, compared, None if scored is None else scored.performance.live)
        evaluation = build_evaluation(built, columns, scored, settings, live)
        apart: list[Incident] = []
        if settings.classifier:
            self._step(0.92, "asking a classifier")
            apart, notes = tell_apart(both, compared, chunks, settings, self.tmp)
            evaluation = replace(evaluation, notes=(*evaluation.notes, *notes))
        self._step(0.96, "explaining")
        return _explained(evaluation, scored, apart)

    def _step(self, share: float, what: str) -> None:
        if self.progress is not None:
            self.progress(share, what)

    def _material(
        self,
        both: Counted,
        compared: Compared,
        windows: Sequence[Window],
        chunks: Sequence[ChunkRecord],
        partial: frozenset[int],
    ) -> Material:
        settings = self.settings
        base = both.reference or both.current
        apart = (
            settings.time,
            settings.version,
            settings.target,
            settings.score,
            settings.prediction,
        )
        return Material(
            chunks=both.current.cube.chunks,
            labels=tuple(chunk.label for chunk in chunks),
            current=tuple(windows),
            compared=compared,
            grids=both.grids,
            types=both.current.types,
            reference_types=base.types,
            policy=settings.policy,
            timezone=settings.timezone,
            time=settings.time,
            source=both.current.handy,
            reference=None if both.reference is None else both.reference.handy,
            units=settings.units,
            ignored=frozenset(name for name in apart if name),
            target=settings.target,
            watched=frozenset(settings.columns or settings.importance or ()) or None,
            reference_chunks=() if both.reference is None else both.reference.cube.chunks,
            partial=partial,
            tmp=self.tmp,
        )

    def _measure(
        self, both: Counted, compared: Compared, windows: Sequence[Window]
    ) -> list[ColumnLine]:
        settings = self.settings
        counted = both.current.cube.cells
        names = [name for name in _judged_names(both, settings) if name in counted]
        return measure_columns(
            {name: both.grids[name].kind for name in names},
            windows,
            compared,
            settings.policy,
            rolling=settings.reference_kind == "rolling",
            keep=self.keep,
            contents=_contents(both),
            progress=between(self.progress, 0.6, 0.7, "measuring drift"),
        )

    def _judge(
        self,
        lines: Sequence[ColumnLine],
        compared: Compared,
        wrong: frozenset[tuple[str, int]],
        partial: frozenset[int],
    ) -> list[tuple[Gates, ...]]:
        policy = self.settings.policy
        places = range(len(compared.windows))
        judged = [place not in partial for place in places]
        return judge(
            [
                line.facts(
                    policy,
                    compared.epochs,
                    [(line.name, place) in wrong for place in places],
                    judged,
                )
                for line in lines
            ],
            policy,
        )

    def _domain(
        self, material: Material, both: Counted, wrong: frozenset[tuple[str, int]]
    ) -> Mapping[str, Outside]:
        asked = self.settings.domain
        if asked is False:
            return {}
        columns = frozenset(both.columns) if asked is True else asked
        found = domain.judge(
            material, columns, quality=wrong, keep=self.keep, contents=_contents(both)
        )
        if asked is True:
            return found
        return {name: replace(one, alone=True) for name, one in found.items()}


def _explained(
    evaluation: Evaluation, scored: Scored | None, apart: Sequence[Incident]
) -> Evaluation:
    """With incidents, their explanations, and what they come to."""
    found = find_incidents(evaluation, scored.findings if scored else ())
    evaluation = replace(evaluation, alerts=found)
    explained = [replace(one, sections=explain_incident(evaluation, one)) for one in found]
    evaluation = replace(evaluation, alerts=ranked([*explained, *apart], evaluation))
    return replace(evaluation, summary=summarise(evaluation))


def _contents(both: Counted) -> dict[str | None, str | None]:
    """By epoch, what stands for the counts of what it is compared with."""
    found: dict[str | None, str | None] = {
        name: side.content for name, side in both.versions.items()
    }
    if both.reference is not None:
        found[None] = both.reference.content
    return found


def _judged_names(both: Counted, settings: Settings) -> list[str]:
    """The columns that drift is measured of: features, then answers and truth."""
    answers = [settings.score, settings.prediction, settings.target]
    names = [*both.columns, *(name for name in answers if name and name in both.grids)]
    return list(dict.fromkeys(names))


def _chunk_records(both: Counted, settings: Settings) -> tuple[ChunkRecord, ...]:
    policy, seen = settings.policy, both.current.seen
    found = []
    for place, chunk in enumerate(both.current.cube.chunks):
        rows = both.current.cube.rows(chunk.key)
        state = (
            "partial"
            if is_partial(seen, place)
            else "small"
            if rows < policy.small
            else "quality_only"
            if rows < policy.drift_rows
            else "complete"
        )
        found.append(
            ChunkRecord(
                key=chunk.key,
                label=label_of(chunk, both.chunking),
                from_=chunk.from_,
                until=chunk.until,
                rows=rows,
                state=state,  # type: ignore[arg-type]
                version=seen.versions[place],
            )
        )
    return tuple(found)


def _wrong(looked: Looked, chunks: Sequence[ChunkRecord]) -> frozenset[tuple[str, int]]:
    """Columns and places of chunks with an alert of data quality: drift says nothing there."""
    place = {chunk.key: i for i, chunk in enumerate(chunks)}
    found: set[tuple[str, int]] = set()
    for one in looked.findings:
        if one.column is None or one.state != "alert":
            continue
        places = range(len(chunks)) if one.chunk is None else [place[one.chunk]]
        found.update((one.column, at) for at in places)
    return frozenset(found)
