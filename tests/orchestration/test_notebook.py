from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_lab.errors import InvalidInput
from mlops_lab.orchestration.notebook import Declared, inspect_notebook


def declared(workshop, params: str) -> dict[str, str | None] | None:
    facts = inspect_notebook(workshop.notebook("n", "1", params=params))
    if facts.parameters is None:
        return None
    return {one.name: one.type_name for one in facts.parameters}


def test_types_come_from_annotations_and_defaults(workshop) -> None:
    source = (
        "a = 1\nb = 0.5\nc = True\nd = 'x'\ne = [1,\n  2]\nf = {'a': 1}\ng = None\n"
        "h: int = 3\ni: list[int] = []\nj: 'float' = 1\nk: int | None = None\nl = m = 2\n"
        "n = -1\no = len('x')\n# p = 3\n%matplotlib inline\n"
    )

    assert declared(workshop, source) == {
        "a": "int", "b": "float", "c": "bool", "d": "str", "e": "list", "f": "dict", "g": None,
        "h": "int", "i": "list", "j": "float", "k": None, "l": "int", "m": "int",
        "n": "int", "o": None,
    }  # fmt: skip


def test_a_parameters_cell_that_is_no_python_says_nothing(workshop) -> None:
    assert declared(workshop, "a = = 1") is None


def test_a_notebook_without_parameters_cell_declares_none(workshop) -> None:
    assert inspect_notebook(workshop.notebook("n", "a = 1")).parameters == ()


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"worksheets": []}'])
def test_what_is_no_notebook_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text(text)

    with pytest.raises(InvalidInput, match=r"x\.ipynb is not a notebook"):
        inspect_notebook(path)


CELL = '{"cell_type": "code", "metadata": %s, "source": %s}'


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"cells": [1]}',
        f'{{"cells": [{CELL % ("[1]", "[]")}]}}',
        f'{{"cells": [{CELL % ("{}", "5")}]}}',
        f'{{"cells": [{CELL % ("{}", "[1]")}]}}',
        '{"cells": [], "nbformat": 99}',
    ],
)
def test_what_only_looks_like_a_notebook_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text(text)

    with pytest.raises(InvalidInput, match=r"x\.ipynb is (not )?a notebook"):
        inspect_notebook(path)


@pytest.mark.parametrize(
    "text",
    [
        '{"cells": [], "metadata": 3}',
        '{"cells": [], "metadata": {"kernelspec": "x", "language_info": []}}',
        f'{{"cells": [{CELL % ("""{"tags": 5}""", "[]")}]}}',
        f'{{"cells": [{CELL % ("""{"tags": [["parameters"]]}""", "[]")}]}}',
    ],
)
def test_odd_metadata_says_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text(text)

    facts = inspect_notebook(path)

    assert (facts.language, facts.kernel_name, facts.parameters) == ("python", None, ())


@pytest.mark.parametrize("source", ["x=1\0", "x='\ud800'", "x=" + "-" * 100_000 + "1"])
def test_parameters_that_python_cannot_parse_say_nothing(workshop, source: str) -> None:
    facts = inspect_notebook(workshop.notebook("a", "1", params=source))

    assert facts.declares("x") is False


def test_jupytext_percent_scripts_and_markdown_are_notebooks(tmp_path: Path) -> None:
    script = tmp_path / "a.py"
    script.write_text('# %% tags=["parameters"]\nseed: int = 1\n\n# %%\nprint(seed)\n')
    text = tmp_path / "b.md"
    text.write_text(
        '# Title\n\n```python tags=["parameters"]\nrate = 0.5\n```\n\n```python\n1\n```\n'
    )

    assert inspect_notebook(script).parameters == (Declared("seed", "int", True),)
    assert inspect_notebook(text).parameters == (Declared("rate", "float"),)
    assert inspect_notebook(text).n_cells == 2


def test_without_jupytext_the_extra_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jupytext", None)
    script = tmp_path / "a.py"
    script.write_text("1\n")

    with pytest.raises(InvalidInput, match=r"pip install 'mlops-lab\[jupytext\]'"):
        inspect_notebook(script)


def test_another_language_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.ipynb"
    cell = {"cell_type": "code", "source": "x <- 1", "metadata": {"tags": ["parameters"]}}
    metadata = {"kernelspec": {"name": "ir", "language": "R"}, "language_info": {"name": "R"}}
    path.write_text(json.dumps({"cells": [cell], "metadata": metadata, "nbformat": 4}))

    facts = inspect_notebook(path)

    assert (facts.language, facts.kernel_name, facts.parameters) == ("r", "ir", None)
