"""Files in a report, shown as the media type that they were given: never sniffed."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import InvalidInput
from mlops_lab.handles.card import size_text
from mlops_lab.reports.markdown import without_front
from mlops_lab.reports.notebook import write_notebook
from mlops_lab.reports.table import MOST_ROWS, Cells

if TYPE_CHECKING:
    from mlops_lab.reports.writer import Writer

__all__ = ["MOST_BYTES", "shows", "write_file"]

MOST_BYTES: Final = 600_000
"""A larger file is named and not shown: a report is to be sent by mail."""
MOST_TABLE_BYTES: Final = 50_000_000
MOST_TEXT: Final = 60_000

_PICTURES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
_TABLES: Final = (
    "application/vnd.apache.parquet",
    "text/csv",
    "text/tab-separated-values",
    "application/jsonl",
)
_INDEX: Final = re.compile(r"__index_level_\d+__")
_NOTEBOOK: Final = "application/x-ipynb+json"


def shows(media: str, size: int) -> bool:
    """Whether a report shows a file of this type and size, or only names it."""
    most = MOST_TABLE_BYTES if media in _TABLES else 20 * MOST_BYTES if media == _NOTEBOOK else 0
    return size <= max(MOST_BYTES, most) and (
        media in _PICTURES
        or media in _TABLES
        or media.startswith("text/")
        or _is_chart(media)
        or media in (_NOTEBOOK, "application/json", "application/yaml", "application/toml")
    )


def write_file(path: Path, media: str, name: str, out: Writer) -> None:
    """Write a file into the page.

    Parameters
    ----------
    path
        Its bytes.
    media
        What they are, as it was told when they were kept.
    name
        What it is called.

    Raises
    ------
    InvalidInput
        It is not what it is called.
    """
    size = path.stat().st_size
    if not shows(media, size):
        out.told(f"{name}: {media}, {size_text(size)}, is not shown here.")
    elif media in _PICTURES:
        out.picture(path.read_bytes(), media, name)
    elif media in _TABLES:
        out.table(_table(path, media))
    elif _is_chart(media):
        _chart(_json(path, name), out)
    elif media == _NOTEBOOK:
        write_notebook(_json(path, name), out)
    elif media == "text/markdown":
        out.markdown(without_front(_text(path)), below=3)
    elif media == "text/html":
        out.page(_text(path), name)
        out.told("Shown in a sandbox, without its scripts.")
    else:
        _plain(_text(path), media, out)


def _chart(spec: Any, out: Writer) -> None:
    from mlops_lab.reports.items.chart import write_chart

    if not isinstance(spec, dict):
        raise InvalidInput("it is no chart.")
    write_chart(spec, out)


def _plain(text: str, media: str, out: Writer) -> None:
    if media == "application/json":
        with suppress(ValueError, RecursionError):  # whatever is no JSON is text
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    out.preformatted(text[:MOST_TEXT])
    if len(text) > MOST_TEXT:
        out.told(f"The first {MOST_TEXT:,} of {len(text):,} characters.")


def _table(path: Path, media: str) -> Cells:
    if media == "application/vnd.apache.parquet":
        import pyarrow.parquet as pq

        from mlops_lab.reports.items.table import cells_of

        try:
            file = pq.ParquetFile(path)
            batch = next(file.iter_batches(batch_size=MOST_ROWS), None)
        except Exception as error:
            raise InvalidInput(f"it is no Parquet file: {error}") from error
        total = file.metadata.num_rows
        if batch is None:
            return Cells(file.schema_arrow.names, [], 0)
        # What pandas has kept of a plain row count is no data.
        names = [name for name in batch.schema.names if not _INDEX.fullmatch(name)]
        shown = cells_of(batch.select(names))
        return Cells(shown.titles, shown.rows, total, shown.columns)
    if media == "application/jsonl":
        lines = _text(path).splitlines()
        found = [one for line in lines[:MOST_ROWS] if isinstance(one := json.loads(line), dict)]
        names = list(dict.fromkeys(str(key) for row in found for key in row))
        return Cells(names, [[row.get(name) for name in names] for row in found], len(lines))
    separator = "\t" if media == "text/tab-separated-values" else ","
    try:
        read = list(csv.reader(io.StringIO(_text(path)), delimiter=separator))
    except csv.Error as error:
        raise InvalidInput(f"it is no table: {error}") from error
    head, rows = (read[0], read[1:]) if read else ([], [])
    width = len(head)
    level = [[_number(cell) for cell in (row + [""] * width)[:width]] for row in rows[:MOST_ROWS]]
    return Cells(head, level, len(rows))


def _number(cell: str) -> Any:
    if cell == "":
        return None
    try:
        return float(cell) if not cell.lstrip("-").isdigit() else int(cell)
    except ValueError:
        return cell


def _json(path: Path, name: str) -> Any:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} is no JSON: {error}.") from error


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _is_chart(media: str) -> bool:
    return media.startswith(("application/vnd.vegalite.", "application/vnd.vega."))
