"""Files: an executed notebook, a picture, a table, Markdown, a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.handles.contents import Artifact
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.media import shows, write_file
from mlops_lab.reports.writer import Writer
from mlops_lab.tracking.media import media_type

__all__ = ["KIND"]


class File(ItemKind):
    """A file, shown as what its name or its record says it is."""

    name = "a file"
    gives = "a pathlib.Path of a file (.ipynb, .md, .png, .csv, .parquet, .html), an artifact"
    rank = 30

    def takes(self, thing: Any) -> bool:
        """Paths, and artifacts of a run."""
        return isinstance(thing, Path | Artifact)

    def write(self, thing: Any, out: Writer) -> None:
        """Write what is in it, under its name."""
        if isinstance(thing, Artifact):
            path, media, name = thing.file, thing.media_type, thing.path
        else:
            path = thing.expanduser()
            media, name = media_type(path.name), path.name
        if not path.is_file():
            raise NotFound(f"there is no file {str(path)!r}.")
        size = path.stat().st_size
        if not shows(media, size):
            raise InvalidInput(
                f"{name} has {size:,} bytes of {media}: a report shows notebooks, Markdown, text, "
                "pictures, charts, tables and pages, up to 600 kB of each."
            )
        out.heading(name)
        write_file(path, media, name, out)

    def told(self, thing: Any) -> str:
        """By its name."""
        return str(thing.path if isinstance(thing, Artifact) else thing)


KIND = File()
