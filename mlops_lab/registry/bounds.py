"""What native code trusts in a model is checked before the model is used.

skops looks at types only. scikit-learn's compiled code follows the children, features and counts
that a model holds without asking whether they exist: a tree whose child points far outside crashes
the process, one that points back never ends. Here every object of a loaded model is visited, and
those that the list (``allowed.toml``) names a check for must pass it. What was never said to be
sound is not used: a check that does not know what it sees refuses.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from types import FunctionType
from typing import Any, Final

from mlops_lab.errors import Corrupt
from mlops_lab.registry import ensembles, nodes
from mlops_lab.registry.allow import allowed
from mlops_lab.registry.nodes import Unsound, need

__all__ = ["CHECKS", "check", "check_trees"]

_KERNELS: Final = frozenset({"linear", "poly", "rbf", "sigmoid", "precomputed"})
_THREADS: Final = 1024


def check(model: object, what: str) -> None:
    """Visit every object of a loaded model and check what native code would trust.

    Parameters
    ----------
    model
        The model, built but not used yet.
    what
        What its file is called in a message.

    Raises
    ------
    Corrupt
        A part of it is not sound; the message names the part.
    """
    listed = allowed()
    for part, where in _parts(model):
        kind = type(part)
        name = listed.checks.get(f"{kind.__module__}.{kind.__qualname__}")
        try:
            _attributes(part)
            if name is not None:
                CHECKS[name](part)
        except Unsound as error:
            said = f"{what}: its {kind.__name__}{f' at {where}' if where else ''} {error}."
        except Exception as error:  # noqa: BLE001 - whatever a library raises about what it is given
            said = (
                f"{what}: its {kind.__name__}{f' at {where}' if where else ''} is not as "
                f"scikit-learn makes it ({type(error).__name__}: {str(error)[:200]})."
            )
        else:
            continue
        raise Corrupt(f"{said} It was changed or damaged, and using it could crash the process.")


def check_trees(
    trees: Iterable[dict[str, Any]], shapes: dict[str, tuple[int, ...]], what: str
) -> None:
    """Check the little that building itself trusts: how many outputs a tree says that it has.

    Parameters
    ----------
    trees
        The nodes of trees in a schema that was audited.
    shapes
        The shapes of the arrays by the names of their files.
    what
        What the file is called in a message.

    Raises
    ------
    Corrupt
        A tree has another number of outputs than its array of them.
    """
    for state in trees:
        try:
            features, classes, outputs = state["__reduce__"]["args"]["content"]
            lengths = shapes[classes["file"]]
            sound = int(features["content"]) > 0 and lengths == (int(outputs["content"]),)
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound:
            raise Corrupt(f"{what}: a tree says another number of outputs than it has.")


def _parts(model: object) -> Iterator[tuple[object, str]]:
    """Give every object of a model once, with where it is, parts before what they are part of."""
    import numpy as np

    # Functions are looked up by their names: no file has changed them.
    whole = (str, bytes, int, float, complex, type, FunctionType, np.ufunc, type(np.mean))
    seen: set[int] = set()
    kept: list[object] = []  # what is made on the way lives until the end, so that ids stay true
    found: list[tuple[object, str]] = []
    stack: list[tuple[object, str]] = [(model, "")]
    while stack:
        part, where = stack.pop()
        if part is None or isinstance(part, whole):
            continue
        if id(part) in seen:
            continue
        seen.add(id(part))
        kept.append(part)
        below: Iterable[tuple[object, str]]
        if isinstance(part, dict):
            below = ((value, f"{where}.{str(key)[:60]}") for key, value in part.items())
        elif isinstance(part, (list, tuple, set, frozenset)):
            below = ((value, f"{where}[{i}]") for i, value in enumerate(part))
        elif isinstance(part, np.ndarray):
            if part.dtype != object:
                continue
            below = ((value, f"{where}[{i}]") for i, value in enumerate(part.ravel().tolist()))
        else:
            found.append((part, "".join(c if c.isprintable() else "�" for c in where.lstrip("."))))
            below = (
                (value, f"{where}.{str(key)[:60]}")
                for key, value in getattr(part, "__dict__", {}).items()
            )
        stack.extend(below)
    # What was found last lies deepest: a forest is asked after its trees.
    yield from reversed(found)


# ---------------------------------------------------------------------- parts of many models


@cache
def _of_class(kind: Any) -> frozenset[str]:
    """The names of what a class has itself, and no object of it sets.

    A property cannot be replaced in an object; a param of the constructor (``positive`` of
    LassoLars, which Lars has for all its objects) is set in each.
    """
    names = {
        name
        for one in kind.__mro__
        for name, value in vars(one).items()
        if not isinstance(value, property)
    }
    try:
        params = inspect.signature(kind.__init__).parameters
    except ValueError:  # a compiled class does not say
        return frozenset(names)
    return frozenset(names.difference(params))


def _attributes(part: Any) -> None:
    attributes = getattr(part, "__dict__", None)
    if not attributes:
        return
    # No estimator sets what its class defines: a file that does so makes it another one.
    kind: Any = type(part)
    taken = _of_class(kind) & attributes.keys()
    need(not taken, f"replaces what its class defines ({', '.join(sorted(taken))[:60]})")
    jobs = attributes.get("n_jobs")
    need(not isinstance(jobs, int) or abs(jobs) <= _THREADS, "asks for too many jobs")


def _random(state: Any) -> None:
    import numpy as np

    if isinstance(state, np.random.RandomState):
        held = state.get_state(legacy=False)
        need(held["bit_generator"] == "MT19937", "is of a kind that scikit-learn does not use")
        need(0 <= held["state"]["pos"] <= 624, "has a position outside of its numbers")


def _sparse(matrix: Any) -> None:
    import numpy as np

    rows, columns = matrix.shape
    match matrix.format:
        case "csr" | "csc" | "bsr":
            try:
                matrix.check_format(full_check=True)
            except ValueError as error:
                raise Unsound(f"has wrong indices: {error}") from None
            need(bool(np.all(np.diff(matrix.indptr) >= 0)), "has pointers that go back")
        case "coo":
            need(nodes.inside(matrix.row, rows), "has rows outside of its shape")
            need(nodes.inside(matrix.col, columns), "has columns outside of its shape")
            need(len(matrix.row) == len(matrix.col) == len(matrix.data), "has arrays of many sizes")
        case "dia":
            need(matrix.data.ndim == 2, "has no diagonals")
            need(len(matrix.offsets) == len(matrix.data), "has arrays of many sizes")
        case _:
            raise Unsound(f"is of a format that is not used here: {matrix.format}")


def _spline(spline: Any) -> None:
    knots, coefficients, degree = spline.t, spline.c, spline.k
    need(isinstance(degree, int) and 0 <= degree <= 100, "has no degree")
    need(knots.ndim == 1 and coefficients.ndim >= 1, "has knots of a wrong shape")
    need(
        len(knots) == len(coefficients) + degree + 1,
        "has other numbers of knots and coefficients than its degree asks for",
    )
    need(knots.dtype.kind == "f" and coefficients.dtype.kind in "fc", "is not made of numbers")


# ---------------------------------------------------------------------- other models


def _support_vectors(model: Any) -> None:
    fitted = vars(model)
    if "support_vectors_" not in fitted:
        return
    need(
        model.kernel in _KERNELS if isinstance(model.kernel, str) else False,
        "has a kernel that is none of libsvm's",
    )
    need(type(model._sparse) is bool, "does not say whether it is sparse")
    vectors, coefficients = model.support_vectors_, model._dual_coef_
    count, width = vectors.shape if model.kernel != "precomputed" else (len(model.support_), None)
    if width is not None:
        need(width == model.n_features_in_, "has vectors of another width than its features")
    classifier = hasattr(model, "classes_")
    per_class = model._n_support
    classes = len(model.classes_) if classifier else 2
    need(per_class.ndim == 1 and bool((per_class >= 0).all()), "has negative counts of vectors")
    if classifier:
        need(len(per_class) == classes, "has counts of vectors for other classes than its own")
        need(int(per_class.sum()) == count, "has another number of vectors than it counts")
    else:
        # libsvm takes a regression for two classes, of which it counts the first.
        need(len(per_class) == 2, "has counts of vectors for other classes than its own")
        need(int(per_class[0]) == count, "has another number of vectors than it counts")
    need(len(model.support_) == count, "has another number of places than of vectors")
    need(coefficients.shape == (classes - 1, count), "has coefficients of a wrong shape")
    pairs = classes * (classes - 1) // 2
    need(model._intercept_.shape == (pairs,), "has intercepts for other classes than its own")
    for name in ("_probA", "_probB"):
        need(getattr(model, name).shape in ((0,), (pairs,)), "has probabilities of a wrong shape")
    need(len(model._probA) == len(model._probB), "has probabilities of a wrong shape")
    if fitted.get("_effective_probability", fitted.get("probability")) is not False:
        need(len(model._probA) == pairs, "says that it has probabilities, and has none")
    if model._sparse:
        # Compiled code reads the stored values as if they were all there.
        need(coefficients.nnz == (classes - 1) * count, "leaves out coefficients")
    if model.kernel == "precomputed":
        need(not model._sparse, "has a kernel that is none for sparse data")
        need(nodes.inside(model.support_, model.shape_fit_[0]), "has places outside of its data")


def _centres(model: Any) -> None:
    centres = vars(model).get("cluster_centers_")
    if centres is None:
        return
    need(centres.ndim == 2 and len(centres) > 0, "has no centres")
    need(centres.shape[1] == model.n_features_in_, "has centres of another width than its features")
    threads = getattr(model, "_n_threads", 1)
    need(
        isinstance(threads, int) and 0 < threads <= _THREADS, "asks for an absurd number of threads"
    )


def _linkage(model: Any) -> None:
    if "_single_linkage_tree_" in vars(model):
        nodes.check_linkage(model._single_linkage_tree_)


def _groups_of_features(model: Any) -> None:
    labels = vars(model).get("labels_")
    if labels is not None:
        need(labels.shape == (model.n_features_in_,), "has groups for other features than its own")
        need(nodes.inside(labels, model.n_features_in_), "has more groups than features")


def _neighbours(model: Any) -> None:
    fitted = vars(model)
    if "_fit_X" not in fitted:
        return
    data, tree = model._fit_X, model._tree
    need(model.n_samples_fit_ == data.shape[0] > 0, "counts other rows than it holds")
    need(data.shape[1] == model.n_features_in_, "holds rows of another width than its features")
    need(model._fit_method in ("brute", "kd_tree", "ball_tree"), "searches in an unknown way")
    if tree is not None:
        nodes.need_neighbour_tree(tree)
        need(tree.get_arrays()[0].shape == data.shape, "has a tree of other data than it holds")
    elif model._fit_method != "brute":
        raise Unsound("has no tree to search in")
    labels = fitted.get("_y")
    if labels is not None:
        need(len(labels) == data.shape[0], "has other numbers of rows and of labels")
    classes = fitted.get("classes_")
    if classes is not None and labels is not None:
        each = classes if isinstance(classes, list) else [classes]
        columns = labels.reshape(len(labels), -1)
        need(columns.shape[1] == len(each), "has labels for other outputs than its own")
        for column, known in zip(columns.T, each, strict=True):
            need(nodes.inside(column, len(known)), "has labels outside of its classes")


def _one_hot_codes(model: Any) -> None:
    if "categories_" not in vars(model):
        return
    expected = model._compute_n_features_outs()
    need(list(model._n_features_outs) == list(expected), "counts other columns than it has")
    if getattr(model, "_infrequent_enabled", False):
        for mapping, categories in zip(
            model._default_to_infrequent_mappings, model.categories_, strict=True
        ):
            if mapping is not None:
                need(len(mapping) == len(categories), "merges other categories than it has")
                need(nodes.inside(mapping, len(categories)), "merges into categories it has not")


def _vocabulary(model: Any) -> None:
    need(getattr(model, "input", "content") in ("content",), "would open files that it is given")
    if hasattr(model, "n_features"):
        count = model.n_features
        need(type(count) is int and 1 <= count < 2**31, "hashes into an absurd number of columns")
    words = vars(model).get("vocabulary_")
    if words is not None:
        need(isinstance(words, dict), "has no vocabulary")
        need(
            sorted(map(int, words.values())) == list(range(len(words))),
            "has words in columns that there are not",
        )


def _composition(model: Any) -> None:
    # A cache folder holds pickles, which a fit would load.
    need(
        getattr(model, "memory", None) is None, "would read pickles from its cache folder (memory)"
    )


CHECKS: Final[dict[str, Callable[[Any], None]]] = {
    "boosting": ensembles.check_boosting,
    "centres": _centres,
    "composition": _composition,
    "decision tree": ensembles.check_decision_tree,
    "distance": nodes.check_distance,
    "forest": ensembles.check_forest,
    "groups of features": _groups_of_features,
    "histogram boosting": ensembles.check_histogram_boosting,
    "histogram tree": nodes.check_histogram_tree,
    "isolation forest": ensembles.check_isolation_forest,
    "linkage": _linkage,
    "neighbour tree": nodes.check_neighbour_tree,
    "neighbours": _neighbours,
    "one-hot codes": _one_hot_codes,
    "random": _random,
    "sparse": _sparse,
    "spline": _spline,
    "support vectors": _support_vectors,
    "tree": nodes.check_tree,
    "vocabulary": _vocabulary,
}
"""The checks by the names that the list calls them."""
