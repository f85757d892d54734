"""Every estimator that scikit-learn has is kept and comes back, but for a few with a reason."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from scipy import sparse
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

from mlops_lab.errors import InvalidInput
from mlops_lab.registry.flavors import FLAVORS

NOT_KEPT: Final = {
    "Birch": "its nodes hold each other in a circle, which skops does not write",
    "BisectingKMeans": "it keeps a compiled step, which a file could have called on anything",
    "PatchExtractor": "it steps through memory by the sizes that it holds",
}
"""What is refused with advice, and why that is so."""

USES: Final = ("predict", "predict_proba", "decision_function", "score_samples", "transform")
INITIALS: Final = ("AB", "C", "DEF", "GH", "IJK", "L", "M", "NOP", "QR", "S", "TUVWXYZ")

rng = np.random.default_rng(3)
X = rng.normal(size=(48, 4))
Y = np.digitize(X[:, 0], [-0.4, 0.4])
GIVEN: Final[tuple[tuple[Any, ...], ...]] = (
    (X, Y),
    (X, Y > 0),
    (np.abs(X), Y),
    (np.abs(X).astype(int), Y),
    (np.abs(X), np.abs(X[:, 0])),
    (X[:, 0], Y),
    (X, np.column_stack([Y > 0, Y > 1]).astype(int)),
    (X, np.abs(X[:, :2])),
    (X @ X.T, Y),
    (Y,),
    (rng.normal(size=(2, 12, 12)),),
    (["late again", "on time"] * 5,),
    ([{"carrier": "UA", "hour": 7}, {"carrier": "DL"}] * 5,),
)
"""What an estimator may be fitted on: the first that it takes is what it is fitted on."""


@cache
def every() -> list[tuple[str, Any]]:
    """Every estimator's class by its name."""
    found: list[tuple[str, Any]] = all_estimators()
    return found


def made(kind: Any) -> Any:
    """An estimator with what its constructor asks for."""
    part = (Ridge if "Regress" in kind.__name__ else LogisticRegression)().fit(X, Y)
    values = {
        "dictionary": np.eye(4),
        "estimator": part,
        "estimators": [("part", part)],
        "param_distributions": {"C": [0.1, 1.0]},
        "param_grid": {"C": [0.1, 1.0]},
        "steps": [("part", StandardScaler())],
        "transformer_list": [("part", StandardScaler())],
        "transformers": [("part", StandardScaler(), [0, 2])],
    }
    params = inspect.signature(kind).parameters
    given = {name: values[name] for name, one in params.items() if one.default is one.empty}
    if kind.__name__ == "SelfTrainingClassifier":  # it does not say that it asks for one
        given["estimator"] = part
    few = {"n_estimators": 3, "n_init": 1, "n_iter": 2, "random_state": 0}
    given |= {name: few[name] for name in few if name in params}
    if "n_components" in params and type(params["n_components"].default) is not int:
        given["n_components"] = 2
    return kind(**given)


def fitted(initials: str) -> Iterator[tuple[str, Any, Any, dict[str, Any]]]:
    """Every estimator of some letters, fitted, with what it was given and what it makes of that."""
    for name, kind in every():
        if name[0] not in initials:
            continue
        refused = []
        for given in GIVEN:
            try:
                model = made(kind).fit(*given)
                # Some fit on whatever they are given, and use nothing of it.
                answers = {
                    use: getattr(model, use)(given[0]) for use in USES if hasattr(model, use)
                }
            except (AttributeError, IndexError, TypeError, ValueError) as error:
                refused.append(error)
                continue
            yield name, model, given[0], answers
            break
        else:
            pytest.fail(f"{name} takes none of the data here: {refused}")


def same(one: Any, two: Any) -> None:
    if sparse.issparse(one):
        one, two = one.toarray(), two.toarray()
    one, two = np.asarray(one), np.asarray(two)
    if one.dtype.kind == "f":  # an array's alignment in memory shows in the last digit of sums
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)
    else:
        np.testing.assert_array_equal(one, two)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("initials", INITIALS)
def test_every_estimator_comes_back_or_is_refused_for_a_reason(
    initials: str, tmp_path: Path
) -> None:
    flavor = FLAVORS["sklearn"]
    file = tmp_path / flavor.file
    seen = set()
    for name, model, given, answers in fitted(initials):
        seen.add(name)
        if name in NOT_KEPT:
            with pytest.raises(InvalidInput, match="unsafe=True"):
                flavor.pack(model)
            continue
        packed = flavor.pack(model)
        file.write_bytes(packed.data)
        again = flavor.load(file)
        # All that it holds: what comes back with one flag less is not compared so.
        if not any(type.startswith(("functools", "scipy.sparse")) for type in packed.types):
            assert flavor.pack(again).data == packed.data, name
        for use, answer in answers.items():
            same(answer, getattr(again, use)(given))
    assert seen >= {name for name in NOT_KEPT if name[0] in initials}


@pytest.mark.filterwarnings("ignore")
def test_batches_have_every_estimator() -> None:
    assert {name[0] for name, _ in every()} <= set("".join(INITIALS))
