"""Counting scores and outcomes for an evaluation, and what performance says of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.monitoring.counting import Counted, Side, kept_pieces
from mlops_lab.monitoring.incidents import Found
from mlops_lab.monitoring.outcomes import Performance
from mlops_lab.monitoring.recalling import recalled
from mlops_lab.monitoring.records import ChunkRecord, ColumnEvaluation, QualityFinding
from mlops_lab.monitoring.settings import Keep, Settings
from mlops_lab.wording import number, share

if TYPE_CHECKING:
    from mlops_lab.compute import Chunking, ScoreCube, ScoreGrid

__all__ = ["Scored", "judge_performance"]

_SEARCHED: Final = 5
"""Columns among which the worst segments are looked for, besides those that were asked for."""
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Scored:
    """What performance came to, and its alarms."""

    performance: Performance
    findings: tuple[Found, ...]


def judge_performance(
    both: Counted,
    settings: Settings,
    chunks: Sequence[ChunkRecord],
    columns: Sequence[ColumnEvaluation],
    quality: Sequence[QualityFinding],
    keep: Keep | None,
    tmp: Path,
) -> Scored | None:
    """Judge how well the model did; None where neither score nor answer, or no truth, was named.

    Parameters
    ----------
    columns, quality
        What is loud in the inputs: only where they are quiet is a surprise the concept's.
    """
    from mlops_lab.compute import ScoreGrid, fit_scores
    from mlops_lab.monitoring import performance

    answer = settings.score or settings.prediction
    if answer is None or settings.target is None or answer not in both.current.types:
        return None
    answers = [name for name in (settings.score, settings.prediction) if name]
    before = both.reference
    if before is not None and any(name not in before.types for name in answers):
        before = None
    # Labels, bins and bands are the reference's; without scores or truth, the current data's own.
    base = before if before is not None and settings.target in before.types else both.current
    versions = {
        name: side
        for name, side in both.versions.items()
        if all(column in side.types for column in answers)
    }
    counted = [side for side in (before, both.current, *versions.values()) if side is not None]
    asked: dict[str, Any] = {
        "score": settings.score,
        "target": settings.target if settings.target in base.types else None,
        "prediction": settings.prediction,
        "positive": settings.positive,
        "segments": [
            name
            for name in _segments(settings, columns)
            if all(name in side.types for side in counted)
        ],
    }
    # Of growing data the content is another each night, and the grid is learnt anew.
    grid = ScoreGrid.from_json(
        recalled(
            keep,
            base.content,
            "score-grid",
            {**asked, "positive": repr(settings.positive)},
            lambda: fit_scores(base.handy, **asked).to_json(),
        )
    )
    found = performance.judge(
        None if before is None else _count(before, grid, both, keep),
        _count_current(both, grid, keep),
        settings,
        chunks=chunks,
        partial=[chunk.key for chunk in chunks if chunk.state == "partial"],
        versions={name: _count(side, grid, both, keep) for name, side in versions.items()},
        version_of={chunk.key: chunk.version for chunk in chunks if chunk.version is not None},
        loud=_loud(chunks, columns, quality, settings),
    )
    return Scored(found, tuple(found.live.findings))


def _segments(settings: Settings, columns: Sequence[ColumnEvaluation]) -> list[str]:
    """Columns whose groups are looked at: those asked for, then what the model lives on."""
    asked = [name for name in (settings.segment, *settings.fairness) if name]
    features = [one for one in columns if one.role == "feature" and one.name not in asked]
    if settings.importance is None:
        features = [one for one in features if one.kind in ("category", "boolean")]
    ranked = sorted(features, key=lambda one: -(one.importance or 0.0))
    return list(dict.fromkeys([*asked, *(one.name for one in ranked[:_SEARCHED])]))


def _loud(
    chunks: Sequence[ChunkRecord],
    columns: Sequence[ColumnEvaluation],
    quality: Sequence[QualityFinding],
    settings: Settings,
) -> dict[str, list[str]]:
    """By chunk, what of the inputs is out of the ordinary and matters to the model.

    A column that drifted by a part of its rows is worth that part of its importance: what comes to
    less than the policy's `importance` cannot be why labels are not what was expected. Of rows
    outside of the range nobody knows what they are worth.
    """
    found: dict[str, list[str]] = {chunk.key: [] for chunk in chunks}
    for one in quality:
        if one.state == "alert" and one.chunk in found:
            found[one.chunk].append(one.sentence)
    least = settings.policy.importance
    for column in columns:
        worth = column.importance
        if column.role != "feature" or (worth is not None and worth < least):
            continue
        for place, chunk in enumerate(chunks):
            outside = column.outside
            if outside is not None and outside.states and outside.states[place] in "wa":
                rows = share(outside.share[place])
                found[chunk.key].append(
                    f"{rows} of the rows are outside of the range of {column.name}."
                )
            elif column.states[place] in "wa":
                effect = column.effect[place]
                if worth is None or (effect or 0.0) * worth >= least:
                    found[chunk.key].append(f"{column.name} drifted by {number(effect)}.")
    return {key: told for key, told in found.items() if told}


def _count_current(both: Counted, grid: ScoreGrid, keep: Keep | None) -> ScoreCube:
    return _counted(both.current, grid, both.chunking, keep)


def _count(side: Side, grid: ScoreGrid, both: Counted, keep: Keep | None) -> ScoreCube:
    from mlops_lab.compute import Chunking

    chunking = both.chunking
    if chunking.time is not None and chunking.time not in side.types:
        chunking = Chunking("all")
    return _counted(side, grid, chunking, keep)


def _counted(side: Side, grid: ScoreGrid, chunking: Chunking, keep: Keep | None) -> ScoreCube:
    from mlops_lab.compute import ScoreCube, count_scores

    told = json.dumps([_FORMAT, grid.digest, chunking.to_json()], sort_keys=True)
    key = "scores:" + hashlib.sha256(told.encode()).hexdigest()
    cubes = []
    for content, piece in kept_pieces(
        side.source, side.handy, keep, chunking.by in ("size", "count")
    ):

        def make(piece: Any = piece) -> bytes:
            return count_scores(piece, grid, chunking=chunking).to_bytes()

        if keep is None or content is None:
            cubes.append(count_scores(piece, grid, chunking=chunking))
        else:
            cubes.append(ScoreCube.from_bytes(keep.kept(content, key, make)))
    return ScoreCube.merge(*cubes)
