"""Where a run comes from: session, editor, papermill, script, in that order."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlops_lab.tracking.source import Source, current_cell, current_source


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The shell of a kernel, as IPython's `get_ipython` gives it."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    parent: dict[str, Any] = {"metadata": {}}
    found = SimpleNamespace(
        user_ns={}, kernel=SimpleNamespace(get_parent=lambda channel: parent), parent=parent
    )
    module = SimpleNamespace(get_ipython=lambda: found)
    monkeypatch.setitem(sys.modules, "IPython", module)  # type: ignore[arg-type]
    return found


def test_session_comes_before_editor_and_papermill(
    shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.user_ns["PAPERMILL_INPUT_PATH"] = "/p/c.ipynb"
    assert current_source().notebook == Path("/p/c.ipynb")
    shell.user_ns["__vsc_ipynb_file__"] = "/p/b.ipynb"
    assert current_source().notebook == Path("/p/b.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", "/p/a.ipynb")
    assert current_source() == Source(notebook=Path("/p/a.ipynb"))
    assert current_source().stem == "a"


def test_session_of_a_console_is_no_notebook(
    shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/p/console-1-a3d9")
    assert current_source() == Source()
    assert current_source().stem is None


def test_cell_is_the_one_of_the_running_request(shell: SimpleNamespace) -> None:
    assert current_cell() is None
    shell.parent["metadata"]["cellId"] = "abc"
    assert current_cell() == "abc"
    shell.parent["metadata"]["cellId"] = 3
    assert current_cell() is None
    shell.parent.clear()
    assert current_cell() is None


def test_script_is_the_main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    main = SimpleNamespace(__file__="/p/train.py")
    monkeypatch.setitem(sys.modules, "__main__", main)  # type: ignore[arg-type]
    assert current_source() == Source(script=Path("/p/train.py"))
    main.__file__ = "/p/package/__main__.py"
    assert current_source().stem == "package"
    del main.__file__
    assert current_source() == Source()


def test_paths_inside_the_project_are_relative_to_it(tmp_path: Path) -> None:
    assert Source(notebook=tmp_path / "n" / "a.ipynb").as_line(tmp_path) == {
        "notebook": "n/a.ipynb"
    }
    assert Source(script=Path("/elsewhere/t.py")).as_line(tmp_path) == {
        "program": "/elsewhere/t.py"
    }
