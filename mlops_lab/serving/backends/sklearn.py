"""The model as it was saved, run by scikit-learn: every model, every bit as in the notebook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from mlops_lab.errors import InvalidInput
from mlops_lab.registry.package import load_model, read_example, read_facts
from mlops_lab.serving.backends.backend import Result
from mlops_lab.serving.backends.columns import FEW, quick_columns
from mlops_lab.serving.inputs import Rows, Schema

__all__ = ["SklearnBackend"]

_MARGIN: Final = 1e-9
"""Where the two most probable classes are closer than this, rounding could have swapped them."""

_BY_PROBABILITY: Final = frozenset(
    {
        "BaggingClassifier",
        "CalibratedClassifierCV",
        "DecisionTreeClassifier",
        "ExtraTreeClassifier",
        "ExtraTreesClassifier",
        "GradientBoostingClassifier",
        "HistGradientBoostingClassifier",
        "LogisticRegression",
        "LogisticRegressionCV",
        "RandomForestClassifier",
    }
)
"""Classes of scikit-learn whose ``predict`` is the most probable class: one pass gives both."""


class SklearnBackend:
    """A loaded scikit-learn model.

    It gives what ``predict`` and ``predict_proba`` of the model give, to the bit, with one pass
    through the steps of a pipeline in place of two. For one thread at a time.

    Parameters
    ----------
    model
        A fitted estimator or pipeline.
    schema, example
        What it takes, and some rows of it. With them a few rows take a quicker way through the
        first step, after it was seen to give the same for the example.
    """

    name: ClassVar[str] = "sklearn"

    def __init__(
        self, model: Any, schema: Schema | None = None, example: Rows | None = None
    ) -> None:
        self.model = model
        before, final = _steps_of(model)
        self._first = before[0] if before else None
        self._steps = [step.transform for step in before]
        self._say: Callable[[Any], Any] | None = getattr(final, "predict", None) or getattr(
            final, "transform", None
        )
        if self._say is None:
            raise InvalidInput(
                f"A {type(final).__name__} has neither predict nor transform: there is nothing "
                "that an endpoint could answer."
            )
        classes = getattr(final, "classes_", None)
        # Of several outputs the classes are a list of arrays.
        one = classes is not None and not isinstance(classes, list)
        self._weigh: Callable[[Any], Any] | None = (
            getattr(final, "predict_proba", None) if one else None
        )
        self._classes: Any = classes if self._weigh is not None else None
        kind = type(final)
        self._by_probability = (
            kind.__name__ in _BY_PROBABILITY and kind.__module__.partition(".")[0] == "sklearn"
        )

        self._quick: Callable[[Rows], Any] | None = None
        if self._first is not None and schema is not None and example is not None:
            self._quick = _proved(quick_columns(self._first, schema), self._first, example)

    @classmethod
    def load(cls, folder: Path, *, allow_unsafe: bool = False) -> Self:
        """Load the model of a folder; a pickle only where somebody has allowed that."""
        if not allow_unsafe and read_facts(folder).unsafe:
            raise InvalidInput(
                "The model is a pickle: loading it runs whatever code is in it, with your rights. "
                "Keep it safely (run.log_model without unsafe=True); or, if you trust who made it, "
                "deploy it with allow_unsafe=True, on the command line --allow-unsafe."
            )
        model = load_model(folder, allow_unsafe=allow_unsafe)
        schema, example = Schema.read(folder), read_example(folder)
        if example is None or schema.container != "frame":
            return cls(model)
        try:
            return cls(model, schema, schema.rows_of(example))
        except InvalidInput:  # its own example does not fit: not for the quick way to complain of
            return cls(model)

    def predict(self, data: Any) -> Result:
        """Predict as the model does."""
        import numpy as np

        data = self._transformed(data)
        assert self._say is not None
        if self._weigh is None:
            return Result(_array(self._say(data)))
        chances = _array(self._weigh(data))
        if self._by_probability and _clear(chances):
            return Result(self._classes[np.argmax(chances, axis=1)], chances, self._classes)
        return Result(_array(self._say(data)), chances, self._classes)

    def _transformed(self, data: Any) -> Any:
        """Take rows through all steps but the last."""
        steps = self._steps
        if isinstance(data, Rows):
            quick = None
            if self._quick is not None and data.count <= FEW:
                quick = self._quick(data)
            data = data.given() if quick is None else quick
            steps = steps if quick is None else steps[1:]
        for transform in steps:
            data = transform(data)
        return data


def _proved(
    quick: Callable[[Rows], Any] | None, first: Any, example: Rows
) -> Callable[[Rows], Any] | None:
    """A quick way, when it gives for the example what the step itself gives, to the bit.

    Where in memory is part of it: sums of a linear model differ in their last bit by that.
    """
    import numpy as np

    if quick is None or not example.count:
        return None
    for part in (example.slice(0, FEW), example.slice(0, 1)):
        right, said = first.transform(part.given()), quick(part)
        if said is None:
            continue
        if (
            type(right) is not type(said)
            or right.dtype != said.dtype
            or right.strides != said.strides
            or not np.array_equal(right, said, equal_nan=right.dtype.kind == "f")
        ):
            return None
    return quick


def _steps_of(model: Any) -> tuple[list[Any], Any]:
    """Take pipelines apart into what transforms and the last step, as they do themselves."""
    from sklearn.pipeline import Pipeline

    steps: list[Any] = []
    while type(model) is Pipeline and model.steps and hasattr(model.steps[-1][1], "fit"):
        steps += [
            step for _, step in model.steps[:-1] if step is not None and step != "passthrough"
        ]
        model = model.steps[-1][1]
    return steps, model


def _clear(chances: Any) -> bool:
    """Whether the most probable class of every row is beyond doubt."""
    if chances.shape[1] == 2:
        return bool((abs(chances[:, 1] - chances[:, 0]) > _MARGIN).all())
    import numpy as np

    if chances.shape[1] < 2:
        return False
    two = np.partition(chances, -2, axis=1)[:, -2:]
    return bool((two[:, 1] - two[:, 0] > _MARGIN).all())


def _array(found: Any) -> Any:
    """An array of what a model gives: frames and sparse matrices too."""
    import numpy as np

    if hasattr(found, "toarray"):
        return found.toarray()
    return np.asarray(found)
