"""What a model answers: columns by name, whatever it gave them as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from mlops_lab.serving.backends.backend import Result
from mlops_lab.wording import counted

__all__ = ["PREDICTION", "PROBABILITY", "Answer", "WrongAnswer", "answer"]

PREDICTION: Final = "prediction"
PROBABILITY: Final = "probability"


class WrongAnswer(Exception):
    """The model gave what cannot be an answer to what it was given; the message is a sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a model says of rows. Immutable.

    Attributes
    ----------
    columns
        ``prediction`` of shape ``(n_rows,)`` or ``(n_rows, n_outputs)``; ``probability`` of shape
        ``(n_rows, n_classes)`` where the model weighs classes.
    classes
        Those that the columns of ``probability`` belong to; else empty.
    """

    columns: Mapping[str, Any]
    classes: tuple[Any, ...] = ()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.columns[PREDICTION])

    def slice(self, start: int, stop: int) -> Answer:
        """Give the answer to some of the rows."""
        return replace(self, columns={k: v[start:stop] for k, v in self.columns.items()})

    def flat(self) -> dict[str, Any]:
        """Give every output as a column of its own: ``probability_EWR``, ``prediction_0``."""
        made: dict[str, Any] = {}
        for name, values in self.columns.items():
            if values.ndim == 1:
                made[name] = values
                continue
            table = values.reshape(len(values), -1)
            ends = self.classes if name == PROBABILITY and self.classes else range(table.shape[1])
            for i, end in enumerate(ends):
                made[f"{name}_{end}"] = table[:, i]
        return made


def answer(result: Result, rows: int) -> Answer:
    """Make the answer of what a backend gave for so many rows.

    Raises
    ------
    WrongAnswer
        It has other rows than the input, or no form that could be sent.
    """
    import numpy as np

    columns = {PREDICTION: _array(result.prediction, rows, PREDICTION)}
    classes: tuple[Any, ...] = ()
    if result.probability is not None:
        chances = _array(result.probability, rows, PROBABILITY)
        classes = () if result.classes is None else tuple(np.asarray(result.classes).tolist())
        if chances.ndim != 2 or (classes and len(classes) != chances.shape[1]):
            raise WrongAnswer(
                f"The model gave probabilities of shape {chances.shape} for "
                f"{counted(len(classes), 'class', 'classes')}."
            )
        columns[PROBABILITY] = chances
    return Answer(columns, classes)


def _array(values: Any, rows: int, what: str) -> Any:
    import numpy as np

    array = np.asarray(values)
    if array.ndim == 0 or len(array) != rows:
        got = "one value" if array.ndim == 0 else counted(len(array), "row")
        raise WrongAnswer(f"The model gave {got} of {what} for {counted(rows, 'row')}.")
    if array.ndim == 2 and array.shape[1] == 1 and what == PREDICTION:
        return array[:, 0]
    return array
