"""The proof that a saved model comes back: loaded again it predicts the same on its example."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from mlops_lab.errors import InvalidInput, LabError
from mlops_lab.registry import example as examples
from mlops_lab.registry.fields import as_frame
from mlops_lab.registry.flavors import Flavor

__all__ = ["answer", "checked_example", "latency", "prove", "refuse_unfitted"]

_CHECKED_ROWS: Final = 1_000
_LATENCY_CALLS: Final = 40
_LATENCY_S: Final = 0.25


def checked_example(example: object) -> Any:
    """Give the rows of an example that are looked at, after it was seen to be one."""
    if isinstance(example, dict):
        example = as_frame(example)
    try:
        rows = len(example) if not hasattr(example, "shape") else example.shape[0]  # type: ignore[arg-type]
    except (TypeError, IndexError):
        rows = 0
    if not rows:
        raise InvalidInput(
            f"An example has at least one row; got {type(example).__name__} without rows."
        )
    try:
        part = examples.rows_of(example, _CHECKED_ROWS)
    except TypeError:  # a set has no first rows
        raise examples.no_example(example) from None
    examples.to_json(part)
    return part


def refuse_unfitted(model: object) -> None:
    """Without an example nothing else would tell before somebody wants to predict."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except NotFittedError:
        name = type(model).__name__
        raise InvalidInput(
            f"This {name} was never fitted: there is nothing to keep. model.fit(…) first."
        ) from None


def answer(model: object, example: object) -> Any:
    """What the model makes of the example: predict, else transform; None when it does neither."""
    call = getattr(model, "predict", None) or getattr(model, "transform", None)
    if call is None:
        return None
    try:
        return call(example)
    except Exception as error:
        raise InvalidInput(
            f"The {type(model).__name__} does not take the example: "
            f"{type(error).__name__}: {str(error)[:500]}"
        ) from error


def prove(flavor: Flavor, file: Path, example: object, before: object) -> None:
    """Load what was written as anybody would, and compare what it predicts."""
    try:
        again = flavor.load(file)
    except LabError as error:
        raise InvalidInput(
            f"The model was not kept: its file cannot be loaded again. {error}"
        ) from error
    except Exception as error:
        raise InvalidInput(
            "The model was not kept: its file cannot be loaded again "
            f"({type(error).__name__}: {error})."
        ) from error
    if example is None:
        return
    try:
        after = answer(again, example)
    except InvalidInput as error:
        raise InvalidInput(f"The model was not kept: it was loaded again. {error}") from error
    if not _same(before, after):
        raise InvalidInput(
            "The model was not kept: loaded again it predicts something else on the example. "
            "A model that draws random numbers while it predicts needs a fixed random_state; "
            "otherwise keep it by log_model(…, unsafe=True)."
        )


def _same(before: Any, after: Any) -> bool:
    import numpy as np

    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(
            _same(one, two) for one, two in zip(before, after, strict=True)
        )
    if hasattr(before, "tocsr"):
        # Hashed texts have a million columns: never all of their zeros.
        one, two = before.tocsr(), after.tocsr()
        return bool(
            one.shape == two.shape
            and np.array_equal(one.indptr, two.indptr)
            and np.array_equal(one.indices, two.indices)
            and _same(one.data, two.data)
        )
    if hasattr(before, "columns"):
        if list(before.columns) != list(after.columns):
            return False
        before, after = before.to_numpy(), after.to_numpy()
    one, two = np.asarray(before), np.asarray(after)
    if one.shape != two.shape:
        return False
    if one.dtype.kind in "fc" and two.dtype.kind in "fc":
        # Sums of threads differ in their last digits.
        return bool(np.allclose(one, two, rtol=1e-7, atol=1e-10, equal_nan=True))
    return bool(np.all((one == two) | ((one != one) & (two != two))))


def latency(model: object, example: object) -> dict[str, float] | None:
    """Time predicting the first row alone; the first call is for warming up."""
    row = examples.row_of(example)
    call = getattr(model, "predict", None) or getattr(model, "transform", None)
    if call is None:
        return None
    try:
        call(row)
    except (TypeError, ValueError):
        return None  # it took them all, but takes no single one
    took: list[float] = []
    until = time.perf_counter() + _LATENCY_S
    while len(took) < _LATENCY_CALLS and (len(took) < 3 or time.perf_counter() < until):
        start = time.perf_counter()
        call(row)
        took.append((time.perf_counter() - start) * 1000)
    took.sort()

    def at(share: float) -> float:
        return round(took[min(len(took) - 1, int(share * len(took)))], 4)

    return {"p50": at(0.5), "p95": at(0.95), "calls": float(len(took))}
