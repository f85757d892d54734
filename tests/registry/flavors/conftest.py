"""Small data and helpers to open a model file and change what is in it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from mlops_lab.registry.flavors import FLAVORS

Rewrite = Callable[[dict[str, bytes]], None]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Ninety rows are no work to share: threads would wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def numbers() -> tuple[np.ndarray, np.ndarray]:
    """Sixty rows of four numbers, and three classes."""
    rng = np.random.default_rng(7)
    features = rng.normal(size=(90, 4))
    classes = np.digitize(features[:, 0] + 0.3 * features[:, 1], [-0.5, 0.5])
    return features, classes


@pytest.fixture(scope="session")
def flights() -> tuple[pd.DataFrame, np.ndarray]:
    """A frame with numbers, gaps, texts and categories, and two classes."""
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(
        {
            "hour": rng.integers(0, 24, 120),
            "distance": rng.normal(1_000, 400, 120),
            "carrier": rng.choice(["UA", "DL", "Ünïted ✈"], 120),
            "airport": pd.Categorical(rng.choice(["EWR", "JFK", "LGA"], 120)),
        }
    )
    frame.loc[::7, "distance"] = np.nan
    return frame, (frame["hour"] > 14).to_numpy()


@pytest.fixture
def edit() -> SimpleNamespace:
    """What changes a file: ``edit.schema(change)``, ``edit.arrays(wanted, change)`` and so on."""
    return SimpleNamespace(
        schema=edit_schema, arrays=edit_arrays, nodes_of=nodes_of, attributes=attributes
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Keep a model, after its members were changed if that is wished."""

    def writer(model: object, change: Rewrite | None = None) -> Path:
        data = FLAVORS["sklearn"].pack(model).data
        path = tmp_path / "model.skops"
        if change is not None:
            with ZipFile(io.BytesIO(data)) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
            change(members)
            buffer = io.BytesIO()
            with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
                for name, content in members.items():
                    archive.writestr(name, content)
            data = buffer.getvalue()
        path.write_bytes(data)
        return path

    return writer


def edit_schema(change: Callable[[dict[str, Any]], None]) -> Rewrite:
    """Make a change of the schema into one of the members."""

    def rewrite(members: dict[str, bytes]) -> None:
        schema = json.loads(members["schema.json"])
        change(schema)
        members["schema.json"] = json.dumps(schema).encode()

    return rewrite


def edit_arrays(
    wanted: Callable[[np.ndarray], bool], change: Callable[[np.ndarray], Any]
) -> Rewrite:
    """Change every array of a file that is wanted; the change gives another one, or edits it."""

    def rewrite(members: dict[str, bytes]) -> None:
        found = 0
        for name, content in members.items():
            if not name.endswith(".npy"):
                continue
            array = np.load(io.BytesIO(content))
            if not wanted(array):
                continue
            found += 1
            changed = change(array)
            buffer = io.BytesIO()
            np.save(buffer, array if changed is None else changed)
            members[name] = buffer.getvalue()
        assert found, "no such array in the file"

    return rewrite


def nodes_of(schema: Any, loader: str) -> list[dict[str, Any]]:
    """Give all nodes of a kind in a schema."""
    found: list[dict[str, Any]] = []
    stack = [schema]
    while stack:
        state = stack.pop()
        if isinstance(state, dict):
            if state.get("__loader__") == loader:
                found.append(state)
            stack.extend(state.values())
        elif isinstance(state, list):
            stack.extend(state)
    return found


def attributes(schema: dict[str, Any], *path: str) -> dict[str, Any]:
    """Give the attributes of the object at a path of attribute names."""
    state = schema
    for name in path:
        state = state["content"]["content"][name]
    content: dict[str, Any] = state["content"]["content"]
    return content
