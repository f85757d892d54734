"""What compiled code would follow blindly is refused before the model is used.

Each case edits one thing in an honest file. Without the checks most of these crash the process or
never end at the first `predict`; here they are refused with a sentence.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn import (
    cluster,
    ensemble,
    feature_extraction,
    linear_model,
    model_selection,
    naive_bayes,
    neighbors,
    pipeline,
    preprocessing,
    random_projection,
    svm,
    tree,
)

from mlops_lab.errors import Corrupt
from mlops_lab.registry.package import load_file


def is_nodes(array: np.ndarray) -> bool:
    return array.dtype.names is not None and "left_child" in array.dtype.names


def is_histogram_nodes(array: np.ndarray) -> bool:
    return array.dtype.names is not None and "is_leaf" in array.dtype.names


def setting(field: str, at: int, value: Any) -> Callable[[np.ndarray], None]:
    def change(array: np.ndarray) -> None:
        array[field][at] = value

    return change


TREES = {
    "child-far": setting("left_child", 0, 2**31),
    "child-just-outside": lambda a: a["right_child"].__setitem__(0, len(a)),
    "child-negative": setting("right_child", 0, -7),
    "child-itself": setting("left_child", 0, 0),
    "child-above": setting("left_child", 1, 0),
    "child-twice": lambda a: a["left_child"].__setitem__(0, a["right_child"][0]),
    "one-child": setting("right_child", 0, -1),
    "leaf-of-the-root": setting("left_child", 0, -1),
    "feature-far": setting("feature", 0, 10**9),
    "feature-just-outside": setting("feature", 0, 4),
    "feature-negative": setting("feature", 0, -3),
    "fewer-nodes": lambda a: a[: len(a) // 2],
    "no-nodes": lambda a: a[:0],
    "other-type": lambda a: a["left_child"],
}

HISTOGRAM = {
    "child-far": setting("left", 0, 2**31),
    "child-just-outside": lambda a: a["right"].__setitem__(0, len(a)),
    "child-itself": setting("left", 0, 0),
    "child-above": setting("left", 1, 0),
    "child-twice": lambda a: a["left"].__setitem__(0, a["right"][0]),
    "feature-far": setting("feature_idx", 0, 10**9),
    "feature-just-outside": setting("feature_idx", 0, 4),
    "feature-negative": setting("feature_idx", 0, -1),
    "no-leaf": lambda a: a["is_leaf"].__setitem__(slice(None), 0),
    "category-of-a-number": setting("is_categorical", 0, 1),
    "no-nodes": lambda a: a[:0],
    "two-dimensions": lambda a: a[None],
    "other-type": lambda a: a["left"],
}


def refused(path: Path) -> str:
    with pytest.raises(Corrupt) as error:
        load_file(path)
    message = str(error.value)
    assert message.startswith("model.skops")
    assert message.isprintable()
    return message


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize(
    "make",
    [
        lambda: tree.DecisionTreeClassifier(max_depth=4, random_state=0),
        lambda: ensemble.RandomForestClassifier(3, max_depth=4, random_state=0),
        lambda: ensemble.IsolationForest(n_estimators=3, random_state=0),
        lambda: pipeline.make_pipeline(
            preprocessing.StandardScaler(), ensemble.GradientBoostingClassifier(n_estimators=3)
        ),
    ],
    ids=["tree", "forest", "isolation", "boosting"],
)
def test_edited_nodes_of_a_tree_are_refused(
    name: str, make: Any, numbers: Any, write: Any, edit: Any
) -> None:
    refused(write(make().fit(*numbers), edit.arrays(is_nodes, TREES[name])))


@pytest.mark.parametrize("name", HISTOGRAM)
def test_edited_nodes_of_histogram_boosting_are_refused(
    name: str, numbers: Any, write: Any, edit: Any
) -> None:
    model = ensemble.HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=3).fit(*numbers)
    refused(write(model, edit.arrays(is_histogram_nodes, HISTOGRAM[name])))


def categorical(numbers: Any) -> Any:
    features = numbers[0].copy()
    features[:, 2] = np.abs(features[:, 2] * 4).astype(int)
    return ensemble.HistGradientBoostingClassifier(
        max_iter=9, categorical_features=[2], min_samples_leaf=2
    ).fit(features, features[:, 2] % 2)


def test_categories_outside_of_their_bitsets_are_refused(
    numbers: Any, write: Any, edit: Any
) -> None:
    def change(nodes: np.ndarray) -> None:
        nodes["bitset_idx"] = 10**6

    refused(write(categorical(numbers), edit.arrays(is_histogram_nodes, change)))


def test_bitsets_of_another_width_are_refused(numbers: Any, write: Any, edit: Any) -> None:
    def is_bitsets(array: np.ndarray) -> bool:
        return array.dtype == np.uint32 and array.ndim == 2 and array.shape[1] == 8

    path = write(categorical(numbers), edit.arrays(is_bitsets, lambda a: a[:, :3].copy()))
    assert "bitsets" in refused(path)


@pytest.mark.parametrize("mask", [[True, True, True, True], [False] * 4, [True, False]])
def test_histogram_boosting_that_drops_columns_of_its_input_is_refused(
    mask: list[bool], numbers: Any, write: Any, edit: Any
) -> None:
    def is_mask(array: np.ndarray) -> bool:
        return array.dtype == bool and array.shape == (4,) and int(array.sum()) == 3

    refused(write(categorical(numbers), edit.arrays(is_mask, lambda a: np.array(mask))))


def scalar(value: object) -> dict[str, Any]:
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
        "is_json": True,
    }


def with_attribute(edit: Any, name: str, value: object, *path: str) -> Any:
    def change(schema: dict[str, Any]) -> None:
        found = edit.attributes(schema, *path)
        assert name in found
        found[name] = scalar(value)

    return edit.schema(change)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("node_count", 0), ("node_count", -1), ("max_depth", 1), ("max_depth", 2**40)],
)
def test_tree_that_counts_wrongly_is_refused(
    attribute: str, value: int, numbers: Any, write: Any, edit: Any
) -> None:
    def change(schema: dict[str, Any]) -> None:
        (node,) = edit.nodes_of(schema, "TreeNode")
        node["content"]["content"][attribute] = scalar(value)

    model = tree.DecisionTreeClassifier(max_depth=4).fit(*numbers)
    refused(write(model, edit.schema(change)))


def test_tree_that_counts_more_nodes_than_it_has_is_cut_to_them(
    numbers: Any, write: Any, edit: Any
) -> None:
    def change(schema: dict[str, Any]) -> None:
        (node,) = edit.nodes_of(schema, "TreeNode")
        node["content"]["content"]["node_count"] = scalar(10**6)

    model = tree.DecisionTreeClassifier(max_depth=4).fit(*numbers)
    again = load_file(write(model, edit.schema(change)))
    assert again.tree_.node_count == model.tree_.node_count


@pytest.mark.parametrize("outputs", [0, -1, 2, 10**12, "x"])
def test_tree_of_other_outputs_is_refused(
    outputs: object, numbers: Any, write: Any, edit: Any
) -> None:
    def change(schema: dict[str, Any]) -> None:
        (node,) = edit.nodes_of(schema, "TreeNode")
        node["__reduce__"]["args"]["content"][2] = scalar(outputs)

    assert "outputs" in refused(
        write(tree.DecisionTreeClassifier().fit(*numbers), edit.schema(change))
    )


@pytest.mark.parametrize("features", [1, 400])
def test_model_that_knows_other_features_than_its_trees_is_refused(
    features: int, numbers: Any, write: Any, edit: Any
) -> None:
    for model in (
        tree.DecisionTreeClassifier(),
        ensemble.RandomForestClassifier(2),
        ensemble.GradientBoostingClassifier(n_estimators=2),
        ensemble.HistGradientBoostingClassifier(max_iter=2),
        cluster.KMeans(2),
        svm.SVC(),
        neighbors.KNeighborsClassifier(),
    ):
        path = write(model.fit(*numbers), with_attribute(edit, "n_features_in_", features))
        refused(path)


def test_boosting_that_starts_from_fewer_classes_is_refused(
    numbers: Any, write: Any, edit: Any
) -> None:
    """Native code would write a column for each class into an array of fewer."""

    def change(array: np.ndarray) -> np.ndarray:
        return np.array([0.5, 0.5])

    def is_priors(array: np.ndarray) -> bool:
        return array.dtype == float and array.shape == (3,) and bool(abs(array.sum() - 1) < 1e-9)

    model = ensemble.GradientBoostingClassifier(n_estimators=2).fit(*numbers)
    refused(write(model, edit.arrays(is_priors, change)))


def test_boosting_of_fewer_trees_in_an_iteration_is_refused(
    numbers: Any, write: Any, edit: Any
) -> None:
    model = ensemble.GradientBoostingClassifier(n_estimators=2).fit(*numbers)
    refused(write(model, with_attribute(edit, "n_trees_per_iteration_", 1)))


def test_forest_of_something_else_than_trees_is_refused(
    numbers: Any, write: Any, edit: Any
) -> None:
    def change(schema: dict[str, Any]) -> None:
        found = edit.attributes(schema)
        found["estimators_"]["content"][0] = scalar("tree")

    refused(write(ensemble.RandomForestClassifier(2).fit(*numbers), edit.schema(change)))


@pytest.mark.parametrize("kernel", ["rbf", "linear", "poly"])
@pytest.mark.parametrize("counts", [[90, 90, 90], [0, 0, 0], [-1, 50, 50], [10], [10**9, 0, 0]])
def test_support_vectors_of_other_counts_are_refused(
    kernel: str, counts: list[int], numbers: Any, write: Any, edit: Any
) -> None:
    def is_counts(array: np.ndarray) -> bool:
        return array.dtype == np.int32 and array.shape == (3,)

    model = svm.SVC(kernel=kernel).fit(*numbers)
    path = write(model, edit.arrays(is_counts, lambda a: np.array(counts, dtype=np.int32)))
    refused(path)


def test_sparse_support_vectors_of_other_counts_are_refused(
    numbers: Any, write: Any, edit: Any
) -> None:
    """scikit-learn itself looks at dense ones only."""

    def is_counts(array: np.ndarray) -> bool:
        return array.dtype == np.int32 and array.shape == (3,)

    features, classes = numbers
    model = svm.SVC().fit(sparse.csr_matrix(features), classes)
    refused(write(model, edit.arrays(is_counts, lambda a: (a + 1_000).astype(np.int32))))


def test_sparse_support_vectors_with_coefficients_left_out_are_refused(
    numbers: Any, write: Any
) -> None:
    """The matrix is sound by itself; compiled code reads it as if nothing were left out."""

    def rewrite(members: dict[str, bytes]) -> None:
        for name in [name for name in members if name.endswith(".npz")]:
            matrix = sparse.load_npz(io.BytesIO(members[name]))
            if matrix.shape[0] == 2:
                buffer = io.BytesIO()
                sparse.save_npz(buffer, sparse.csr_matrix(matrix.shape))
                members[name] = buffer.getvalue()

    features, classes = numbers
    path = write(svm.SVC().fit(sparse.csr_matrix(features), classes), rewrite)
    assert "leaves out" in refused(path)


@pytest.mark.parametrize("data", ["dense", "sparse"])
def test_support_vectors_that_promise_probabilities_are_refused(
    data: str, numbers: Any, write: Any, edit: Any
) -> None:
    features, classes = numbers
    given = sparse.csr_matrix(features) if data == "sparse" else features
    model = svm.SVC().fit(given, classes)
    name = "_effective_probability"
    if name not in vars(model):
        name = "probability"
    assert "probabilities" in refused(write(model, with_attribute(edit, name, True)))


@pytest.mark.parametrize("make", [svm.SVR, svm.NuSVR, svm.OneClassSVM])
def test_regression_that_counts_one_class_is_refused(
    make: Any, numbers: Any, write: Any, edit: Any
) -> None:
    def is_counts(array: np.ndarray) -> bool:
        return array.dtype == np.int32 and array.shape == (2,)

    path = write(make().fit(*numbers), edit.arrays(is_counts, lambda a: a[:1].copy()))
    assert "counts" in refused(path)


def test_precomputed_kernel_with_places_outside_is_refused(
    numbers: Any, write: Any, edit: Any
) -> None:
    features, classes = numbers
    model = svm.SVC(kernel="precomputed").fit(features @ features.T, classes)
    count = len(model.support_)

    def is_places(array: np.ndarray) -> bool:
        return array.dtype == np.int32 and array.shape == (count,)

    assert "places outside" in refused(
        write(model, edit.arrays(is_places, lambda a: (a + 10**6).astype(np.int32)))
    )
    assert load_file(write(model)).predict(features @ features.T).shape == (90,)


@pytest.mark.parametrize("shape", ["coefficients", "intercepts"])
def test_support_vectors_of_other_classes_are_refused(
    shape: str, numbers: Any, write: Any, edit: Any
) -> None:
    def wanted(array: np.ndarray) -> bool:
        if shape == "intercepts":
            return array.shape == (3,) and array.dtype == float
        return array.ndim == 2 and array.shape[0] == 2 and array.dtype == float

    model = svm.SVC().fit(*numbers)
    refused(write(model, edit.arrays(wanted, lambda a: a[:1].copy())))


NEIGHBOURS = {
    "places-outside": (
        lambda a: a.dtype == np.int64 and a.shape == (90,) and len(set(a.tolist())) == 90,
        lambda a: a + 5_000,
    ),
    "nodes-outside": (
        lambda a: a.dtype.names is not None and "idx_start" in a.dtype.names,
        setting("idx_end", 0, 10**7),
    ),
    "nodes-negative": (
        lambda a: a.dtype.names is not None and "idx_start" in a.dtype.names,
        setting("idx_start", 0, -5),
    ),
    "no-leaf": (
        lambda a: a.dtype.names is not None and "idx_start" in a.dtype.names,
        lambda a: a["is_leaf"].__setitem__(slice(None), 0),
    ),
    "fewer-nodes": (
        lambda a: a.dtype.names is not None and "idx_start" in a.dtype.names,
        lambda a: a[:1],
    ),
    "bounds-cut": (lambda a: a.ndim == 3, lambda a: a[:, :, :1].copy()),
    "labels-outside": (
        lambda a: a.dtype == np.int64 and a.shape == (90,) and a.max() == 2,
        lambda a: a + 9_000,
    ),
    "labels-negative": (
        lambda a: a.dtype == np.int64 and a.shape == (90,) and a.max() == 2,
        lambda a: a - 9_000,
    ),
}


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_edited_neighbours_are_refused(
    name: str, algorithm: str, numbers: Any, write: Any, edit: Any
) -> None:
    model = neighbors.KNeighborsClassifier(algorithm=algorithm, leaf_size=10).fit(*numbers)
    refused(write(model, edit.arrays(*NEIGHBOURS[name])))


def test_neighbours_that_count_more_rows_than_they_hold_are_refused(
    numbers: Any, write: Any, edit: Any
) -> None:
    model = neighbors.KNeighborsClassifier(algorithm="brute").fit(*numbers)
    refused(write(model, with_attribute(edit, "n_samples_fit_", 10**6)))


def test_weights_of_another_length_are_refused(numbers: Any, write: Any, edit: Any) -> None:
    model = neighbors.KernelDensity().fit(numbers[0], sample_weight=np.arange(90) + 1.0)
    path = write(
        model, edit.arrays(lambda a: a.shape == (90,) and a.dtype == float, lambda a: a[:3])
    )
    refused(path)


def test_centres_of_another_width_are_refused(numbers: Any, write: Any, edit: Any) -> None:
    model = cluster.KMeans(3, n_init=1).fit(numbers[0])
    path = write(model, edit.arrays(lambda a: a.shape == (3, 4), lambda a: a[:, :1].copy()))
    assert "centres" in refused(path)


def sparse_edit(part: str, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    def rewrite(members: dict[str, bytes]) -> None:
        (name,) = [name for name in members if name.endswith(".npz")]
        parts = dict(np.load(io.BytesIO(members[name])))
        parts[part] = change(parts[part])
        buffer = io.BytesIO()
        np.savez(buffer, **parts)
        members[name] = buffer.getvalue()

    return rewrite


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("indices", lambda a: a + 10**6),
        ("indices", lambda a: a - 50),
        ("indptr", lambda a: a[::-1].copy()),
        ("indptr", lambda a: a * 1_000),
        ("data", lambda a: a[:1]),
        ("shape", lambda a: a * 0 + 10**9),
        ("shape", lambda a: -a),
    ],
    ids=["far", "negative", "backwards", "beyond", "short", "huge", "below-zero"],
)
def test_sparse_matrix_with_places_outside_is_refused(
    part: str, change: Any, numbers: Any, write: Any
) -> None:
    model = random_projection.SparseRandomProjection(3, random_state=0).fit(numbers[0])
    refused(write(model, sparse_edit(part, change)))


def test_words_in_columns_that_are_not_there_are_refused(write: Any, edit: Any) -> None:
    def change(schema: dict[str, Any]) -> None:
        words = edit.attributes(schema)["vocabulary_"]["content"]
        words["late"] = scalar(10**8)

    model = feature_extraction.text.CountVectorizer().fit(["late again", "on time"])
    assert "words" in refused(write(model, edit.schema(change)))


def test_vectorizer_that_would_open_files_is_refused(write: Any, edit: Any) -> None:
    model = feature_extraction.text.TfidfVectorizer().fit(["late again", "on time"])
    assert "open files" in refused(write(model, with_attribute(edit, "input", "filename")))


@pytest.mark.parametrize("count", [0, -5, 10**30, "64", None])
def test_hashing_into_an_absurd_number_of_columns_is_refused(
    count: object, write: Any, edit: Any
) -> None:
    model = feature_extraction.text.HashingVectorizer(n_features=8)
    refused(write(model, with_attribute(edit, "n_features", count)))


def test_one_hot_codes_of_fewer_columns_are_refused(write: Any, edit: Any) -> None:
    def change(schema: dict[str, Any]) -> None:
        edit.attributes(schema)["_n_features_outs"]["content"][0] = scalar(1)

    model = preprocessing.OneHotEncoder().fit([["a"], ["b"], ["c"]])
    assert "columns" in refused(write(model, edit.schema(change)))


def test_cache_folder_put_into_a_pipeline_is_refused(
    numbers: Any, write: Any, edit: Any, tmp_path: Path
) -> None:
    model = pipeline.make_pipeline(preprocessing.StandardScaler(), naive_bayes.GaussianNB())
    path = write(model.fit(*numbers), with_attribute(edit, "memory", str(tmp_path)))
    assert "cache folder" in refused(path)


@pytest.mark.parametrize("name", ["_impl", "predict", "__setstate__", "_sparse_kernels"])
def test_object_that_replaces_what_its_class_defines_is_refused(
    name: str, numbers: Any, write: Any, edit: Any
) -> None:
    def change(schema: dict[str, Any]) -> None:
        edit.attributes(schema)[name] = scalar("epsilon_svr")
        # The key's type has to be said, too.
        keys = schema["content"]["key_types"]["content"]
        keys.append(keys[0])

    assert name in refused(write(svm.SVC().fit(*numbers), edit.schema(change)))


def test_absurd_number_of_jobs_is_refused(numbers: Any, write: Any, edit: Any) -> None:
    model = ensemble.RandomForestClassifier(2, n_jobs=2).fit(*numbers)
    assert "jobs" in refused(write(model, with_attribute(edit, "n_jobs", 10**6)))


def test_random_numbers_outside_of_their_state_are_refused(
    numbers: Any, write: Any, edit: Any
) -> None:
    def change(schema: dict[str, Any]) -> None:
        for node in edit.nodes_of(schema, "DictNode"):
            if "pos" in node["content"]:
                node["content"]["pos"] = scalar(10**6)

    model = neighbors.KNeighborsClassifier().fit(*numbers)
    model.random_state = np.random.RandomState(0)
    refused(write(model, edit.schema(change)))


def test_every_check_meets_an_unfitted_model(write: Any) -> None:
    for model in (
        tree.DecisionTreeClassifier(),
        ensemble.RandomForestClassifier(),
        ensemble.IsolationForest(),
        ensemble.GradientBoostingClassifier(),
        ensemble.HistGradientBoostingClassifier(),
        svm.SVC(),
        cluster.KMeans(),
        neighbors.KNeighborsClassifier(),
        preprocessing.OneHotEncoder(),
        feature_extraction.text.CountVectorizer(),
        linear_model.LogisticRegression(),
    ):
        assert type(load_file(write(model))) is type(model)


@pytest.mark.parametrize("value", [-1, 79, 10**9])
def test_linkage_of_points_that_there_are_not_is_refused(
    value: int, numbers: Any, write: Any, edit: Any
) -> None:
    model = cluster.HDBSCAN(copy=True).fit(numbers[0][:40])

    def is_linkage(array: np.ndarray) -> bool:
        return array.dtype.names is not None and "left_node" in array.dtype.names

    path = write(model, edit.arrays(is_linkage, setting("left_node", -1, value)))
    assert "joins points" in refused(path)


@pytest.mark.parametrize("group", [-1, 4, 2**40])
def test_more_groups_than_features_are_refused(
    group: int, numbers: Any, write: Any, edit: Any
) -> None:
    model = cluster.FeatureAgglomeration().fit(numbers[0])
    path = write(
        model,
        edit.arrays(
            lambda array: array.shape == (4,) and array.dtype.kind == "i",
            lambda array: array.astype(np.int64) * 0 + group,
        ),
    )
    assert "groups" in refused(path)


@pytest.mark.parametrize("mask", [[], [False] * 3])
def test_masked_array_of_another_mask_is_refused(
    mask: list[bool], numbers: Any, write: Any, edit: Any
) -> None:
    """numpy has an error of its own for it, which is nobody else's."""
    search = model_selection.GridSearchCV(tree.DecisionTreeClassifier(), {"max_depth": [1, 2]})

    def is_mask(array: np.ndarray) -> bool:
        return array.dtype == bool and array.shape == (2,)

    path = write(
        search.fit(*numbers), edit.arrays(is_mask, lambda array: np.array(mask, dtype=bool))
    )
    assert "MaskError" in refused(path)
