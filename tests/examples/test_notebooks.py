"""The example's notebooks as files, and by hand."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlops_lab import example

from .conftest import Ran

NOTEBOOKS = ("arrive", "prepare", "train", "evaluate", "year")


def load(name: str) -> dict[str, Any]:
    text = (example.source() / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    return json.loads(text)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_committed_without_results(name: str) -> None:
    code = [cell for cell in load(name)["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_names_no_machine(name: str) -> None:
    text = json.dumps(load(name))
    assert not any(word in text for word in ("/home/", "/root/", "/Users/", "/work/main", "/tmp/"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_has_cells_with_names_that_stay(name: str) -> None:
    ids = [cell["id"] for cell in load(name)["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(one.replace("-", "").isalpha() for one in ids)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_explains_as_much_as_it_does(name: str) -> None:
    cells = load(name)["cells"]
    assert cells[0]["cell_type"] == "markdown"
    assert sum(cell["cell_type"] == "markdown" for cell in cells) >= len(cells) / 3


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_parameters_cell_holds_only_plain_values(name: str) -> None:
    tagged = [
        cell for cell in load(name)["cells"] if "parameters" in cell["metadata"].get("tags", [])
    ]
    assert len(tagged) == 1
    for line in ast.parse("".join(tagged[0]["source"])).body:
        assert isinstance(line, ast.Assign)
        ast.literal_eval(line.value)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_saved_as_jupyterlab_saves_it(name: str) -> None:
    path = example.source() / "notebooks" / f"{name}.ipynb"
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_notebook_works_by_hand_after_the_pipeline_ran(passing: Ran, tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    # A copy of the project with its runs, in which nobody has made ../work yet.
    project = tmp_path / "mine"
    shutil.copytree(passing["project"], project, ignore=shutil.ignore_patterns("work", "*.lock"))
    notebook = nbformat.read(project / "notebooks" / "evaluate.ipynb", as_version=4)
    # By hand means: with the defaults; only so small a sample needs smaller groups.
    setup = next(cell for cell in notebook.cells if cell.id == "setup")
    setup.source = "min_flights = 60\n" + setup.source
    NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=600,
        resources={"metadata": {"path": str(project / "notebooks")}},
    ).execute()
    said = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert "candidate.skops comes from the run train" in said
    assert "646 flights from 18 March to 31 March" in said
    assert (project / "work" / "candidate.skops").is_file()
