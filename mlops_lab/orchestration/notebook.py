"""Reading notebooks before they run: which parameters they declare, in which language.

Only the standard library is needed for ``.ipynb``: a server lists pipelines often, and importing
papermill or nbformat takes more than a second. ``.py`` and ``.md`` go through jupytext.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_lab.errors import InvalidInput

__all__ = [
    "SUFFIXES",
    "Declared",
    "NotebookFacts",
    "inspect_notebook",
    "read_cells",
    "without_iri_grammar",
]

SUFFIXES = (".ipynb", ".py", ".md")
_ANNOTATIONS = {name: name for name in ("int", "float", "bool", "str", "list", "dict")} | {
    "List": "list",
    "Dict": "dict",
    "Sequence": "list",
    "Mapping": "dict",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """A parameter that a notebook declares.

    Parameters
    ----------
    name
        Its variable.
    type_name
        int, float, bool, str, list or dict; None when it cannot be told.
    annotated
        True when the notebook says the type itself, instead of by its default's.
    """

    name: str
    type_name: str | None
    annotated: bool = False

    def accepts(self, value: object) -> bool:
        """Whether ``value`` can be meant: null always can, and a default 5 also takes 0.5."""
        if self.type_name is None or value is None:
            return True
        if isinstance(value, bool) or self.type_name == "bool":
            return isinstance(value, bool) and self.type_name == "bool"
        if self.type_name == "float" or (self.type_name == "int" and not self.annotated):
            return isinstance(value, int | float)
        kinds: dict[str, type] = {"int": int, "str": str, "list": list, "dict": dict}
        return isinstance(value, kinds[self.type_name])


@dataclass(frozen=True, slots=True)
class NotebookFacts:
    """What a notebook says about itself.

    Parameters
    ----------
    path
        The file.
    language
        Its language in lower case, ``python`` if it says none.
    kernel_name
        The kernel it asks for, if any.
    n_cells
        Number of cells that hold code.
    parameters
        Declared in the cell tagged ``parameters``: empty without one, None when the cell is in
        another language than Python or cannot be parsed.
    """

    path: Path
    language: str
    kernel_name: str | None
    n_cells: int
    parameters: tuple[Declared, ...] | None

    def declares(self, name: str) -> bool:
        """Whether the notebook declares the parameter; False also when that cannot be told."""
        return any(declared.name == name for declared in self.parameters or ())


def read_cells(path: Path) -> dict[str, Any]:
    """A notebook as the JSON of its file; jupytext files are converted.

    Raises
    ------
    InvalidInput
        The file is no notebook, or jupytext is needed and missing.
    """
    try:
        if path.suffix == ".ipynb":
            notebook = json.loads(path.read_text(encoding="utf-8"))
        else:
            notebook = _jupytext(path)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InvalidInput(f"{path.name} is not a notebook: {error}.") from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise InvalidInput(f"{path.name} is not a notebook of version 4: it has no cells.")
    for index, cell in enumerate(notebook["cells"], start=1):
        if not _is_cell(cell):
            raise InvalidInput(f"{path.name} is not a notebook: cell {index} is not one.")
    if notebook.get("nbformat", 4) != 4:
        raise InvalidInput(
            f"{path.name} is a notebook of version {notebook['nbformat']!r}; this program reads 4."
        )
    return notebook


def _jupytext(path: Path) -> Any:
    try:
        with without_iri_grammar():
            import jupytext  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise InvalidInput(
            f"{path.name} is a jupytext notebook, and jupytext is not installed: "
            "pip install 'mlops-lab[jupytext]'."
        ) from error
    try:
        return jupytext.read(path)
    except (ValueError, KeyError, jupytext.formats.JupytextFormatError) as error:
        raise InvalidInput(f"jupytext cannot read {path.name}: {error}.") from error


def inspect_notebook(path: Path) -> NotebookFacts:
    """What the notebook at ``path`` declares; nothing of it is run."""
    notebook = read_cells(path)
    # What is odd in somebody's file must not stop a list of all pipelines: hence _map.
    metadata = _map(notebook.get("metadata"))
    kernelspec = _map(metadata.get("kernelspec"))
    language = _map(metadata.get("language_info")).get("name") or kernelspec.get("language")
    language = str(language or "python").lower()
    kernel = kernelspec.get("name")
    cells = [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    tagged = [cell for cell in cells if "parameters" in _tags(cell)]
    parameters: tuple[Declared, ...] | None = ()
    if tagged:
        parameters = _declared(_source(tagged[0])) if language == "python" else None
    name = str(kernel) if kernel else None
    return NotebookFacts(path, language, name, len(cells), parameters)


@contextmanager
def without_iri_grammar() -> Iterator[None]:
    """Import jsonschema, which nbformat needs, in half a second instead of two.

    It takes rfc3987_syntax along if it can, whose import compiles grammars for 1.6 s of CPU, for
    one check (format: iri) that no notebook has. Nothing is hidden from later imports of it.
    """
    name = "rfc3987_syntax"
    if name in sys.modules or "jsonschema" in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # Python's word for "not importable"
    try:
        yield
    finally:
        del sys.modules[name]


def _is_cell(cell: object) -> bool:
    """Whether a cell has the shape that everything after relies on; metadata may be odd."""
    if not isinstance(cell, dict) or not isinstance(cell.get("metadata", {}), dict):
        return False
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    return all(isinstance(line, str) for line in lines)


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tags(cell: dict[str, Any]) -> list[Any]:
    tags = _map(cell.get("metadata")).get("tags")
    return tags if isinstance(tags, list) else []


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _declared(source: str) -> tuple[Declared, ...] | None:
    # Magics and shell lines are IPython's, not Python's; a parameters cell rarely has one.
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    found: dict[str, Declared] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = _annotation(node.annotation)
            found[node.target.id] = Declared(node.target.id, name, name is not None)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found[target.id] = Declared(target.id, _literal(node.value))
    return tuple(found.values())


def _annotation(node: ast.expr) -> str | None:
    if isinstance(node, ast.Subscript):
        node = node.value  # list[int] is a list; Optional[int] stays unknown
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _ANNOTATIONS.get(node.value.split("[")[0].strip())
    return _ANNOTATIONS.get(node.id) if isinstance(node, ast.Name) else None


def _literal(node: ast.expr) -> str | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    name = type(value).__name__
    return name if name in ("int", "float", "bool", "str", "list", "dict") else None
