"""What people train comes back from a file and predicts the same, and an equal model is equal.

Every estimator with its own defaults is in ``test_every_estimator.py``; here are params, parts and
data that make another file of it.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import (
    calibration,
    cluster,
    compose,
    covariance,
    decomposition,
    dummy,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    isotonic,
    kernel_approximation,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    random_projection,
    semi_supervised,
    svm,
    tree,
)
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import kernels

from mlops_lab.errors import InvalidInput
from mlops_lab.registry.flavors import FLAVORS
from mlops_lab.registry.package import load_model, read_example, save_model

CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: linear_model.LogisticRegression(),
    "logistic-sparse": lambda: linear_model.LogisticRegression(C=0.1),
    "logistic-cv": lambda: linear_model.LogisticRegressionCV(cv=3, scoring="accuracy"),
    "sgd": lambda: linear_model.SGDClassifier(random_state=0),
    "sgd-log": lambda: linear_model.SGDClassifier(loss="log_loss", random_state=0),
    "svc-linear": lambda: svm.SVC(kernel="linear"),
    "svc-poly": lambda: svm.SVC(kernel="poly"),
    "tree": lambda: tree.DecisionTreeClassifier(random_state=0),
    "tree-pruned": lambda: tree.DecisionTreeClassifier(ccp_alpha=0.02, random_state=0),
    "tree-best-first": lambda: tree.DecisionTreeClassifier(max_leaf_nodes=5, random_state=0),
    "tree-stump": lambda: tree.DecisionTreeClassifier(max_depth=1),
    "extra-tree": lambda: tree.ExtraTreeClassifier(random_state=0),
    "forest": lambda: ensemble.RandomForestClassifier(8, random_state=0, oob_score=True),
    "extra-trees": lambda: ensemble.ExtraTreesClassifier(8, random_state=0),
    "boosting": lambda: ensemble.GradientBoostingClassifier(n_estimators=5),
    "boosting-subsample": lambda: ensemble.GradientBoostingClassifier(
        n_estimators=5, subsample=0.5, random_state=np.random.RandomState(0)
    ),
    "boosting-from-model": lambda: ensemble.GradientBoostingClassifier(
        n_estimators=5, init=linear_model.LogisticRegression()
    ),
    "boosting-from-zero": lambda: ensemble.GradientBoostingClassifier(n_estimators=5, init="zero"),
    "histogram": lambda: ensemble.HistGradientBoostingClassifier(max_iter=5),
    "histogram-early": lambda: ensemble.HistGradientBoostingClassifier(
        max_iter=5, early_stopping=True, random_state=0
    ),
    "histogram-categories": lambda: ensemble.HistGradientBoostingClassifier(
        max_iter=5, categorical_features=[3]
    ),
    "ada": lambda: ensemble.AdaBoostClassifier(n_estimators=5),
    "bagging": lambda: ensemble.BaggingClassifier(n_estimators=3, max_features=0.5),
    "voting": lambda: ensemble.VotingClassifier(
        [("a", naive_bayes.GaussianNB()), ("b", linear_model.LogisticRegression())], voting="soft"
    ),
    "stacking": lambda: ensemble.StackingClassifier(
        [("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier())], cv=3
    ),
    "calibrated-sigmoid": lambda: calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=3),
    "calibrated-isotonic": lambda: calibration.CalibratedClassifierCV(
        naive_bayes.GaussianNB(), method="isotonic", cv=3
    ),
    "calibrated-frozen": lambda: calibration.CalibratedClassifierCV(
        FrozenEstimator(naive_bayes.GaussianNB().fit([[0.0] * 4, [1] * 4, [2] * 4], [0, 1, 2]))
    ),
    "knn-brute": lambda: neighbors.KNeighborsClassifier(algorithm="brute"),
    "knn-ball": lambda: neighbors.KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"),
    "knn-minkowski": lambda: neighbors.KNeighborsClassifier(algorithm="kd_tree", p=3),
    "radius": lambda: neighbors.RadiusNeighborsClassifier(radius=5.0),
    "mlp": lambda: neural_network.MLPClassifier((5,), max_iter=20, random_state=0),
    "mlp-sgd": lambda: neural_network.MLPClassifier((5,), solver="sgd", max_iter=9, random_state=0),
    "gaussian-process": lambda: gaussian_process.GaussianProcessClassifier(
        1.0 * kernels.RBF() + kernels.WhiteKernel()
    ),
    "one-vs-rest": lambda: multiclass.OneVsRestClassifier(linear_model.LogisticRegression()),
    "one-vs-one": lambda: multiclass.OneVsOneClassifier(linear_model.LogisticRegression()),
    "output-code": lambda: multiclass.OutputCodeClassifier(tree.DecisionTreeClassifier()),
    "self-training": lambda: semi_supervised.SelfTrainingClassifier(naive_bayes.GaussianNB()),
    "grid-search": lambda: model_selection.GridSearchCV(
        tree.DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=3
    ),
    "grid-search-scored": lambda: model_selection.GridSearchCV(
        tree.DecisionTreeClassifier(),
        {"max_depth": [1, None]},
        scoring=["accuracy", "f1_macro"],
        refit="accuracy",
        cv=model_selection.StratifiedKFold(3),
    ),
    "random-search": lambda: model_selection.RandomizedSearchCV(
        tree.DecisionTreeClassifier(),
        {"max_depth": [1, 2, 3]},
        n_iter=2,
        cv=3,
        scoring="roc_auc_ovr",
    ),
    "halving-search": lambda: model_selection.HalvingGridSearchCV(
        tree.DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=3
    ),
}

REGRESSORS: dict[str, Callable[[], Any]] = {
    "tweedie": lambda: linear_model.TweedieRegressor(power=1.5),
    "ransac": lambda: linear_model.RANSACRegressor(random_state=0),
    "theil-sen": lambda: linear_model.TheilSenRegressor(random_state=0),
    "sgd-regressor": lambda: linear_model.SGDRegressor(loss="huber", random_state=0),
    "tree-missing": lambda: tree.DecisionTreeRegressor(max_depth=3),
    "forest-regressor": lambda: ensemble.RandomForestRegressor(5),
    "boosting-quantile": lambda: ensemble.GradientBoostingRegressor(
        loss="quantile", alpha=0.9, n_estimators=5
    ),
    "boosting-huber": lambda: ensemble.GradientBoostingRegressor(loss="huber", n_estimators=5),
    "histogram-poisson": lambda: ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=5),
    "histogram-quantile": lambda: ensemble.HistGradientBoostingRegressor(
        loss="quantile", quantile=0.9, max_iter=5
    ),
    "histogram-gamma": lambda: ensemble.HistGradientBoostingRegressor(loss="gamma", max_iter=5),
    "ada-regressor": lambda: ensemble.AdaBoostRegressor(n_estimators=5),
    "knn-regressor": lambda: neighbors.KNeighborsRegressor(weights="distance"),
    "radius-regressor": lambda: neighbors.RadiusNeighborsRegressor(radius=9.0),
    "mlp-regressor": lambda: neural_network.MLPRegressor(hidden_layer_sizes=(5,), max_iter=20),
    "gp-regressor": lambda: gaussian_process.GaussianProcessRegressor(
        kernels.Matern() * kernels.ConstantKernel() + kernels.RationalQuadratic()
    ),
    "voting-regressor": lambda: ensemble.VotingRegressor(
        [("a", linear_model.LinearRegression()), ("b", tree.DecisionTreeRegressor())]
    ),
    "stacking-regressor": lambda: ensemble.StackingRegressor(
        [("a", linear_model.LinearRegression())], cv=3
    ),
    "log-target": lambda: compose.TransformedTargetRegressor(
        linear_model.LinearRegression(), func=np.log1p, inverse_func=np.expm1
    ),
    "quantile-target": lambda: compose.TransformedTargetRegressor(
        linear_model.LinearRegression(),
        transformer=preprocessing.QuantileTransformer(n_quantiles=20),
    ),
    "dummy-regressor": lambda: dummy.DummyRegressor(strategy="median"),
}

TRANSFORMERS: dict[str, Callable[[], Any]] = {
    "quantile": lambda: preprocessing.QuantileTransformer(n_quantiles=10),
    "bins-one-hot": lambda: preprocessing.KBinsDiscretizer(3, strategy="uniform"),
    "function-exp": lambda: preprocessing.FunctionTransformer(np.exp, inverse_func=np.log),
    "simple-imputer": lambda: impute.SimpleImputer(add_indicator=True),
    "knn-imputer": impute.KNNImputer,
    "iterative-imputer": lambda: impute.IterativeImputer(max_iter=2),
    "select-k": lambda: feature_selection.SelectKBest(k=2),
    "select-mutual": lambda: feature_selection.SelectPercentile(
        feature_selection.mutual_info_classif
    ),
    "select-from": lambda: feature_selection.SelectFromModel(tree.DecisionTreeClassifier()),
    "rfe": lambda: feature_selection.RFE(linear_model.LogisticRegression()),
    "pca": lambda: decomposition.PCA(2),
    "svd": lambda: decomposition.TruncatedSVD(2),
    "incremental-pca": lambda: decomposition.IncrementalPCA(2),
    "kernel-pca": lambda: decomposition.KernelPCA(2, kernel="rbf"),
    "factor-analysis": lambda: decomposition.FactorAnalysis(2),
    "fast-ica": lambda: decomposition.FastICA(2, random_state=0),
    "nystroem": lambda: kernel_approximation.Nystroem(n_components=9),
    "gaussian-projection": lambda: random_projection.GaussianRandomProjection(2),
    "sparse-projection": lambda: random_projection.SparseRandomProjection(2),
    "trees-embedding": lambda: ensemble.RandomTreesEmbedding(3, max_depth=2),
    "union": lambda: pipeline.make_union(decomposition.PCA(1), preprocessing.StandardScaler()),
    "selector": lambda: compose.make_column_transformer(
        (preprocessing.StandardScaler(), slice(0, 2)), ("passthrough", [3]), remainder="drop"
    ),
    "knn-graph": lambda: neighbors.KNeighborsTransformer(),
}

OTHERS: dict[str, Callable[[], Any]] = {
    "k-means": lambda: cluster.KMeans(3, n_init=2),
    "k-means-mini": lambda: cluster.MiniBatchKMeans(3, n_init=2),
    "affinity": lambda: cluster.AffinityPropagation(random_state=0),
    "mixture": lambda: mixture.GaussianMixture(2),
    "bayesian-mixture": lambda: mixture.BayesianGaussianMixture(n_components=2, max_iter=200),
    "isolation": lambda: ensemble.IsolationForest(n_estimators=5),
    "isolation-features": lambda: ensemble.IsolationForest(n_estimators=5, max_features=2),
    "outlier-factor": lambda: neighbors.LocalOutlierFactor(novelty=True),
    "elliptic": lambda: covariance.EllipticEnvelope(random_state=0),
}


def kept(model: Any, example: Any, folder: Path) -> Any:
    """Save, load, and check that it is the same and equal bytes."""
    facts = save_model(model, folder, example=example)
    again = load_model(folder)
    assert facts.flavor == "sklearn"
    assert not facts.unsafe
    # A partial comes back with an empty dict where it had none, a matrix with a flag less.
    if not any(name.startswith(("functools.partial", "scipy.sparse")) for name in facts.types):
        assert FLAVORS["sklearn"].pack(again).data == (folder / facts.file).read_bytes()
    for name in ("predict", "predict_proba", "decision_function", "transform"):
        if not hasattr(model, name):
            continue
        one, two = getattr(model, name)(example), getattr(again, name)(example)
        if sparse.issparse(one):
            one, two = one.toarray(), two.toarray()
        one, two = np.asarray(one), np.asarray(two)
        if one.dtype.kind == "f":  # an array's alignment in memory shows in the last digit of sums
            np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12, err_msg=name)
        else:
            np.testing.assert_array_equal(one, two, err_msg=name)
    return again


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier_comes_back(name: str, numbers: Any, tmp_path: Path) -> None:
    features, classes = numbers
    if "categories" in name:
        features = np.column_stack([features[:, :3], np.abs(features[:, 3] * 3).astype(int)])
    model = CLASSIFIERS[name]().fit(features, classes)
    if name == "logistic-sparse":
        model.sparsify()
    kept(model, features, tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressor_comes_back(name: str, numbers: Any, tmp_path: Path) -> None:
    features, classes = numbers
    features = features.copy()
    if name == "tree-missing":
        features[::5, 1] = np.nan
    target = np.abs(classes + 0.5 + 0.1 * features[:, 0])
    kept(REGRESSORS[name]().fit(features, target), features, tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformer_comes_back(name: str, numbers: Any, tmp_path: Path) -> None:
    features, classes = numbers
    features = features.copy()
    if "imputer" in name:
        features[::5, 1] = np.nan
    kept(TRANSFORMERS[name]().fit(features, classes), features, tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OTHERS)
def test_model_without_labels_comes_back(name: str, numbers: Any, tmp_path: Path) -> None:
    features, _ = numbers
    kept(OTHERS[name]().fit(features), features, tmp_path)


def test_pipeline_of_columns_with_gaps_and_categories_comes_back(
    flights: Any, tmp_path: Path
) -> None:
    frame, late = flights
    columns = compose.make_column_transformer(
        (
            preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
            ["carrier", "airport"],
        ),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    model = pipeline.make_pipeline(
        columns, ensemble.HistGradientBoostingClassifier(max_iter=9, categorical_features=[0, 1])
    ).fit(frame, late)

    again = kept(model, frame, tmp_path)

    unseen = frame.assign(carrier="ZZ", distance=np.nan)
    np.testing.assert_array_equal(model.predict_proba(unseen), again.predict_proba(unseen))


def test_histogram_boosting_of_a_frame_with_categories_comes_back(
    flights: Any, tmp_path: Path
) -> None:
    frame, late = flights
    frame = frame.drop(columns="carrier")
    model = ensemble.HistGradientBoostingClassifier(max_iter=9).fit(frame, late)

    again = kept(model, frame, tmp_path)

    assert list(again.feature_names_in_) == ["hour", "distance", "airport"]


def test_pipeline_with_pandas_output_comes_back(flights: Any, tmp_path: Path) -> None:
    frame, late = flights
    columns = compose.make_column_transformer(
        (
            preprocessing.OneHotEncoder(
                min_frequency=5, handle_unknown="infrequent_if_exist", sparse_output=False
            ),
            compose.make_column_selector(dtype_exclude="number"),
        ),
        (
            pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()),
            compose.make_column_selector(dtype_include=np.number),
        ),
    ).set_output(transform="pandas")
    model = columns.fit(frame, late)

    again = kept(model, frame, tmp_path)

    assert isinstance(again.transform(frame), pd.DataFrame)
    pd.testing.assert_frame_equal(model.transform(frame), again.transform(frame))


def test_pipeline_trained_on_polars_comes_back(flights: Any, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    frame, late = flights
    given = polars.from_pandas(frame[["hour", "distance"]])
    model = pipeline.make_pipeline(impute.SimpleImputer(), linear_model.LogisticRegression())

    kept(model.fit(given, late), given, tmp_path)


def test_text_pipeline_comes_back(tmp_path: Path) -> None:
    texts = ["late again", "on time", "late and wet", "Zürich on time"] * 5
    model = pipeline.make_pipeline(
        feature_extraction.text.TfidfVectorizer(ngram_range=(1, 2), stop_words="english"),
        naive_bayes.MultinomialNB(),
    ).fit(texts, [1, 0, 1, 0] * 5)

    kept(model, texts, tmp_path)


def test_hashed_text_pipeline_of_sparse_vectors_comes_back(tmp_path: Path) -> None:
    texts = ["late again", "on time", "late and wet", "Zürich on time"] * 5
    model = pipeline.make_pipeline(
        feature_extraction.text.HashingVectorizer(n_features=64),
        svm.SVC(kernel="linear"),
    ).fit(texts, [1, 0, 1, 0] * 5)

    kept(model, texts, tmp_path)


def test_pipeline_of_records_comes_back(tmp_path: Path) -> None:
    records = [{"carrier": "UA", "hour": 7}, {"carrier": "DL", "wet": True}] * 6
    model = pipeline.make_pipeline(
        feature_extraction.DictVectorizer(), linear_model.LogisticRegression()
    ).fit(records, [0, 1] * 6)

    kept(model, records, tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [
        lambda: tree.DecisionTreeClassifier(max_depth=4),
        lambda: ensemble.RandomForestClassifier(4),
        lambda: neighbors.KNeighborsClassifier(),
        lambda: multioutput.MultiOutputClassifier(linear_model.LogisticRegression()),
        lambda: multioutput.ClassifierChain(linear_model.LogisticRegression()),
    ],
    ids=["tree", "forest", "knn", "multi", "chain"],
)
def test_classifier_of_two_outputs_comes_back(make: Any, numbers: Any, tmp_path: Path) -> None:
    features, classes = numbers
    model = make().fit(features, np.column_stack([classes > 0, classes > 1]).astype(int))
    save_model(model, tmp_path, example=features)
    again = load_model(tmp_path)
    np.testing.assert_array_equal(model.predict(features), again.predict(features))


def test_isotonic_regression_comes_back(tmp_path: Path) -> None:
    given = np.linspace(0, 1, 30)
    model = isotonic.IsotonicRegression(out_of_bounds="clip").fit(given, given**2)
    kept(model, given, tmp_path)


def test_label_encoders_come_back(tmp_path: Path) -> None:
    model = preprocessing.LabelEncoder().fit(["EWR", "JFK", "LGA"])
    kept(model, ["JFK", "EWR"], tmp_path)


def test_model_trained_on_sparse_data_comes_back(numbers: Any, tmp_path: Path) -> None:
    features, classes = numbers
    matrix = sparse.csr_matrix(np.where(features > 0.5, features, 0))
    for model in (svm.SVC(), neighbors.KNeighborsClassifier(), linear_model.LogisticRegression()):
        kept(model.fit(matrix, classes), matrix, tmp_path)


def test_model_without_example_is_kept_without_signature(numbers: Any, tmp_path: Path) -> None:
    facts = save_model(linear_model.LogisticRegression().fit(*numbers), tmp_path)
    assert facts.signature is None
    assert facts.latency_ms is None
    assert not facts.example


def test_equal_training_makes_equal_bytes(numbers: Any) -> None:
    models = [ensemble.RandomForestClassifier(5, random_state=3).fit(*numbers) for _ in range(2)]
    one, two = (FLAVORS["sklearn"].pack(model).data for model in models)
    assert one == two


def test_transformer_to_a_million_columns_is_proven_in_little_memory(tmp_path: Path) -> None:
    texts = ["late again", "on time"] * 500
    model = feature_extraction.text.HashingVectorizer().fit(texts)
    tracemalloc.start()
    try:
        save_model(model, tmp_path, example=texts)
        assert tracemalloc.get_traced_memory()[1] < 2**28
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("example", [{1.0, 2.0}, iter([[1.0] * 4]), 5, "text", np.zeros((0, 4))])
def test_example_that_is_none_is_refused(example: Any, numbers: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"[Ee]xample"):
        save_model(linear_model.LogisticRegression().fit(*numbers), tmp_path, example=example)


def test_texts_as_pandas_gives_them_are_an_example(tmp_path: Path) -> None:
    texts = pd.Series(["late again", "on time"] * 5, dtype=object).to_numpy()
    model = pipeline.make_pipeline(
        feature_extraction.text.CountVectorizer(), naive_bayes.MultinomialNB()
    ).fit(texts, [1, 0] * 5)
    save_model(model, tmp_path, example=texts)
    again = load_model(tmp_path).predict(read_example(tmp_path))
    np.testing.assert_array_equal(again, model.predict(texts))
