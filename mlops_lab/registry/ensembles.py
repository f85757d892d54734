"""Checks of ensembles: that their trees are trees, and of the features that they say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlops_lab.registry import nodes
from mlops_lab.registry.nodes import need

__all__ = [
    "check_boosting",
    "check_decision_tree",
    "check_forest",
    "check_histogram_boosting",
    "check_isolation_forest",
]


def check_decision_tree(model: Any) -> None:
    """Check that a decision tree knows as much as its nodes."""
    tree = vars(model).get("tree_")
    if tree is None:
        return  # it was never fitted
    need(type(tree).__module__ == "sklearn.tree._tree", "has nodes that are no tree")
    need(tree.n_features == model.n_features_in_, "knows another number of features than its nodes")
    need(tree.n_outputs == model.n_outputs_, "knows another number of outputs than its nodes")


def _trees(models: Iterable[Any], n_features: object) -> None:
    for tree in models:
        need(nodes.is_decision_tree(tree), "has a member that is no decision tree")
        need(
            tree.n_features_in_ == n_features == tree.tree_.n_features,
            "knows another number of features than its trees",
        )


def check_forest(model: Any) -> None:
    """Check that a forest has trees of its own features."""
    members = vars(model).get("estimators_")
    if members is not None:
        need(isinstance(members, list) and bool(members), "has no list of trees")
        _trees(members, model.n_features_in_)


def check_isolation_forest(model: Any) -> None:
    """Check that each tree reads the features that it was given."""
    members = vars(model).get("estimators_")
    if members is None:
        return
    taken = model.estimators_features_
    need(len(taken) == len(members), "has other numbers of trees and of their features")
    for tree, features in zip(members, taken, strict=True):
        _trees([tree], len(features))
        need(nodes.inside(features, model.n_features_in_), "has a tree of features outside")
    if model._max_features == model.n_features_in_:
        _trees(members, model.n_features_in_)


def check_boosting(model: Any) -> None:
    """Check that gradient boosting has as many trees as columns to write to."""
    import numpy as np

    members = vars(model).get("estimators_")
    if members is None:
        return
    need(isinstance(members, np.ndarray) and members.ndim == 2, "has no table of trees")
    need(members.size > 0, "has no trees")
    columns = members.shape[1]
    need(columns == model.n_trees_per_iteration_, "has another number of trees in an iteration")
    _trees(members.ravel().tolist(), model.n_features_in_)
    for tree in members.ravel():
        need(
            tree.tree_.n_outputs == 1 and tree.tree_.max_n_classes == 1,
            "has trees of more than one value",
        )
    # Native code writes one column for each tree into what the first guess has made.
    first = model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))
    need(first.shape == (1, columns), "starts from a guess of another width than its trees")


def check_histogram_boosting(model: Any) -> None:
    """Check the features, categories and trees of histogram gradient boosting."""
    if "_predictors" not in vars(model):
        return
    width = model._n_features
    mapper = model._bin_mapper
    categorical = mapper.is_categorical_
    need(
        model.n_features_in_ == width > 0, "knows another number of features than it was fitted on"
    )
    need(categorical.shape == (width,), "has no word on each feature, whether it is a category")
    need(len(mapper.bin_thresholds_) == width, "has no bins for each feature")
    for feature in categorical.nonzero()[0]:
        values = mapper.bin_thresholds_[feature]
        need(
            values.ndim == 1 and bool(((values >= 0) & (values < 256)).all()),
            "has categories that no bitset holds",
        )
    columns = model.n_trees_per_iteration_
    for iteration in model._predictors:
        need(len(iteration) == columns, "has another number of trees in an iteration")
        for predictor in iteration:
            nodes.check_histogram_features(predictor, width, categorical)
    nodes.check_remapping(model._preprocessor, model.is_categorical_, width)
