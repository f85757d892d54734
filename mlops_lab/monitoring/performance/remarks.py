"""What a reader must know to take the figures of performance for what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_lab.monitoring.performance.baseline import Baseline
from mlops_lab.monitoring.performance.chunked import Chunked
from mlops_lab.monitoring.settings import Policy
from mlops_lab.wording import counted, listed

if TYPE_CHECKING:
    from mlops_lab.compute import ScoreGrid

__all__ = ["remarks"]


def remarks(chunked: Chunked) -> list[str]:
    """Say what a reader must know to take the figures for what they are."""
    cube, grid = chunked.cube, chunked.cube.grid
    whole, notes = cube.window(), list(grid.notes)
    base = next((one for one in reversed(chunked.baselines) if one is not None), None)
    if grid.target is None:
        notes.append("No column of labels is named: figures are estimates, or of the scores.")
    elif not whole.labelled:
        notes.append(f"No row has a value of {grid.target} yet: nothing is realised.")
    if cube.strange:
        shown = listed([repr(one) for one in cube.strange])
        notes.append(
            f"{counted(sum(cube.strange.values()), 'row')} have a {grid.target} of {shown}, "
            "which the reference does not have; they count as rows without a label."
        )
    if whole.rows > whole.scored:
        notes.append(
            f"{counted(whole.rows - whole.scored, 'row')} of {whole.rows:,} have no score that "
            "is a number; they are in no figure."
        )
    if grid.task == "binary" and not grid.probability:
        notes.append(
            "The scores are not from 0 to 1, so they are no probabilities: there is no log "
            "loss, no Brier score, no gap and no calibration."
        )
    elif grid.task == "binary" and "outside" in whole.sums and whole.total("outside"):
        notes.append(
            f"{counted(int(whole.total('outside')), 'row')} have a score outside of 0 to 1, "
            "the reference has none: losses and gap take them as they are, estimates do not."
        )
    if cube.undated:
        notes.append(f"{counted(cube.undated, 'row')} have no time and are in no chunk.")
    if base is None:
        notes.append("Without a reference nothing is usual: only the size of the gap alarms.")
    else:
        notes += _of_reference(base, grid, chunked.policy)
    return notes


def _of_reference(base: Baseline, grid: ScoreGrid, policy: Policy) -> list[str]:
    notes = []
    with_labels = sum(bool(one) for one in base.figures if len(one) > 1)
    if not base.whole.labelled:
        notes.append("The reference has no labels: no figure is usual, none is estimated.")
    elif with_labels < policy.natural_chunks:
        notes.append(
            f"The reference has {counted(with_labels, 'chunk')} with labels, a natural range "
            f"needs {policy.natural_chunks}: alarms are provisional."
        )
    if grid.task == "binary" and grid.score is None:
        notes.append("Nothing is estimated without labels, and nothing ranked: this needs a score.")
    elif grid.task == "binary" and base.cbpe is None and base.whole.labelled:
        one_label = not base.whole.positive.any() or not base.whole.negative.any()
        notes.append(
            "Nothing is estimated without labels: the reference has one label only."
            if one_label and base.whole.judged >= policy.cbpe_rows
            else f"Nothing is estimated without labels: this needs {policy.cbpe_rows:,} rows "
            f"of the reference with a label, it has {base.whole.judged:,}."
        )
    if base.whole.scored and (base.whole.scores > 0).sum() == 1 and grid.points:
        notes.append("All scores of the reference are equal: they rank nothing.")
    return notes
