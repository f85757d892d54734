from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.errors import InvalidInput
from mlops_lab.orchestration.params import as_text, read_value, resolve_params, step_params
from mlops_lab.orchestration.spec import PipelineSpec, load_spec

NESTED: Any = []
for _ in range(40):
    NESTED = [NESTED]


@pytest.fixture
def spec(workshop) -> PipelineSpec:
    workshop.notebook("train", "1", params="seed = 1\nmax_depth: int = 6\nkind = 'gbm'\ndata = ''")
    (workshop.root / "raw.csv").write_text("a\n")
    return load_spec(
        workshop.pipeline(
            "params: {seed: 7, floor: 0.6, tags: [a], note: null}\n"
            "steps:\n"
            "  train:\n"
            "    notebook: ../notebooks/train.ipynb\n"
            "    params: {kind: hgb}\n"
            "    inputs: {data: ../raw.csv}\n"
            "gates:\n  - metric: train.auc > params.floor\n"
        )
    )


def test_text_is_read_by_the_type_of_the_file(spec: PipelineSpec) -> None:
    given_text = {"seed": "3", "floor": "1", "tags": '["b"]', "note": "x", "train.kind": "7"}

    pipeline, steps = resolve_params(spec, given_text)

    assert pipeline == {"seed": 3, "floor": 1.0, "tags": ["b"], "note": "x"}
    assert type(pipeline["floor"]) is float
    assert steps == {"train": {"kind": "7"}}


def test_a_step_takes_what_its_notebook_declares(spec: PipelineSpec) -> None:
    pipeline, steps = resolve_params(spec, {"train.max_depth": "4"})

    assert step_params(spec.step("train"), pipeline, steps["train"]) == {
        "seed": 7,
        "kind": "hgb",
        "max_depth": 4,
    }


@pytest.mark.parametrize(
    ("given_params", "sentence"),
    [
        ({"sead": 1}, "no param 'sead'; it has seed, floor, tags, note. Did you mean seed?"),
        ({"max_depth": 1}, "Did you mean train.max_depth?"),
        ({"kind": 1}, "Did you mean train.kind?"),
        ({"train.depth": 1}, "Did you mean train.max_depth?"),
        ({"seed": "x"}, "seed is a whole number in the pipeline, and 'x' is text."),
        ({"seed": 0.5}, "seed is a whole number in the pipeline, and 0.5 is a number."),
        ({"seed": True}, "and True is true or false."),
        ({"tags": "b"}, "write it as JSON"),
        ({"train.max_depth": "x"}, "train.max_depth is declared as int"),
        ({"train.data": "x"}, "no param 'train.data'"),
        ({"seed": ""}, "seed is empty, and a whole number in the pipeline."),
        ({"train.max_depth": " "}, "train.max_depth is empty"),
        ({"note": "a\0b"}, "note holds a character that no text file can"),
        ({"train.kind": "\ud800"}, "train.kind holds a character"),
        ({"tags": [["\0"]]}, "tags holds a character"),
        ({"tags": NESTED}, "tags is nested more than 30 deep."),
        ({"note": object()}, "note is object; a param is text"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    spec: PipelineSpec, given_params: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve_params(spec, given_params)

    assert sentence in str(caught.value)


def test_numbers_of_numpy_and_paths_are_read_as_what_they_hold(spec: PipelineSpec) -> None:
    import numpy as np

    given_params = {
        "seed": np.int64(3),
        "floor": np.float64(0.5),
        "tags": (np.float32(0.5), True),
        "train.kind": Path("a/b"),
    }

    pipeline, steps = resolve_params(spec, given_params)

    assert pipeline == {"seed": 3, "floor": 0.5, "tags": [0.5, True], "note": None}
    assert [type(pipeline[name]) for name in ("seed", "floor")] == [int, float]
    assert steps["train"]["kind"] == "a/b"


values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.lists(st.integers() | st.text()) | st.dictionaries(st.text(), st.integers())
)  # fmt: skip


@given(values)
def test_a_value_survives_the_command_line(value: Any) -> None:
    read = read_value("x", as_text(value), value)

    assert read == value or value != value
    assert type(read) is type(value)
