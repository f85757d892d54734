"""Replay: a candidate answers logged requests again, and its answers stand beside those given.

It costs no user anything and asks the past: what it says of a candidate is as good as the past is
like tomorrow. Rows are the same for both, so the comparison is paired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mlops_lab.errors import LabError
from mlops_lab.serving.inputs import Rows, Schema
from mlops_lab.serving.outputs import Answer, WrongAnswer
from mlops_lab.serving.rollouts.compare import compare_pairs, micros_of
from mlops_lab.serving.rollouts.comparison import Comparison, Every
from mlops_lab.serving.rollouts.losses import chances_of, finite_losses, loss_named, loss_of
from mlops_lab.wording import counted, number, share

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from mlops_lab.registry.signature import Signature

__all__ = ["Candidate", "Replay", "replay"]

CLOSE = 1e-3
"""Probabilities and numbers that differ by no more are the same answer, as in the parity gate."""


class Candidate(Protocol):
    """A model that is ready to answer: `mlops_lab.serving.loading.Loaded`."""

    @property
    def schema(self) -> Schema:
        """What it takes."""
        ...

    @property
    def signature(self) -> Signature | None:
        """The same as it was kept with the model, and what it gives."""
        ...

    def answer(self, rows: Rows) -> Answer:
        """Answer rows."""
        ...


@dataclass(frozen=True, slots=True)
class Replay:
    """What a candidate says of logged requests.

    Attributes
    ----------
    rows
        That were asked again.
    refused
        Of them, those that it did not answer.
    fault
        Why it did not, the first reason; None.
    agree
        The share of answers with the same prediction; None where there is no answer.
    greatest
        The greatest difference of a probability, or of numbers; None where there is none.
    comparison
        Who was right more often, as far as the truth is known.
    sentence
        It in words.
    """

    rows: int
    refused: int
    fault: str | None
    agree: float | None
    greatest: float | None
    comparison: Comparison | None
    sentence: str

    def __repr__(self) -> str:
        return f"<Replay: {self.sentence}>"

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        told = None if self.comparison is None else self.comparison.to_json()
        return {**asdict(self), "comparison": told}


def replay(
    batches: Iterable[pa.RecordBatch],
    candidate: Candidate,
    *,
    base: str,
    name: str,
    now: int,
    columns: Mapping[str, str] | None = None,
    truth: str | None = None,
    time: str = "t",
    metric: str | None = None,
    every: Every = "day",
    horizon: int | None = None,
    alpha: float = 0.05,
) -> Replay:
    """Ask a candidate what was asked before.

    Parameters
    ----------
    batches
        Of the prediction log, in any order, with the truth beside it where it is known; only what
        was answered. One batch is in memory at a time, and of all of them one number per row.
    candidate
        The model.
    base, name
        What people call the version that answered, and the candidate.
    now
        µs, UTC.
    columns
        Where an input is called otherwise in the log: input → column.
    truth
        The column of the truth; None: only agreement is told.
    time, metric, every, horizon, alpha
        As of `compare`.

    Raises
    ------
    InvalidInput
        There is no such metric or period.
    """
    import numpy as np
    import pandas as pd

    called = columns or {}
    loss = None if metric is None else loss_named(metric)
    at: list[Any] = []
    losses: tuple[list[Any], list[Any]] = ([], [])
    rows = refused = agree = 0
    greatest: float | None = None
    fault: str | None = None
    patience = _Patience()
    for batch in batches:
        rows += batch.num_rows
        keep, answer, why = _answers(batch, candidate, called, patience)
        refused += batch.num_rows - len(keep)
        fault = fault or why
        if answer is None:
            continue
        given = batch.take(keep).to_pandas()
        said = pd.DataFrame(answer.flat())
        same, most = _agreement(given, said)
        agree += same
        greatest = most if greatest is None or (most or 0.0) > greatest else greatest
        known = given[truth] if truth is not None else pd.Series(pd.NA, given.index)
        if loss is None and known.notna().any():
            loss = loss_of(said, known)
        at.append(micros_of(given[time]).to_numpy())
        for side, frame in zip(losses, (given, said), strict=True):
            nothing = np.full(len(given), np.nan)
            side.append(nothing if loss is None else finite_losses(loss, frame, known))
    answered = rows - refused
    comparison = None
    if loss is not None and at:
        comparison = compare_pairs(
            np.concatenate(at),
            np.concatenate(losses[0]),
            np.concatenate(losses[1]),
            loss=loss,
            now=now,
            base=base,
            candidate=name,
            every=every,
            horizon=horizon,
            alpha=alpha,
        )
    agreed = agree / answered if answered else None
    return Replay(
        rows=rows,
        refused=refused,
        fault=fault,
        agree=agreed,
        greatest=greatest,
        comparison=comparison,
        sentence=_sentence(rows, refused, fault, agreed, comparison, base, name),
    )


@dataclass(slots=True)
class _Patience:
    """How many single rows may fail before the rest of a batch that failed is not tried."""

    left: int = 1000


def _answers(
    batch: pa.RecordBatch, candidate: Candidate, called: Mapping[str, str], patience: _Patience
) -> tuple[list[int], Answer | None, str | None]:
    """The rows that the candidate answers, what it says of them, and why not of the others."""
    try:
        rows = _inputs(batch, candidate.schema, called)
        return list(range(rows.count)), candidate.answer(rows), None
    except Exception as error:  # noqa: BLE001 - a model may raise anything; it is told
        first = _reason(error)
    patience.left -= batch.num_rows <= 1
    if batch.num_rows <= 1 or patience.left <= 0:
        return [], None, first
    # One bad row must not spoil a batch: halves find it.
    half = batch.num_rows // 2
    kept: list[int] = []
    answers: list[Answer] = []
    why: str | None = None
    for start, part in ((0, batch.slice(0, half)), (half, batch.slice(half))):
        keep, answer, reason = _answers(part, candidate, called, patience)
        kept += [start + place for place in keep]
        answers += [] if answer is None else [answer]
        why = why or reason
    return kept, _joined(answers), why or first


def _joined(answers: list[Answer]) -> Answer | None:
    import numpy as np

    if not answers:
        return None
    names = answers[0].columns
    joined = {name: np.concatenate([one.columns[name] for one in answers]) for name in names}
    return Answer(joined, answers[0].classes)


def _reason(error: Exception) -> str:
    if isinstance(error, LabError | WrongAnswer):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _inputs(batch: pa.RecordBatch, schema: Schema, called: Mapping[str, str]) -> Rows:
    import numpy as np

    there = set(batch.schema.names)
    if schema.container == "frame":
        columns = {
            name: batch.column(called.get(name, name)).to_numpy(zero_copy_only=False)
            for name in schema.names
            if called.get(name, name) in there
        }
        return schema.rows(columns)
    width = schema.shape[1] if len(schema.shape) == 2 else 1
    names = [f"x{place}" for place in range(width or 0) if f"x{place}" in there]
    table = [batch.column(name).to_numpy(zero_copy_only=False) for name in names]
    array = np.column_stack(table) if table else np.empty((batch.num_rows, 0))
    return schema.rows_of_array(array[:, 0] if len(schema.shape) == 1 else array)


def _agreement(given: pd.DataFrame, said: pd.DataFrame) -> tuple[int, float | None]:
    """How many predictions are the same, and by how much numbers differ at most."""
    import numpy as np
    import pandas as pd

    numbers = [name for name in chances_of(said).values() if name in given]
    if not numbers and pd.api.types.is_float_dtype(said["prediction"]):
        numbers = ["prediction"]
    apart = [np.abs(given[name].to_numpy(float) - said[name].to_numpy(float)) for name in numbers]
    most = None
    if apart:
        largest = np.nanmax(np.concatenate([np.ravel(each) for each in apart]), initial=0.0)
        most = float(largest)
    if numbers == ["prediction"]:
        return int((apart[0] <= CLOSE).sum()), most
    pairs = zip(given["prediction"].tolist(), said["prediction"].tolist(), strict=True)
    return sum(a == b or str(a) == str(b) for a, b in pairs), most


def _sentence(
    rows: int,
    refused: int,
    fault: str | None,
    agree: float | None,
    comparison: Comparison | None,
    base: str,
    name: str,
) -> str:
    if rows == 0:
        return "There is no logged request to replay."
    parts = []
    if agree is not None:
        parts.append(
            f"{name} says the same as {base} to {share(agree)} of {counted(rows, 'logged row')}."
        )
    if refused:
        parts.append(f"It does not answer {number(refused)} of them: {fault}")
    if comparison is not None:
        parts.append(comparison.sentence)
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts)
