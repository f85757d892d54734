"""Checks of the node arrays that compiled code walks through: trees of every kind."""

from __future__ import annotations

from typing import Any, Final

__all__ = [
    "Unsound",
    "check_distance",
    "check_histogram_features",
    "check_histogram_tree",
    "check_linkage",
    "check_neighbour_tree",
    "check_remapping",
    "check_tree",
    "inside",
    "is_decision_tree",
    "need",
    "need_neighbour_tree",
]

_LEAF: Final = -1
_UNWEIGHTED: Final = ("Euclidean", "Manhattan", "Chebyshev", "Haversine", "Hamming", "Canberra")
_BITSET_WORDS: Final = 8


class Unsound(Exception):
    """A part of a model is not what native code takes for granted: "has a node outside"."""


def need(sound: bool, otherwise: str) -> None:
    """Raise `Unsound` with the words when it is not so."""
    if not sound:
        raise Unsound(otherwise)


def inside(values: Any, limit: int) -> bool:
    """Say whether all values are whole numbers from 0 up to below the limit."""
    import numpy as np

    values = np.asarray(values)
    if values.dtype.kind not in "iu":
        return bool(values.size == 0)
    return bool(values.size == 0 or (values.min() >= 0 and values.max() < limit))


def check_tree(tree: Any) -> None:
    """Check the nodes of a decision tree (``sklearn.tree._tree.Tree``)."""
    # The arrays below are views of as many nodes as it says: first that.
    need(0 < tree.node_count <= tree.capacity, "counts more nodes than it has")
    need(tree.n_outputs >= 1 and tree.max_n_classes >= 1, "has no outputs")
    need(
        tree.n_classes.min() >= 1 and tree.n_classes.max() <= tree.max_n_classes,
        "has outputs without classes",
    )
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    leaf = left == _LEAF
    need(bool((leaf == (right == _LEAF)).all()), "has a node with one child")
    depth = _walk(left, right, leaf)
    need(inside(feature[~leaf], tree.n_features), "has a node that reads a feature outside")
    # decision_path reserves room by this number.
    need(depth <= tree.max_depth < 2**31, "is deeper than it says")


def check_histogram_tree(predictor: Any) -> None:
    """Check the nodes of one tree of histogram gradient boosting."""
    import numpy as np
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    nodes = predictor.nodes
    need(isinstance(nodes, np.ndarray) and nodes.dtype == PREDICTOR_RECORD_DTYPE, "has no nodes")
    need(nodes.ndim == 1 and len(nodes) > 0, "has no nodes")
    leaf = nodes["is_leaf"] != 0
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    _walk(left, right, leaf)
    need(bool((nodes["feature_idx"] >= 0).all()), "has a node that reads a feature outside")
    categorical = (nodes["is_categorical"] != 0) & ~leaf
    for name in ("raw_left_cat_bitsets", "binned_left_cat_bitsets"):
        bitsets = getattr(predictor, name)
        need(
            isinstance(bitsets, np.ndarray)
            and bitsets.dtype == np.uint32
            and bitsets.ndim == 2
            and bitsets.shape[1] == _BITSET_WORDS,
            "has bitsets of a wrong shape",
        )
        need(
            inside(nodes["bitset_idx"][categorical], len(bitsets)),
            "has a node whose categories are not there",
        )


def check_histogram_features(predictor: Any, width: int, categorical: Any) -> None:
    """Check that a tree of histogram boosting reads only features that its model has."""
    import numpy as np

    kind = type(predictor)
    need(
        kind.__module__ == "sklearn.ensemble._hist_gradient_boosting.predictor",
        "has a member that is no tree",
    )
    nodes = predictor.nodes
    inner = nodes[nodes["is_leaf"] == 0]
    need(inside(inner["feature_idx"], width), "has a node that reads a feature outside")
    by_category = inner["feature_idx"][inner["is_categorical"] != 0]
    need(
        bool(np.asarray(categorical, dtype=bool)[by_category].all()),
        "has a node that takes a number for a category",
    )


def check_remapping(preprocessor: Any, categorical: Any, width: int) -> None:
    """Check that what histogram boosting does to its input first leaves every column there."""
    import numpy as np

    if preprocessor is None:
        return
    (first_name, encoder, first), (second_name, numbers, second), *rest = preprocessor.transformers_
    need((first_name, second_name) == ("encoder", "numerical"), "changes its input unexpectedly")
    need(
        all(isinstance(other, str) and other == "drop" for _, other, _ in rest),
        "adds to its input",
    )
    need(preprocessor.n_features_in_ == width, "changes an input of another width")
    need(
        isinstance(categorical, np.ndarray) and categorical.shape == (width,), "mixes up its input"
    )
    mask = np.zeros(width, dtype=np.int64)
    for columns in (first, second):
        columns = np.asarray(columns)
        need(
            columns.dtype == bool and columns.shape == (width,), "mixes up the columns of its input"
        )
        mask += columns
    need(bool((mask == 1).all()), "leaves out columns of its input")
    need(
        _is(encoder, "sklearn.preprocessing._encoders", "OrdinalEncoder"),
        "changes its categories in an unknown way",
    )
    need(
        _is(numbers, "sklearn.preprocessing._function_transformer", "FunctionTransformer")
        or (isinstance(numbers, str) and numbers == "passthrough"),
        "changes its numbers in an unknown way",
    )


def check_neighbour_tree(tree: Any) -> None:
    """Check a KD or ball tree: the nodes' ranges, and its bounds, against the data it holds."""
    import numpy as np

    state = tree.__getstate__()
    data, places, nodes, node_bounds = (np.asarray(part) for part in state[:4])
    leaf_size, n_levels, n_nodes = state[4:7]
    metric, weights = state[11], state[12]
    need(data.ndim == 2 and data.size > 0, "holds no data")
    rows, width = data.shape
    need(leaf_size >= 1, "has leaves of no size")
    need(0 < n_levels < 60 and n_nodes == 2**n_levels - 1 == len(nodes), "counts other nodes")
    need(len(places) == rows and inside(places, rows), "points to rows outside of its data")
    bounds_rows = {"KDTree": 2, "BallTree": 1}[type(tree).__name__.rstrip("3264")]
    need(node_bounds.shape == (bounds_rows, n_nodes, width), "has bounds of a wrong shape")
    start, end = nodes["idx_start"], nodes["idx_end"]
    need(bool(((start >= 0) & (start <= end) & (end <= rows)).all()), "has nodes of rows outside")
    # What is no leaf is followed to its two children, 2i + 1 and 2i + 2.
    first_without = (n_nodes - 1) // 2
    need(bool((nodes["is_leaf"][first_without:] != 0).all()), "has nodes without children")
    if weights is not None:
        need(np.asarray(weights).shape == (rows,), "has other numbers of rows and of weights")
    need(metric is not None, "has no distance")
    check_distance(metric)
    _fits(metric, width)


def check_linkage(tree: Any) -> None:
    """Check a linkage: each line joins two of the points and of the lines before it."""
    import numpy as np

    need(
        isinstance(tree, np.ndarray) and tree.ndim == 1 and tree.dtype.names is not None,
        "has no linkage",
    )
    points = len(tree) + 1
    before = np.arange(points, 2 * points - 1)
    for name in ("left_node", "right_node"):
        joined = tree[name]
        need(joined.dtype.kind == "i", "joins what is no number")
        need(bool(((joined >= 0) & (joined < before)).all()), "joins points that there are not")


def need_neighbour_tree(tree: object) -> None:
    """Raise `Unsound` unless it is a KD or ball tree."""
    need(
        type(tree).__module__ in ("sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree"),
        "has a tree that is none",
    )


def check_distance(metric: Any) -> None:
    """Check a distance: that it is native, and has a power and weights of its kind."""
    from mlops_lab.registry.allow import allowed

    kind = type(metric)
    name = f"{kind.__module__}.{kind.__qualname__}"
    need(allowed().checks.get(name) == "distance", f"measures by {kind.__name__}")
    power, vector = metric.__getstate__()[:2]
    need(power > 0, "has a power that is none")
    need(vector.ndim == 1, "has weights of a wrong shape")


def is_decision_tree(model: object) -> bool:
    """Say whether it is a fitted decision tree of scikit-learn itself."""
    return (
        type(model).__module__ == "sklearn.tree._classes"
        and type(getattr(model, "tree_", None)).__module__ == "sklearn.tree._tree"
    )


def _fits(metric: Any, width: int) -> None:
    """Weights are read for every feature, and the haversine reads two."""
    name = type(metric).__name__
    power, vector = metric.__getstate__()[:2]
    if name.startswith("Haversine"):
        need(width == 2, "measures on a sphere what has not two columns")
    elif name.startswith("SEuclidean"):
        need(len(vector) == width, "has weights for other features")
    elif name.startswith("Minkowski"):
        need(len(vector) in (0, 1, width), "has weights for other features")
        need(power >= 1, "has a power that is none")


def _walk(left: Any, right: Any, leaf: Any) -> int:
    """Check that every node but the first is the child of exactly one before it; give the depth.

    scikit-learn numbers a child after its parent, so that looking forward is enough to know that
    following children ends.
    """
    import numpy as np

    count = len(left)
    inner = np.flatnonzero(~leaf)
    children = np.concatenate([left[inner], right[inner]])
    need(inside(children, count), "has a child far outside of its nodes")
    need(
        bool((children > np.concatenate([inner, inner])).all()), "has a child that leads back to it"
    )
    reached = np.bincount(children, minlength=count)
    need(not reached[0] and bool((reached[1:] == 1).all()), "has a node with two parents or none")
    depth = 0
    level = np.zeros(1, dtype=np.int64)
    while (level := level[~leaf[level]]).size:
        level = np.concatenate([left[level], right[level]])
        depth += 1
    return depth


def _is(part: object, module: str, name: str) -> bool:
    return (type(part).__module__, type(part).__name__) == (module, name)
