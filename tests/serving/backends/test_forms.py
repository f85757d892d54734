"""Forms are made once, whole, within bounds, and anew when they are damaged."""

from __future__ import annotations

import json
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.backends import choose, forms, prepare
from mlops_lab.serving.backends.forms import find_form, make_form

pytest.importorskip("skl2onnx")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, package: Path, frame: Any) -> Path:
    """A cache that two asked for the same form at once."""
    folder = tmp_path_factory.mktemp("cache")
    with ThreadPoolExecutor(2) as both:
        asked = [
            both.submit(make_form, package, folder, frame, "dataset flights@1") for _ in range(2)
        ]
        first, second = (each.result() for each in asked)
    # The second one asks for the same rows; it gets what the first one made of them.
    assert first == second
    return folder


def entries(cache: Path) -> list[str]:
    """What is left in a cache but locks."""
    return sorted(each.name for each in cache.iterdir() if each.suffix != ".lock")


def test_two_at_once_make_one_form(cache: Path, package: Path, frame: Any, model: Any) -> None:
    (name,) = entries(cache)
    assert sorted(each.name for each in (cache / name).iterdir()) == [
        "model.onnx",
        "onnx.json",
        "parity.json",
    ]
    chosen = choose(package, cache_dir=cache)
    assert chosen.backend.name == "onnx"
    assert "dataset flights@1" in chosen.why
    assert chosen.report is not None
    assert chosen.report.rows == 600
    assert np.array_equal(chosen.backend.predict(frame).prediction, model.predict(frame))


def test_what_was_asked_for_is_run(cache: Path, package: Path) -> None:
    assert choose(package, "sklearn", cache_dir=cache).backend.name == "sklearn"
    assert choose(package, "onnx", cache_dir=cache).backend.name == "onnx"


@pytest.mark.parametrize("name", ["model.onnx", "onnx.json", "parity.json"])
def test_a_damaged_form_is_not_found(tmp_path: Path, cache: Path, package: Path, name: str) -> None:
    copy = tmp_path / "cache"
    shutil.copytree(cache, copy)
    (entry,) = entries(copy)
    file = copy / entry / name
    file.write_bytes(file.read_bytes()[:-20] + b"x" * 20)
    assert find_form(package, copy) is None


@pytest.mark.parametrize(
    ("name", "value"), [("v", 1), ("versions", {"onnxruntime": "0.1"})], ids=["format", "library"]
)
def test_a_form_of_other_versions_is_not_found(
    tmp_path: Path, cache: Path, package: Path, name: str, value: Any
) -> None:
    copy = tmp_path / "cache"
    shutil.copytree(cache, copy)
    (entry,) = entries(copy)
    file = copy / entry / "parity.json"
    report = json.loads(file.read_bytes())
    file.write_text(json.dumps({**report, name: value}))
    assert find_form(package, copy) is None


def fake(folder: Path, script: str) -> str:
    """A Python that does something else."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


@pytest.mark.parametrize(
    ("script", "bounds", "words"),
    [
        ("kill -SEGV $$", {}, "crashed (signal 11)"),
        ("echo no such library >&2; exit 1", {}, "failed: no such library"),
        ("exec sleep 600", {"timeout_s": 0.1}, "longer than"),
        ("exec sleep 600", {"memory_bytes": 1}, "of memory"),
    ],
    ids=["crash", "failure", "endless", "memory"],
)
def test_a_conversion_that_dies_costs_nothing_but_the_form(
    tmp_path: Path,
    package: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    bounds: Any,
    words: str,
) -> None:
    monkeypatch.setattr(forms.sys, "executable", fake(tmp_path, script))
    _, report = make_form(package, tmp_path / "cache", **bounds)
    assert not report.passed
    assert words in report.why
    assert len(entries(tmp_path / "cache")) == 1
    # It is remembered, and the model answers all the same.
    monkeypatch.setattr(forms.sys, "executable", fake(tmp_path, "exit 7"))
    chosen = choose(package, cache_dir=tmp_path / "cache")
    assert chosen.backend.name == "sklearn"
    assert report.why in chosen.why
    with pytest.raises(InvalidInput, match="asked for and cannot be had"):
        choose(package, "onnx", cache_dir=tmp_path / "cache")


def test_without_the_extra_it_is_scikit_learn(
    tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlops_lab.serving.backends import choosing

    monkeypatch.setattr(choosing, "find_spec", lambda name: None)
    chosen = choose(package, cache_dir=tmp_path)
    assert chosen.backend.name == "sklearn"
    assert "pip install 'mlops-lab[serve]'" in chosen.why
    assert prepare(package, cache_dir=tmp_path) in chosen.why


def test_a_disk_that_takes_nothing_is_no_reason_not_to_answer(
    tmp_path: Path, package: Path
) -> None:
    (tmp_path / "file").touch()
    chosen = choose(package, cache_dir=tmp_path / "file" / "cache")
    assert chosen.backend.name == "sklearn"
    assert "could be kept" in chosen.why
