"""The programs of a report: built modules as text that nothing runs until it is needed.

A view is built as one ES module, the same that a notebook's widget loads. In a report it becomes a
classic script, because only of an inline script can a policy say by its hash that it may run: no
other script can, whatever stands in the data. It is kept compressed, and started when the reader
comes near to the first thing that needs it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from mlops_lab.errors import Corrupt, NotFound

__all__ = ["HOST", "Script", "digest", "host_script", "module_script", "pack", "style_text"]

STATIC: Final = Path(__file__).parents[1] / "_static"

HOST: Final = "mlopsLabReport"
"""What the page's own script is called by those that it starts."""

# esbuild ends a module without imports so; it writes nothing of the kind anywhere else.
_EXPORT: Final = re.compile(r"export\s*\{\s*([\w$]+) as default\s*\};?\s*\Z")


@dataclass(frozen=True, slots=True)
class Script:
    """A program of the page.

    Parameters
    ----------
    name
        What the page calls it.
    source
        A classic script.
    """

    name: str
    source: str

    @property
    def packed(self) -> str:
        """Its text as the page keeps it."""
        return pack(self.source)


def pack(source: str) -> str:
    """Deflate a text, in base64: a third of the bytes, and nothing that ends an element."""
    return base64.b64encode(zlib.compress(source.encode(), 9)).decode("ascii")


def digest(source: str) -> str:
    """Give what a Content-Security-Policy calls a script."""
    hashed = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode("ascii")
    return f"'sha256-{hashed}'"


@cache
def module_script(name: str) -> Script:
    """Give a built module as a script that hands its default export to the page.

    Parameters
    ----------
    name
        Of the file in ``_static``, without ``.js``.

    Raises
    ------
    NotFound
        The front end has not been built.
    """
    source = _built(f"{name}.js")
    found = _EXPORT.search(source)
    if found is None:
        raise Corrupt(f"{STATIC / name}.js is no module with one default export: build it again.")
    body, exported = source[: found.start()], found[1]
    return Script(name, f'(()=>{{"use strict";{body}\n{HOST}.add("{name}",{exported})}})()')


@cache
def host_script() -> str:
    """Give the script that starts the others, as it stands in the page."""
    return f'(()=>{{"use strict";{_built("report.js").strip()}\n}})()'


@cache
def style_text(name: str) -> str:
    """Give a built style sheet as it can stand in a style element."""
    return _built(f"{name}.css").strip().replace("</", "<\\/")


def _built(file: str) -> str:
    try:
        return (STATIC / file).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFound(
            f"{STATIC / file} is not there: the front end has not been built (npm run build:views)."
        ) from error
