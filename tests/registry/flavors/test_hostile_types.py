"""Nothing that a file brings along is run: whatever it names, and wherever it names it."""

from __future__ import annotations

import copy
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import linear_model, pipeline, preprocessing, tree

from mlops_lab.errors import Corrupt, InvalidInput, NotFound
from mlops_lab.registry.flavors import FLAVORS
from mlops_lab.registry.package import FACTS, load_file, load_model, read_facts, save_model


class Harm:
    """Makes the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.canary}",)


@pytest.fixture
def canary(tmp_path: Path) -> Any:
    path = tmp_path / "canary"
    yield path
    assert not path.exists(), "something of the file was run"


@pytest.fixture
def model(numbers: Any) -> Any:
    return pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.LogisticRegression()
    ).fit(*numbers)


def text_node(text: object) -> dict[str, Any]:
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(text),
        "is_json": True,
    }


def sequence(kind: str, *items: Any) -> dict[str, Any]:
    loader = {"tuple": "TupleNode", "list": "ListNode"}[kind]
    return {
        "__class__": kind,
        "__module__": "builtins",
        "__loader__": loader,
        "content": list(items),
    }


def named(loader: str, module: str, name: str, **more: Any) -> dict[str, Any]:
    return {"__class__": name, "__module__": module, "__loader__": loader, **more}


def mapping(keys: list[Any], **items: Any) -> dict[str, Any]:
    return named("DictNode", "builtins", "dict", content=items, key_types=sequence("list", *keys))


def attacks(canary: Path) -> dict[str, dict[str, Any]]:
    """Ways to have something called while a file is loaded."""
    command = f"touch {canary}"
    system = named("FunctionNode", "os", "system")
    none = text_node(None)
    return {
        "function": system,
        "function-builtin": named("FunctionNode", "builtins", "eval"),
        "type": named("TypeNode", "os", "system"),
        "object": named("ObjectNode", "subprocess", "Popen", content=mapping([])),
        "constructor": named(
            "ConstructorFromReduceNode",
            "os",
            "system",
            content=sequence("tuple", text_node(command)),
        ),
        "constructor-of-a-listed-type": named(
            "ConstructorFromReduceNode",
            "sklearn.feature_extraction.text",
            "CountVectorizer",
            content=sequence("tuple", text_node(command)),
        ),
        "dict-of-a-called-type": named(
            "DictNode", "os", "getcwd", content={}, key_types=sequence("list")
        ),
        "list-of-a-called-type": named("ListNode", "os", "system", content=[text_node(command)]),
        "key-type": mapping([named("TypeNode", "os", "system")], **{command: none}),
        "key-type-that-is-a-function": mapping([system], **{command: none}),
        "array-class": named(
            "NdArrayNode",
            "os",
            "system",
            type="json",
            content=[text_node(command)],
            shape=sequence("tuple", text_node(1)),
        ),
        "tuple-class": named("TupleNode", "os", "system", content=[text_node(command)]),
        "partial": named(
            "PartialNode",
            "functools",
            "partial",
            content={
                "func": system,
                "args": sequence("tuple", text_node(command)),
                "kwds": mapping([]),
                "namespace": none,
            },
        ),
        "partial-of-a-partial": named(
            "PartialNode",
            "functools",
            "partial",
            content={
                "func": named("PartialNode", "functools", "partial", content={}),
                "args": sequence("tuple"),
                "kwds": mapping([]),
                "namespace": none,
            },
        ),
        "operator": named(
            "OperatorFuncNode", "operator", "methodcaller", attrs=sequence("tuple", text_node("x"))
        ),
        "method": named(
            "MethodNode",
            "builtins",
            "str",
            content={"func": "join", "obj": text_node("x")},
        ),
        "default-factory": named(
            "DefaultDictNode",
            "collections",
            "defaultdict",
            content={"main": mapping([]), "default_factory": system},
        ),
        "bytes": named("BytesNode", "builtins", "bytes", file="1.npy"),
        "reduce": named(
            "ReduceNode", "os", "system", content=none, __reduce__={"args": sequence("tuple")}
        ),
        "tree-class": named(
            "TreeNode",
            "os",
            "system",
            __reduce__={"args": sequence("tuple", text_node(command))},
            content=mapping([]),
        ),
        "loss-class": named(
            "LossNode",
            "os",
            "system",
            __reduce__={"args": sequence("tuple", text_node(command))},
            content=mapping([]),
        ),
        "random-generator": named(
            "RandomGeneratorNode",
            "numpy.random._generator",
            "Generator",
            content={
                "bit_generator": mapping(
                    [named("TypeNode", "builtins", "str")], bit_generator=text_node("seed")
                ),
                "seed_seq": mapping([]),
            },
        ),
        "random-state-class": named("RandomStateNode", "os", "getcwd", content=mapping([])),
        "sparse-class": named("SparseMatrixNode", "os", "system", type="scipy", file="1.npz"),
        "dtype-class": named("DTypeNode", "os", "system", content=none),
        "quantile-forest": named(
            "QuantileForestNode", "quantile_forest", "QF", content=none, __reduce__={}
        ),
        "unheard-of": named("EvilNode", "os", "system"),
        "of-our-own-package": named("FunctionNode", "mlops_lab.registry.package", "load_file"),
        "joblib-memory": named("ObjectNode", "joblib.memory", "Memory", content=mapping([])),
        "scipy-distribution": named(
            "ObjectNode", "scipy.stats._distn_infrastructure", "rv_frozen", content=mapping([])
        ),
        "memory-map": named("NdArrayNode", "numpy", "memmap", type="numpy", file="1.npy"),
        "numpy-loader": named("FunctionNode", "numpy", "load"),
        "numpy-vectorize": named("ObjectNode", "numpy", "vectorize", content=mapping([])),
        "code": named("TypeNode", "types", "CodeType"),
        "module-of-the-folder": named(
            "LossNode",
            "_loss",
            "CyHalfSquaredError",
            __reduce__={"args": sequence("tuple")},
            content=mapping([]),
        ),
    }


@pytest.mark.parametrize("name", attacks(Path("x")))
def test_file_that_would_call_something_is_refused(
    edit: Any, name: str, model: Any, write: Callable[..., Path], canary: Path
) -> None:
    def plant(schema: dict[str, Any]) -> None:
        # As an attribute of an estimator, where skops would build it.
        found = edit.attributes(schema)
        found["steps"]["content"][0]["content"][1]["content"]["content"]["mean_"] = attacks(canary)[
            name
        ]

    path = write(model, edit.schema(plant))

    with pytest.raises((InvalidInput, Corrupt)) as refused:
        load_file(path)

    assert "not loaded" in str(refused.value) or "model.skops" in str(refused.value)


def test_attack_as_the_whole_file_is_refused(
    edit: Any, model: Any, write: Callable[..., Path], canary: Path
) -> None:
    def plant(schema: dict[str, Any]) -> None:
        kept = {"protocol": schema["protocol"], "_skops_version": schema["_skops_version"]}
        schema.clear()
        schema.update(kept, **attacks(canary)["constructor"])

    with pytest.raises(InvalidInput, match=r"os\.system"):
        load_file(write(model, edit.schema(plant)))


def test_message_says_what_where_and_why(
    edit: Any, model: Any, write: Callable[..., Path], canary: Path
) -> None:
    def plant(schema: dict[str, Any]) -> None:
        edit.attributes(schema)["memory"] = named("FunctionNode", "os", "system")

    with pytest.raises(InvalidInput) as refused:
        load_file(write(model, edit.schema(plant)))

    assert "os.system at memory" in str(refused.value)
    assert "is not on the list" in str(refused.value)
    assert "Nothing of it was built" in str(refused.value)
    assert refused.value.details["types"] == ["os.system"]


def test_identity_of_a_listed_node_does_not_hide_another(
    edit: Any, model: Any, write: Callable[..., Path], canary: Path
) -> None:
    """skops builds the first of two nodes with one identity: what is looked at must be it."""

    def plant(schema: dict[str, Any]) -> None:
        found = edit.attributes(schema)
        found["memory"] = {**text_node(None), "__id__": 4242}
        found["verbose"] = {**named("FunctionNode", "os", "system"), "__id__": 4242}

    with pytest.raises(Corrupt, match="one identity to two things"):
        load_file(write(model, edit.schema(plant)))


def test_node_that_contains_itself_is_refused(
    edit: Any, model: Any, write: Callable[..., Path]
) -> None:
    def plant(schema: dict[str, Any]) -> None:
        inner = {**sequence("list"), "__id__": 77}
        edit.attributes(schema)["memory"] = {**sequence("list", inner), "__id__": 77}

    with pytest.raises(Corrupt, match="contains itself"):
        load_file(write(model, edit.schema(plant)))


@pytest.mark.parametrize("protocol", [0, 1, 3, -1, True, None, "2", 2.0])
def test_other_protocol_is_refused(
    edit: Any, protocol: object, model: Any, write: Callable[..., Path]
) -> None:
    def plant(schema: dict[str, Any]) -> None:
        schema["protocol"] = protocol

    with pytest.raises(Corrupt, match="protocol"):
        load_file(write(model, edit.schema(plant)))


def test_own_metadata_of_a_model_allows_nothing(
    edit: Any, model: Any, write: Callable[..., Path], tmp_path: Path, canary: Path, numbers: Any
) -> None:
    folder = tmp_path / "package"
    save_model(model, folder, example=numbers[0])

    def plant(schema: dict[str, Any]) -> None:
        edit.attributes(schema)["memory"] = attacks(canary)["constructor"]

    (folder / "model.skops").write_bytes(write(model, edit.schema(plant)).read_bytes())
    facts = json.loads((folder / FACTS).read_text())
    facts |= {"types": ["os.system", *facts["types"]], "trusted": ["os.system"], "unsafe": False}
    facts["allow_list"] = 99
    (folder / FACTS).write_text(json.dumps(facts))
    (folder / "requirements.txt").write_text("evil @ http://example.com/evil.whl\n")

    with pytest.raises(InvalidInput, match=r"os\.system"):
        load_model(folder)


def test_pickle_is_refused_unless_allowed(tmp_path: Path, canary: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(Harm(canary)))

    with pytest.raises(InvalidInput, match="allow_unsafe=True"):
        load_file(path)


def test_pickle_under_another_name_is_refused(tmp_path: Path, canary: Path) -> None:
    harm = pickle.dumps(Harm(canary))
    (tmp_path / "model.skops").write_bytes(harm)
    with pytest.raises(Corrupt):
        load_file(tmp_path / "model.skops")
    (tmp_path / "model.bin").write_bytes(harm)
    with pytest.raises(InvalidInput, match="no model file"):
        load_file(tmp_path / "model.bin")


def test_package_cannot_call_its_pickle_safe(tmp_path: Path, canary: Path) -> None:
    facts = {"flavor": "pickle", "unsafe": False, "size_bytes": 1, "file": "model.pkl"}
    (tmp_path / FACTS).write_text(json.dumps(facts))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Harm(canary)))

    assert read_facts(tmp_path).unsafe
    with pytest.raises(InvalidInput, match="allow_unsafe=True"):
        load_model(tmp_path)


def test_package_cannot_point_outside(tmp_path: Path, canary: Path) -> None:
    outside = tmp_path / "outside.pkl"
    outside.write_bytes(pickle.dumps(Harm(canary)))
    inside = tmp_path / "package"
    inside.mkdir()
    facts = {"flavor": "sklearn", "size_bytes": 1, "file": "../outside.pkl"}
    (inside / FACTS).write_text(json.dumps(facts))

    with pytest.raises(NotFound, match=r"model\.skops"):
        load_model(inside)


def test_unsafe_model_is_kept_only_when_asked_and_says_so(tmp_path: Path) -> None:
    class Own(linear_model.LogisticRegression):
        pass

    model = Own().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(InvalidInput) as refused:
        save_model(model, tmp_path / "safe")
    assert "Own" in str(refused.value)
    assert "unsafe=True" in str(refused.value)
    assert not (tmp_path / "safe").exists()

    facts = save_model(model, tmp_path / "unsafe", unsafe=True, example=np.array([[0.3]]))

    assert facts.unsafe
    assert facts.flavor == "pickle"
    assert json.loads((tmp_path / "unsafe" / FACTS).read_text())["unsafe"] is True
    with pytest.raises(InvalidInput, match="allow_unsafe"):
        load_model(tmp_path / "unsafe")
    again = load_model(tmp_path / "unsafe", allow_unsafe=True)
    assert again.predict([[0.9]]) == model.predict([[0.9]])


def own_function(values: Any) -> Any:
    return values * 2


@pytest.mark.parametrize(
    ("part", "named_as"),
    [
        (preprocessing.FunctionTransformer(own_function), "own_function"),
        (preprocessing.FunctionTransformer(lambda values: values), "<lambda>"),
        (preprocessing.FunctionTransformer(os.system), "system"),
        (preprocessing.FunctionTransformer(np.load), "numpy.load"),
    ],
    ids=["own", "lambda", "system", "load"],
)
def test_function_of_ones_own_is_refused_with_its_name(
    part: Any, named_as: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput) as refused:
        save_model(pipeline.make_pipeline(part), tmp_path / "model")
    assert named_as in str(refused.value)
    assert "unsafe=True" in str(refused.value)


def test_what_is_no_estimator_is_refused_with_advice(tmp_path: Path) -> None:
    for thing in ({"a": 1}, "text", object()):
        with pytest.raises(InvalidInput, match="unsafe=True"):
            save_model(thing, tmp_path / "model")
    with pytest.raises(InvalidInput, match="is a class"):
        save_model(linear_model.LogisticRegression, tmp_path / "model")


def test_model_that_was_never_fitted_is_refused(tmp_path: Path) -> None:
    for model in (tree.DecisionTreeClassifier(), pipeline.make_pipeline(linear_model.Ridge())):
        with pytest.raises(InvalidInput, match="never fitted"):
            save_model(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    save_model(preprocessing.FunctionTransformer(), tmp_path / "model")  # nothing to fit


def test_model_that_holds_itself_is_refused_in_a_sentence(numbers: Any, tmp_path: Path) -> None:
    model = linear_model.LogisticRegression().fit(*numbers)
    model.itself_ = model
    with pytest.raises(InvalidInput, match="holds itself"):
        save_model(model, tmp_path / "model")


def test_cache_folder_of_a_pipeline_is_refused(tmp_path: Path, numbers: Any) -> None:
    model = pipeline.make_pipeline(
        preprocessing.StandardScaler(),
        linear_model.LogisticRegression(),
        memory=str(tmp_path / "cache"),
    ).fit(*numbers)
    with pytest.raises(InvalidInput, match="memory"):
        save_model(model, tmp_path / "model")


def test_model_of_another_major_version_is_refused(
    edit: Any, model: Any, write: Callable[..., Path]
) -> None:
    def age(schema: dict[str, Any]) -> None:
        for node in edit.nodes_of(schema, "DictNode"):
            if "_sklearn_version" in node["content"]:
                node["content"]["_sklearn_version"] = text_node("0.24.2")

    with pytest.raises(InvalidInput, match=r"scikit-learn==0\.24\.2"):
        load_file(write(model, edit.schema(age)))


def test_model_of_another_minor_version_is_loaded_with_a_word(
    edit: Any,
    model: Any,
    write: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
    numbers: Any,
) -> None:
    def age(schema: dict[str, Any]) -> None:
        for node in edit.nodes_of(schema, "DictNode"):
            if "_sklearn_version" in node["content"]:
                node["content"]["_sklearn_version"] = text_node("1.6.1")

    again = load_file(write(model, edit.schema(age)))

    assert (again.predict(numbers[0]) == model.predict(numbers[0])).all()
    assert len(caplog.records) == 1
    assert "scikit-learn==1.6.1" in caplog.text


@pytest.mark.parametrize("version", ["x" * 10_000, "\u202e9.1", "<script>", "1.9.1; rm -rf /", ""])
def test_version_that_is_none_is_refused_legibly(
    edit: Any, version: str, model: Any, write: Callable[..., Path]
) -> None:
    def age(schema: dict[str, Any]) -> None:
        for node in edit.nodes_of(schema, "DictNode"):
            if "_sklearn_version" in node["content"]:
                node["content"]["_sklearn_version"] = text_node(version)

    path = write(model, edit.schema(age))
    if version.startswith("1.9"):
        load_file(path)
        return
    with pytest.raises(InvalidInput) as refused:
        load_file(path)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1_000


@pytest.mark.parametrize(
    "name",
    ["\u202egnp.exe", "a\nb\x1b[31mred", "<img src=x onerror=alert(1)>", "x" * 100_000, "", "…/.."],
)
def test_hostile_type_name_stays_a_text(
    edit: Any, name: str, model: Any, write: Callable[..., Path]
) -> None:
    def plant(schema: dict[str, Any]) -> None:
        found = edit.attributes(schema)
        found["memory"] = named("ObjectNode", name, name)
        found[name] = named("FunctionNode", "os", name)

    with pytest.raises((InvalidInput, Corrupt)) as refused:
        load_file(write(model, edit.schema(plant)))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1_500


def test_types_on_the_list_exist_and_are_what_they_are_called() -> None:
    """A name on the list that moved would let in whatever takes its place later."""
    import importlib

    from mlops_lab.registry.allow import allowed
    from mlops_lab.registry.bounds import CHECKS

    listed = allowed()
    assert set(listed.checks.values()) == set(CHECKS)
    missing = []
    for name, roles in listed.roles.items():
        module, _, attribute = name.rpartition(".")
        assert module.split(".")[0] in {
            *("builtins", "collections", "datetime", "functools", "numpy", "scipy", "sklearn")
        }, name
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError):
            missing.append(name)
            continue
        if roles & {"object", "tree", "loss", "sparse", "container"}:
            assert isinstance(found, type), name
    # Only names of other minor versions than the installed one.
    assert len(missing) < 20, missing


def test_no_type_on_the_list_runs_code_by_being_set_up() -> None:
    """skops calls ``__setstate__``: whoever has one of their own was looked at."""
    import importlib

    from sklearn.base import BaseEstimator

    from mlops_lab.registry.allow import allowed

    looked_at = {
        "IsotonicRegression",  # rebuilds its interpolation from its own arrays
        "TreePredictor",  # casts its nodes
        "GeneralizedLinear",
        "Interval",
    }
    own = set()
    for name, roles in allowed().roles.items():
        module, _, attribute = name.rpartition(".")
        if "object" not in roles or not module.startswith("sklearn"):
            continue
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError):
            continue
        setter = getattr(found, "__setstate__", None)
        native = module in (
            "sklearn.metrics._dist_metrics",
            "sklearn.neighbors._kd_tree",
            "sklearn.neighbors._ball_tree",
        )
        if setter is None or native or setter is BaseEstimator.__setstate__:
            continue
        own.add(attribute)
    assert own <= looked_at, own - looked_at


def test_installed_version_was_reviewed() -> None:
    """Whoever raises the version of scikit-learn reads what changed in it, then in the list."""
    import sklearn

    from mlops_lab.registry.allow import allowed

    first, last = (tuple(map(int, one.split("."))) for one in allowed().scikit_learn)
    assert first <= tuple(map(int, sklearn.__version__.split(".")[:2])) <= last


def test_model_is_left_as_it_was_by_saving(numbers: Any) -> None:
    model = tree.DecisionTreeClassifier().fit(*numbers)
    before = copy.deepcopy(model.tree_.__getstate__()["nodes"])
    FLAVORS["sklearn"].pack(model)
    assert (model.tree_.__getstate__()["nodes"]["feature"] == before["feature"]).all()
