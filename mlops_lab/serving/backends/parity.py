"""Whether another form of a model answers as the model does: what was compared, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from mlops_lab.errors import Corrupt
from mlops_lab.serving.backends.backend import Result

__all__ = ["CLOSE", "FORMAT", "SHARE", "Difference", "ParityReport", "compare"]

CLOSE: Final = 1e-3
"""Probabilities may differ by this; numbers by so much of their own standard deviation."""

FORMAT: Final = 2
"""Of a form and the verdict on it; one of another format is made anew."""

SHARE: Final = 1e-3
"""The share of rows that may differ by more."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How two backends' answers for the same rows differ.

    Attributes
    ----------
    rows
        How many rows there were.
    labels
        In how many of them the answer is another one: of a classifier. None may.
    over
        In how many the numbers differ by more than `CLOSE`.
    worst
        The largest difference of a number, in the unit of `CLOSE`; 0 without numbers.
    """

    rows: int
    labels: int = 0
    over: int = 0
    worst: float = 0.0

    @property
    def small(self) -> bool:
        """Whether the gate lets it pass."""
        return not self.labels and self.over <= SHARE * self.rows

    def __add__(self, other: Difference) -> Difference:
        return Difference(
            self.rows + other.rows,
            self.labels + other.labels,
            self.over + other.over,
            max(self.worst, other.worst),
        )


@dataclass(frozen=True, slots=True)
class ParityReport:
    """The verdict on a converted model.

    Attributes
    ----------
    passed
        Whether it may answer in place of the model.
    why
        A sentence: what was seen, or why not.
    source
        Where the rows came from.
    rows, rows_missing
        How many real rows were compared, and in how many of them a value is missing.
    probes
        How many rows were compared beside them that were made of them: values missing, unknown,
        far away, and mixed anew.
    labels, over, worst
        As of `Difference`, over all rows.
    one_row_ms, thousand_rows_ms
        Processor time by backend: ``{"sklearn": 4.1, "onnx": 0.05}``.
    elsewhere
        Sentences: which rows are answered by scikit-learn all the same.
    versions
        Of what converted and compared.
    digest
        The content of the converted model; None when there is none.
    made
        µs, UTC.
    passing
        Whether the verdict is about the moment, such as too little memory, and is worth another
        try later.
    """

    passed: bool
    why: str
    source: str = ""
    rows: int = 0
    rows_missing: int = 0
    probes: int = 0
    labels: int = 0
    over: int = 0
    worst: float = 0.0
    one_row_ms: Mapping[str, float] = field(default_factory=dict)
    thousand_rows_ms: Mapping[str, float] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    digest: str | None = None
    made: int = 0
    passing: bool = False

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON, the content of ``parity.json``."""
        return {"v": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: Any) -> ParityReport:
        """Read what `to_json` gave.

        Raises
        ------
        Corrupt
            It is something else.
        """
        try:
            known = {each.name: data[each.name] for each in fields(cls) if each.name in data}
            return cls(**{**known, "elsewhere": tuple(known.get("elsewhere", ()))})
        except (AttributeError, KeyError, TypeError) as error:
            raise Corrupt(f"This is no parity report: {error!r}.") from None


def compare(model: Result, other: Result) -> Difference:
    """Compare what the model says of some rows with what another form of it says.

    Parameters
    ----------
    model
        What is right.
    other
        What is to be as good.

    Examples
    --------
    >>> import numpy as np
    >>> compare(Result(np.array([0.0, 1.0])), Result(np.array([0.0, 1.25])))
    Difference(rows=2, labels=0, over=1, worst=0.5)
    """
    import numpy as np

    right = np.asarray(model.prediction)
    said = np.asarray(other.prediction)
    rows = len(right)
    if said.shape != right.shape or (model.probability is None) != (other.probability is None):
        return Difference(rows, rows, rows)
    numbers = right.dtype.kind == "f" and model.probability is None
    wrong = np.zeros(rows, bool) if numbers else _by_row(~_equal(right, said))
    pairs = [(right, said, _spread(right))] if numbers else []
    if model.probability is not None:
        if np.shape(model.probability) != np.shape(other.probability):
            return Difference(rows, rows, rows)
        pairs.append((model.probability, other.probability, 1.0))
    over, worst = np.zeros(rows, bool), 0.0
    for one, two, unit in pairs:
        apart = np.abs(np.asarray(one, float) - np.asarray(two, float)) / unit
        # Where both say that they do not know, they agree; where one does, they do not.
        apart = np.where(np.isnan(one) & np.isnan(two), 0.0, apart)
        apart = np.where(np.isnan(apart), np.inf, apart)
        over |= _by_row(apart > CLOSE)
        worst = max(worst, float(apart.max(initial=0.0)))
    return Difference(rows, int(wrong.sum()), int(over.sum()), worst)


def _equal(right: Any, said: Any) -> Any:
    return (right == said) | ((right != right) & (said != said))


def _by_row(marks: Any) -> Any:
    return marks if marks.ndim == 1 else marks.reshape(len(marks), -1).any(axis=1)


def _spread(values: Any) -> float:
    """What a difference of numbers is measured by: their standard deviation, or else one."""
    import numpy as np

    finite = values[np.isfinite(values)]
    spread = float(finite.std()) if len(finite) else 0.0
    return spread if spread > 0 else 1.0
