"""Comparisons of what an endpoint has logged: the rows of a rollout beside their truth."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.serving.predictions.columns import Columns
from mlops_lab.serving.predictions.joining import slots_of
from mlops_lab.serving.predictions.reading import predictions
from mlops_lab.serving.predictions.scanning import folder_of
from mlops_lab.serving.records import Rollout
from mlops_lab.serving.rollouts.compare import compare
from mlops_lab.serving.rollouts.comparison import Comparison, Every
from mlops_lab.serving.rollouts.replay import Candidate, Replay, replay
from mlops_lab.wording import listed

if TYPE_CHECKING:
    import pyarrow as pa


__all__ = ["compare_logged", "replay_logged"]


def compare_logged(
    root: Path,
    endpoint: str,
    rollout: Rollout,
    *,
    now: int,
    names: dict[str, str] | None = None,
    truth: str | None = None,
    metric: str | None = None,
    every: Every = "day",
    horizon: int | None = None,
    alpha: float = 0.05,
    time: str = "t",
    tmp: Path | None = None,
) -> Comparison:
    """Compare the two revisions of a rollout by what is logged of it.

    Parameters
    ----------
    root, endpoint
        The project's folder, and the endpoint's name.
    truth
        The name by which the truth was told; it may be left out where there is one only.
    tmp
        Where temporary folders are made.
    rollout, now, names, metric, every, horizon, alpha, time
        As of `compare`; a conversion is compared by the outcome unless another metric is named.

    Raises
    ------
    InvalidInput
        There are several truths, or none of that name; or as `compare`.
    """
    import pyarrow as pa

    chosen, event = _truth(root, endpoint, truth)
    if event and metric is None:
        # Of a conversion it is wanted that it happens, not that it was foretold.
        metric = "outcome"
    found = predictions(root, endpoint, rollout=rollout.id, truth=chosen is not None, tmp=tmp)
    needed = {"prediction_id", "revision", "rollout", "unit", "status", "prediction", time, "t"}
    parts = []
    try:
        for batch in found.batches():
            keep = [
                name
                for name in batch.schema.names
                if name in needed or name in _columns_of(chosen) or name.startswith("probability_")
            ]
            parts.append(batch.select(keep))
    except NotFound:
        pass
    rows = pa.Table.from_batches(parts) if parts else _nothing(time)
    return compare(
        rows,
        rollout,
        truth=_column(chosen, rows.column_names),
        now=now,
        names=names,
        metric=metric,
        every=every,
        horizon=horizon,
        alpha=alpha,
        time=time,
    )


def replay_logged(
    root: Path,
    endpoint: str,
    candidate: Candidate,
    *,
    base: str,
    name: str,
    now: int,
    since: Any = None,
    truth: str | None = None,
    metric: str | None = None,
    every: Every = "day",
    horizon: int | None = None,
    time: str = "t",
    revision: str | None = None,
    tmp: Path | None = None,
) -> Replay:
    """Ask a candidate what an endpoint was asked, and was answered by its stable revision.

    Parameters
    ----------
    root, endpoint, truth, tmp
        As of `compare_logged`.
    since
        From when on: a datetime, text, ``7d``; None is all that is kept.
    revision
        Only what this one answered; None is what every stable one did.
    candidate, base, name, now, metric, every, horizon, time
        As of `replay`.
    """
    chosen, _ = _truth(root, endpoint, truth)
    asked = predictions(
        root,
        endpoint,
        since=since,
        role="stable",
        revision=revision,
        status=200,
        truth=chosen is not None,
        tmp=tmp,
    )
    columns = Columns(candidate.signature)
    called = {wanted: columns.input(wanted) or wanted for wanted in candidate.schema.names}
    batches = asked.batches()
    first = next(batches, None)
    return replay(
        () if first is None else chain((first,), batches),
        candidate,
        base=base,
        name=name,
        now=now,
        columns=called,
        truth=None if first is None else _column(chosen, first.schema.names),
        time=time,
        metric=metric,
        every=every,
        horizon=horizon,
    )


def _column(truth: str | None, names: list[str]) -> str | None:
    """What a truth is called in the log: another name when a column has that one already."""
    if truth is None:
        return None
    return max((name for name in names if name in _columns_of(truth)), key=len, default=None)


def _columns_of(truth: str | None) -> tuple[str, ...]:
    return () if truth is None else (truth, f"truth_{truth}")


def _truth(root: Path, endpoint: str, wanted: str | None) -> tuple[str | None, bool]:
    """The name of the truth to compare by, and whether it is a conversion."""
    slots = slots_of(folder_of(root, endpoint))
    names = sorted({slot.name for slot in slots})
    if wanted is None and len(names) > 1:
        raise InvalidInput(f"Say which truth to compare by: {listed(names, 9)}.")
    if wanted is not None and wanted not in names:
        raise InvalidInput(
            f"No truth was told of {endpoint} by the name {wanted!r}; there is {listed(names)}."
        )
    chosen = wanted or (names[0] if names else None)
    return chosen, bool(names) and all(slot.event for slot in slots if slot.name == chosen)


def _nothing(time: str) -> pa.Table:
    import pyarrow as pa

    names = ("prediction_id", "revision", "rollout", "unit", "prediction")
    table = pa.table({name: pa.array([], pa.string()) for name in names})
    for column in {"t", time}:
        table = table.append_column(column, pa.array([], pa.timestamp("us", "UTC")))
    return table
