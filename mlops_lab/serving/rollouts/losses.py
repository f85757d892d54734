"""What an answer cost once the truth is known: one number per row, by which two models compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import InvalidInput
from mlops_lab.wording import listed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

__all__ = ["LOSSES", "Loss", "chances_of", "finite_losses", "loss_named", "loss_of"]

PREFIX: Final = "probability_"
SMALLEST: Final = 1e-4
"""A probability is taken as at least this: one overconfident answer must not decide a month."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One way to judge an answer.

    Attributes
    ----------
    name, label
        In code; for people.
    goal
        Whether low or high is good.
    shares
        Whether it is a share: its differences are told in points.
    rows
        From the columns of answers and the truth, one value per row; NaN where there is none.
    """

    name: str
    label: str
    goal: str
    shares: bool
    rows: Callable[[pd.DataFrame, pd.Series], Floats]


def loss_of(answers: pd.DataFrame, truth: pd.Series) -> Loss:
    """Choose how answers are judged when nobody says it.

    Log loss where there are probabilities, the absolute error of numbers, else how often the
    prediction is wrong.
    """
    import pandas as pd

    if chances_of(answers):
        return LOSSES["log_loss"]
    known = truth.dropna()
    numbers = (
        pd.api.types.is_float_dtype(answers["prediction"])
        and pd.api.types.is_numeric_dtype(known)
        and not pd.api.types.is_bool_dtype(known)
    )
    return LOSSES["absolute_error" if numbers else "error"]


def loss_named(name: str) -> Loss:
    """Give a way to judge by its name.

    Raises
    ------
    InvalidInput
        There is none; the sentence names those that are there.
    """
    if name not in LOSSES:
        raise InvalidInput(f"No comparison goes by {name!r}: there are {listed(LOSSES, 9)}.")
    return LOSSES[name]


def finite_losses(loss: Loss, answers: pd.DataFrame, truth: pd.Series) -> Floats:
    """Judge answers; NaN where nothing is known, or where the truth is no finite number."""
    import numpy as np

    if not len(answers):
        return np.empty(0)
    values = loss.rows(answers, truth)
    return np.where(np.isfinite(values), values, np.nan)


def chances_of(answers: pd.DataFrame) -> dict[str, str]:
    """Give the columns of probabilities by the text of their class."""
    named = (str(name) for name in answers.columns)
    return {name.removeprefix(PREFIX): name for name in named if name.startswith(PREFIX)}


def _text(value: Any) -> tuple[str, ...]:
    """How a class may be written: True is 1 and 1.0 elsewhere."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or value in (0, 1):
        return str(bool(value)), str(int(value)), f"{int(value)}.0"
    return str(value), f"{value}.0"


def _known(answers: pd.DataFrame, truth: pd.Series) -> npt.NDArray[np.bool_]:
    known: npt.NDArray[np.bool_] = (truth.notna() & answers["prediction"].notna()).to_numpy(bool)
    return known


def _log_loss(answers: pd.DataFrame, truth: pd.Series) -> Floats:
    import numpy as np

    given = _given(answers, truth)
    return -np.log(np.clip(given, SMALLEST, 1.0))


def _brier(answers: pd.DataFrame, truth: pd.Series) -> Floats:
    import numpy as np

    # Of all classes, and halved: of two classes it is the square that everybody means.
    given = _given(answers, truth)
    table = answers[list(chances_of(answers).values())].to_numpy(float)
    squares: Floats = ((table**2).sum(axis=1) - given**2 + (1.0 - given) ** 2) / 2.0
    return np.where(np.isnan(given), np.nan, squares)


def _given(answers: pd.DataFrame, truth: pd.Series) -> Floats:
    """The probability that was given to what came true; NaN where that is not known."""
    import numpy as np

    columns = chances_of(answers)
    if not columns:
        raise InvalidInput(
            "These answers have no probabilities: compare by error, or by absolute_error."
        )
    values = np.full(len(answers), np.nan)
    for label in truth.dropna().unique():
        column = next((columns[text] for text in _text(label) if text in columns), None)
        rows = (truth == label).to_numpy(bool, na_value=False)
        # A class that the model does not know had no chance.
        values[rows] = 0.0 if column is None else answers[column].to_numpy(float)[rows]
    return np.where(_known(answers, truth), values, np.nan)


def _error(answers: pd.DataFrame, truth: pd.Series) -> Floats:
    import numpy as np

    known = _known(answers, truth)
    values = np.full(len(answers), np.nan)
    said, true = answers["prediction"].to_numpy(object), truth.to_numpy(object)
    values[known] = [
        0.0 if a == b or not set(_text(a)).isdisjoint(_text(b)) else 1.0
        for a, b in zip(said[known], true[known], strict=True)
    ]
    return values


def _difference(answers: pd.DataFrame, truth: pd.Series) -> Floats:
    import pandas as pd

    said = pd.to_numeric(answers["prediction"], errors="coerce").to_numpy(
        float, na_value=float("nan")
    )
    true = pd.to_numeric(truth, errors="coerce").to_numpy(float, na_value=float("nan"))
    missed: Floats = said - true
    return missed


def _absolute(answers: pd.DataFrame, truth: pd.Series) -> Floats:
    import numpy as np

    return np.abs(_difference(answers, truth))


def _squared(answers: pd.DataFrame, truth: pd.Series) -> Floats:
    import numpy as np

    return np.square(_difference(answers, truth))


def _outcome(answers: pd.DataFrame, truth: pd.Series) -> Floats:
    import pandas as pd

    values: Floats = pd.to_numeric(truth, errors="coerce").to_numpy(float, na_value=float("nan"))
    return values


LOSSES: Final[Mapping[str, Loss]] = {
    one.name: one
    for one in (
        Loss("log_loss", "log loss", "min", False, _log_loss),
        Loss("brier", "Brier score", "min", False, _brier),
        Loss("error", "share of wrong answers", "min", True, _error),
        Loss("absolute_error", "absolute error", "min", False, _absolute),
        Loss("squared_error", "squared error", "min", False, _squared),
        # A conversion: the event itself is what is wanted, whatever was predicted.
        Loss("outcome", "outcome", "max", False, _outcome),
    )
}
"""By name. Low is good, except of ``outcome``: the truth itself, such as a sale."""
