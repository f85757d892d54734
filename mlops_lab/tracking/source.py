"""Where a run comes from: the notebook or script of this process, and the cell that is running."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["Source", "current_cell", "current_source"]

_NOTEBOOKS: Final = frozenset({".ipynb", ".py", ".md", ".Rmd", ".qmd"})


@dataclass(frozen=True, slots=True)
class Source:
    """What a process runs.

    Attributes
    ----------
    notebook
        The notebook's file, if the process is a kernel that knows it.
    script
        The script's file, if the process is a plain Python program.
    """

    notebook: Path | None = None
    script: Path | None = None

    @property
    def path(self) -> Path | None:
        """The file, whichever it is."""
        return self.notebook or self.script

    @property
    def stem(self) -> str | None:
        """The file's name without its suffix: the default experiment and the root of run names."""
        if self.path is None:
            return None
        # `python -m package` runs a file that is called __main__ in the package's folder.
        return self.path.parent.name if self.path.stem == "__main__" else self.path.stem

    def as_line(self, root: Path) -> dict[str, str]:
        """Give the ``source`` of a run line; paths inside the project are relative to it."""
        line = {}
        if self.notebook is not None:
            line["notebook"] = _relative(self.notebook, root)
        if self.script is not None:
            line["program"] = _relative(self.script, root)
        return line


def current_source() -> Source:
    """Find out what this process runs.

    In this order: the Jupyter session's name, the variable of the editor (VS Code), papermill's
    parameter, the script. Nothing is known of a kernel that none of them speaks of.
    """
    shell = _shell()
    variables: dict[str, Any] = getattr(shell, "user_ns", {})
    for name in (
        os.environ.get("JPY_SESSION_NAME") or variables.get("__session__"),
        variables.get("__vsc_ipynb_file__"),
        variables.get("PAPERMILL_INPUT_PATH"),
        variables.get("PAPERMILL_OUTPUT_PATH"),
    ):
        # A console's session is named by a random id: only what looks like a notebook counts.
        if isinstance(name, str) and Path(name).suffix in _NOTEBOOKS:
            return Source(notebook=Path(name).absolute())
    if getattr(shell, "kernel", None) is not None:
        return Source()
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return Source(script=Path(file).absolute()) if file else Source()


def current_cell() -> str | None:
    """Name the notebook cell that is running, from any thread; None outside of a kernel.

    The id comes with the execute request, as JupyterLab and our own engine send it.
    """
    kernel = getattr(_shell(), "kernel", None)
    if kernel is None:
        return None
    try:
        cell = kernel.get_parent("shell")["metadata"]["cellId"]
    except (KeyError, TypeError, LookupError, AttributeError):
        return None
    return cell if isinstance(cell, str) else None


def _shell() -> Any:
    # Asked of the module only where somebody has imported it: a script never pays for IPython.
    module = sys.modules.get("IPython")
    find = getattr(module, "get_ipython", None)
    return find() if find is not None else None


def _relative(path: Path, root: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except (ValueError, OSError):
        return path.as_posix()
