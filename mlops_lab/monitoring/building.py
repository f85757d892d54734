"""From counts, measures and judgements to the evaluation that is kept and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from mlops_lab.monitoring.counting import Counted, Side
from mlops_lab.monitoring.drawing import bins_for, by_version, packed, reference_column
from mlops_lab.monitoring.live import Live
from mlops_lab.monitoring.measuring import ColumnLine
from mlops_lab.monitoring.policy import Gates
from mlops_lab.monitoring.quality import Looked
from mlops_lab.monitoring.records import Chunking as ChunkingRecord
from mlops_lab.monitoring.records import (
    ChunkRecord,
    ColumnEvaluation,
    Current,
    Evaluation,
    Incident,
    Outside,
    Reference,
    Segments,
    Summary,
)
from mlops_lab.monitoring.scoring import Scored
from mlops_lab.monitoring.settings import Settings
from mlops_lab.monitoring.windows import Compared
from mlops_lab.monitoring.wire import DIGITS, EXACT, series, significant
from mlops_lab.wording import counted, during, listed

if TYPE_CHECKING:
    from mlops_lab.compute import Window

__all__ = ["Built", "build_columns", "build_evaluation", "summarise"]

_ALARM = "wa"
_JUDGED = "owa"


@dataclass(frozen=True, slots=True)
class Built:
    """What an evaluation is built from.

    Parameters
    ----------
    windows, chunks
        Of the current data, in order.
    lines, gates
        Of the columns that drift is judged of, in their order.
    outside
        By column.
    """

    both: Counted
    compared: Compared
    windows: tuple[Window, ...]
    chunks: tuple[ChunkRecord, ...]
    looked: Looked
    lines: Sequence[ColumnLine]
    gates: Sequence[tuple[Gates, ...]]
    outside: Mapping[str, Outside]

    def references(self) -> dict[str | None, Window]:
        """By epoch, the whole of what is compared with."""
        if self.both.reference is None:
            return {None: self.compared.windows[-1]} if self.compared.windows else {}
        versions = self.both.versions
        sides = {
            epoch: self.both.reference if epoch is None else versions[epoch]
            # Without a chunk there is still a reference to show.
            for epoch in dict.fromkeys(self.compared.epochs or (None,))
        }
        return {epoch: side.cube.window(None) for epoch, side in sides.items()}


def build_columns(built: Built, settings: Settings) -> tuple[ColumnEvaluation, ...]:
    """The columns as they are kept and shown."""
    references = built.references()
    whole = built.both.current.cube.window(None)
    return tuple(
        _column(line, gates, built, settings, references, whole)
        for line, gates in zip(built.lines, built.gates, strict=True)
    )


def build_evaluation(
    built: Built,
    columns: tuple[ColumnEvaluation, ...],
    scored: Scored | None,
    settings: Settings,
    live: Live,
) -> Evaluation:
    """Everything but the incidents and the summary, which look at it."""
    both = built.both
    reference = _reference(built, settings)
    current = settings.current_told or both.current.source.told
    cube = both.current.cube
    names = [one for one in cube.names if cube.rows(segment=one)]
    return Evaluation(
        format=1,
        id=None,
        monitor=None,
        title=f"{current} against {reference.told}",
        at=datetime.now(UTC),
        reference=reference,
        current=Current(current, both.current.cube.total_rows, *_ends(both.current)),
        chunking=ChunkingRecord(
            both.chunking.by, both.chunking.time, both.chunking.timezone, both.told
        ),
        policy=settings.policy,
        notes=_notes(built, settings),
        summary=Summary("ok", ""),
        chunks=built.chunks,
        columns=columns,
        quality=built.looked.findings,
        performance=None if scored is None else scored.performance,
        alerts=(),
        events=(),
        segments=Segments(settings.segment, tuple(names)) if settings.segment and names else None,
        live=live,
    )


def summarise(evaluation: Evaluation) -> Summary:
    """The worst that is open, and the whole in a sentence."""
    alerts = [one for one in evaluation.alerts if one.severity != "info"]
    going = [one for one in alerts if one.open]
    chunks = counted(len(evaluation.chunks), _noun(evaluation))
    if going:
        # What is broken comes first: it may be the cause of all the rest.
        worst = min(going, key=lambda one: (one.kind != "quality", one.severity != "alert"))
        rest = f" {len(going) - 1} more open." if len(going) > 1 else ""
        return Summary(_state(going), f"{worst.sentence}{rest}")
    nothing = _nothing_judged(evaluation)
    if nothing is not None:
        return Summary("small", nothing)
    judged = {one.name for one in evaluation.columns if not set(one.states).isdisjoint(_JUDGED)}
    columns = counted(len(judged), "column")
    if alerts:
        last = max(alerts, key=lambda one: one.last)
        label = evaluation.chunks[evaluation.place(last.last)].label
        return Summary(
            "ok",
            f"Nothing is open: {counted(len(alerts), 'incident')} in {chunks}, last loud "
            f"{during(label)}.",
        )
    where = f" in {chunks}" if len(evaluation.chunks) > 1 else ""
    unknown = [one.name for one in evaluation.columns if one.name not in judged]
    rest = f" Not judged, for too few values: {listed(unknown, 8)}." if unknown else ""
    above = [one.name for one in evaluation.columns if not set("wa").isdisjoint(one.states)]
    but = f" but {listed(above)}" if above else ""
    return Summary("ok", f"No alarm: {columns}{where}, all{but} within what is natural.{rest}")


def _nothing_judged(evaluation: Evaluation) -> str | None:
    """Why nothing could be judged; None where something was."""
    if not evaluation.chunks or not evaluation.current.rows:
        told = f" {evaluation.notes[0]}" if evaluation.notes else ""
        return f"There is nothing to judge: {evaluation.current.told} has no rows here.{told}"
    if not evaluation.columns:
        return "There is nothing to judge: no column is of a kind that drift is told of."
    if any(letter in _JUDGED for one in evaluation.columns for letter in one.states):
        return None
    least = evaluation.policy.drift_rows
    return f"Nothing can be judged: it takes {least:,} rows a chunk, on both sides."


def _state(going: Sequence[Incident]) -> Literal["quality", "alert", "warn"]:
    if any(one.kind == "quality" and one.severity == "alert" for one in going):
        return "quality"
    return "alert" if any(one.severity == "alert" for one in going) else "warn"


def _noun(evaluation: Evaluation) -> str:
    by = evaluation.chunking.by
    return by if by in ("hour", "day", "week", "month") else "chunk"


def _reference(built: Built, settings: Settings) -> Reference:
    both = built.both
    if both.reference is None:
        told = settings.reference_told or f"the {settings.rolling_days:g} days before"
        return Reference("rolling", told, 0, None, None, 0)
    told = settings.reference_told or both.reference.source.told
    epochs = [one for one in dict.fromkeys(built.compared.epochs)]
    last = both.reference if not epochs or epochs[-1] is None else both.versions[epochs[-1]]
    return Reference(
        settings.reference_kind,
        told,
        last.cube.total_rows,
        *_ends(last),
        len(built.compared.own.get(epochs[-1] if epochs else None, ())),
    )


def _ends(side: Side) -> tuple[datetime | None, datetime | None]:
    first = [one for one in side.seen.first if one is not None]
    last = [one for one in side.seen.last if one is not None]
    return min(first, default=None), max(last, default=None)


def _notes(built: Built, settings: Settings) -> tuple[str, ...]:
    both = built.both
    notes = list(both.notes)
    for side in (both.current, both.reference):
        if side is not None and side.seen.undated:
            rows = counted(side.seen.undated, "row")
            notes.append(f"{rows} of {side.source.told} have no time and are in no chunk.")
    inside = sum(one is not None for one in built.compared.left_out)
    if inside:
        notes.append(
            f"{counted(inside, 'chunk')} may be part of the reference: each was compared with the "
            "rest of it."
        )
    judged = {line.name for line in built.lines}
    apart = [
        f"{name} ({both.grids.kinds[name].kind}: {both.grids.kinds[name].reason})"
        for name in both.columns
        if name not in judged and name in both.grids
    ]
    if apart:
        notes.append(f"Looked at for data quality only: {listed(apart, 8)}.")
    return tuple(dict.fromkeys([*notes, *built.looked.notes]))


def _column(
    line: ColumnLine,
    gates: Sequence[Gates],
    built: Built,
    settings: Settings,
    references: Mapping[str | None, Window],
    whole: Window,
) -> ColumnEvaluation:
    name = line.name
    policy = settings.policy
    warn, alert = line.levels(policy)
    digits = EXACT if settings.mode == "exact" else DIGITS
    states = "".join(one.state for one in gates)
    before = {epoch: window[name] for epoch, window in references.items()}
    bins = bins_for(list(before.values()), whole[name], len(built.lines), len(built.chunks))
    importance = None if settings.importance is None else settings.importance.get(name)
    values = [None if one is None else one.value for one in line.effect]
    naturals = series(line.naturals)
    roles = {settings.score: "score", settings.prediction: "prediction", settings.target: "target"}
    return ColumnEvaluation(
        name=name,
        kind=line.kind,
        declared=built.both.grids.kinds[name].declared,
        role=roles.get(name, "feature"),  # type: ignore[arg-type]
        unit=settings.units.get(name),
        importance=significant(importance),
        impact=_impact(values, states, importance),
        measure=line.measure,
        warn=warn,
        alert=alert,
        natural=next((one for one in reversed(naturals) if one is not None), None),
        provisional=not naturals or naturals[-1] is None,
        states=states,
        effect=series(values, digits),
        effect_low=series([None if one is None else one.low for one in line.effect], digits),
        effect_high=series([None if one is None else one.high for one in line.effect], digits),
        wasserstein=series(line.also.get("wasserstein", [None] * len(states)), digits),
        psi=series(line.also.get("psi", [None] * len(states))),
        missing=series(line.missing),
        p_value=series(line.p_value),
        median=series(line.median),
        outside=built.outside.get(name),
        reference=reference_column(list(before.values())[-1]),
        bins=bins,
        reference_counts=by_version(before, bins),
        counts=packed([window[name] for window in built.windows], bins),
        # One number says it all where the reference stays.
        naturals=() if len(set(naturals)) <= 1 else naturals,
        statistics={
            one: series(values)
            for one, values in line.also.items()
            if one not in ("wasserstein", "psi")
        },
    )


def _impact(values: Sequence[float | None], states: str, importance: float | None) -> float | None:
    """Drift times importance: of the largest alarm, else of the last chunk that was judged."""
    if importance is None:
        return None
    alarms = [value for value, letter in zip(values, states, strict=True) if letter in _ALARM]
    judged = [value for value, letter in zip(values, states, strict=True) if letter in _JUDGED]
    known = [value for value in (alarms or judged[-1:]) if value is not None]
    return significant(max(known, default=0.0) * max(importance, 0.0))
