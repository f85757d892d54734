"""Permutation importance: what a model's score loses when one column no longer fits its row.

It ranks drift: a column that moved and that the model does not use is information, not an alarm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from mlops_lab.compute.sampling import sample_rows
from mlops_lab.errors import InvalidInput
from mlops_lab.registry.predicting import predict
from mlops_lab.wording import listed, number

if TYPE_CHECKING:
    import pandas as pd

    from mlops_lab.compute import Source
    from mlops_lab.monitoring.settings import Keep
    from mlops_lab.registry.signature import Signature

__all__ = ["Importance", "Importances", "measure_importance", "permutation"]

Metric: TypeAlias = Literal["auc", "accuracy", "r2"]

SAMPLE: Final = 4_000
"""Rows: the importance of a column is then known to about .003 of AUC."""

REPEATS: Final = 4

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Importance:
    """What the metric loses without a column.

    Parameters
    ----------
    value
        Mean over the repeats; below 0 the column is noise to the model.
    spread
        Standard deviation over the repeats.
    """

    value: float
    spread: float


@dataclass(frozen=True, slots=True)
class Importances:
    """The importance of every column of a model.

    Parameters
    ----------
    metric, score
        What was lost of, and what it is with all columns in order.
    rows
        Of the sample.
    columns
        By name, the most important first.
    """

    metric: Metric
    score: float
    rows: int
    columns: Mapping[str, Importance]

    @property
    def values(self) -> dict[str, float]:
        """The mean loss by column."""
        return {name: one.value for name, one in self.columns.items()}

    @property
    def sentence(self) -> str:
        """Its first columns in words."""
        first = [f"{name} {number(one.value, 2)}" for name, one in list(self.columns.items())[:3]]
        label = {"auc": "AUC", "accuracy": "accuracy", "r2": "R²"}[self.metric]
        return (
            f"Permutation importance, as loss of {label} from {number(self.score)} over "
            f"{self.rows:,} rows: {listed(first)}."
        )

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {"format": _FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Importances:
        """Read what `to_json` made."""
        columns = {
            str(name): Importance(float(one["value"]), float(one["spread"]))
            for name, one in value["columns"].items()
        }
        return cls(value["metric"], float(value["score"]), int(value["rows"]), columns)


def permutation(
    answer: Callable[[pd.DataFrame], Any],
    frame: pd.DataFrame,
    truth: Any,
    *,
    metric: Metric,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Importances:
    """Shuffle one column after the other and see what the metric loses.

    Parameters
    ----------
    answer
        Gives, for a frame, the scores (``auc``) or the predictions, shape ``(n_rows,)``.
    frame
        The columns that the model takes, shape ``(n_rows, n_columns)``.
    truth
        Shape ``(n_rows,)``; of ``auc`` 0 and 1.
    metric
        ``auc``, ``accuracy`` or ``r2``: of all of them more is better.
    repeats
        Shuffles of each column.
    seed
        Of the shuffles.

    Notes
    -----
    Of two columns that say the same, each is unimportant while the other is there: a small value is
    no proof that a column could go. Breiman, Random forests, 2001.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    truth = np.asarray(truth)
    random = np.random.default_rng(seed)
    found: dict[str, Importance] = {}
    # On a busy machine OpenMP's threads wait for each other at every of many small predictions.
    with threadpool_limits(1, user_api="openmp"):
        whole = _scored(metric, truth, answer(frame))
        for column in frame.columns:
            name = str(column)
            lost = []
            for _ in range(repeats):
                order = random.permutation(len(frame))
                # `take` keeps the type of the column: a model refuses others.
                shuffled = frame.assign(**{name: frame[column].take(order).set_axis(frame.index)})
                lost.append(whole - _scored(metric, truth, answer(shuffled)))
            found[name] = Importance(float(np.mean(lost)), float(np.std(lost)))
    ranked = sorted(found.items(), key=lambda one: (-one[1].value, one[0]))
    return Importances(metric, whole, len(frame), dict(ranked))


def measure_importance(
    load: Callable[[], Any],
    signature: Signature | None,
    reference: Source,
    target: str,
    *,
    columns: Sequence[str] | None = None,
    positive: Any = None,
    keep: Keep | None = None,
    digests: tuple[str, str] | None = None,
    sample: int = SAMPLE,
    repeats: int = REPEATS,
    seed: int = 0,
    tmp: Path | None = None,
) -> Importances:
    """Measure the importance of a registered model's columns on a sample of its reference.

    Parameters
    ----------
    load, signature
        Gives the model as loaded from the registry; not called where the result was kept and the
        signature names the columns. A model with probabilities of two classes is judged by AUC,
        other classifiers by accuracy, and what predicts numbers by R².
    reference
        Rows with the model's columns and the target.
    target
        The column of the truth; rows without it are left out.
    columns
        Default the signature's, else the model's ``feature_names_in_``.
    positive
        The class whose probability is the score; default the second one.
    keep, digests
        Where the result is kept, under the content ids of model and reference: the same two are
        measured once.
    sample, repeats, seed
        Rows, shuffles of each column, and the seed of both.
    tmp
        For what does not fit into memory.

    Raises
    ------
    InvalidInput
        The reference has no such column, or too few rows, or one class only.
    """

    def make() -> bytes:
        measured = _measure(
            model(), signature, reference, target, names, positive, sample, repeats, seed, tmp
        )
        return json.dumps(measured.to_json()).encode()

    model = cache(load)
    names = _names(model, signature, columns, target)
    if keep is None or digests is None:
        return Importances.from_json(json.loads(make()))
    key = json.dumps(
        ["importance", _FORMAT, digests[1], names, target, str(positive), sample, repeats, seed]
    )
    return Importances.from_json(json.loads(keep.kept(digests[0], key, make)))


def _names(
    model: Callable[[], Any],
    signature: Signature | None,
    columns: Sequence[str] | None,
    target: str,
) -> list[str]:
    if columns is not None:
        found = list(columns)
    elif signature is not None and not any(field.shape is not None for field in signature.inputs):
        found = [field.name for field in signature.inputs]
    else:
        found = [str(name) for name in getattr(model(), "feature_names_in_", ())]
    if not found:
        raise InvalidInput(
            "The model does not say which columns it takes, so their importance cannot be "
            "measured: keep it with an input example."
        )
    return [name for name in found if name != target]


def _measure(
    model: Any,
    signature: Signature | None,
    reference: Source,
    target: str,
    names: Sequence[str],
    positive: Any,
    sample: int,
    repeats: int,
    seed: int,
    tmp: Path | None,
) -> Importances:
    import numpy as np

    # All columns: which there are is known to the engine only, and its error would be DuckDB's.
    frame = sample_rows(reference, rows=4 * sample, seed=seed, tmp=tmp)
    missing = [name for name in (*names, target) if name not in frame.columns]
    if missing:
        raise InvalidInput(
            f"The importance of the model's columns cannot be measured: {reference.told} has no "
            f"{listed(missing)}."
        )
    frame = frame[frame[target].notna()].head(sample)
    if len(frame) < 50:
        raise InvalidInput(
            f"{reference.told} has {len(frame)} rows with a {target}; importance needs 50."
        )
    truth, inputs = frame[target], frame[list(names)]
    classes = _classes(model)
    if classes is not None and len(classes) == 2 and hasattr(model, "predict_proba"):
        wanted = classes[1] if positive is None else positive
        place = next((i for i, one in enumerate(classes) if str(one) == str(wanted)), None)
        if place is None:
            told = listed(map(str, classes))
            raise InvalidInput(f"The model has no class {wanted}; it has {told}.")
        label = _is(truth, classes[place])
        if label.min() == label.max():
            raise InvalidInput(f"{target} has one value only in {reference.told}: nothing to rank.")

        def chances(data: pd.DataFrame) -> Any:
            return np.asarray(predict(model, data, signature, chances=True))[:, place]

        return permutation(chances, inputs, label, metric="auc", repeats=repeats, seed=seed)

    def answers(data: pd.DataFrame) -> Any:
        return np.asarray(predict(model, data, signature))

    metric: Metric = "accuracy" if classes is not None else "r2"
    truths = truth.astype(str) if classes is not None else truth.astype(float)
    return permutation(
        answers, inputs, truths.to_numpy(), metric=metric, repeats=repeats, seed=seed
    )


def _is(truth: pd.Series[Any], wanted: Any) -> Any:
    """Which rows are of a class: 1 and 0. A column of numbers with gaps writes 1 as 1.0."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(truth) and isinstance(wanted, int | float):
        return (truth.astype(float) == float(wanted)).to_numpy().astype(int)
    return (truth.astype(str) == str(wanted)).to_numpy().astype(int)


def _classes(model: Any) -> list[Any] | None:
    found = getattr(model, "classes_", None)
    return None if found is None else [getattr(one, "item", lambda one=one: one)() for one in found]


def _scored(metric: Metric, truth: Any, answers: Any) -> float:
    import numpy as np
    from sklearn.metrics import r2_score, roc_auc_score

    if metric == "auc":
        return float(roc_auc_score(truth, answers))
    if metric == "accuracy":
        return float(np.mean(np.asarray(answers).astype(str) == truth.astype(str)))
    return float(r2_score(truth, answers))
