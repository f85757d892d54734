"""What people log as files: figures, tables, images and dicts, turned into bytes of a media type.

The type of a value is told by what it can do and by the module it comes from: none of the plotting
or frame libraries is imported unless its own object is here already.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mlops_lab.errors import InvalidInput

__all__ = ["Encoded", "encode_dict", "encode_figure", "encode_image", "encode_table", "media_type"]

VEGA_LITE: Final = "application/vnd.vegalite.v6+json"
PLOTLY: Final = "application/vnd.plotly.v1+json"
PARQUET: Final = "application/vnd.apache.parquet"

# Ours first: the system's tables differ between machines and know few of these.
_BY_SUFFIX: Final = {
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".npy": "application/octet-stream",
    ".parquet": PARQUET,
    ".pdf": "application/pdf",
    ".pkl": "application/octet-stream",
    ".plotly.json": PLOTLY,
    ".png": "image/png",
    ".py": "text/x-python",
    ".skops": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".vl.json": VEGA_LITE,
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
    ".diff": "text/x-diff",
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """Bytes with their media type and the suffix a file of them has."""

    data: bytes
    media: str
    suffix: str

    def path(self, name: str) -> str:
        """Give the path for a name, with our suffix in the place of any other known one."""
        if name.lower().endswith(self.suffix):
            return name
        stem, dot, last = name.rpartition(".")
        return f"{stem if dot and f'.{last.lower()}' in _BY_SUFFIX else name}{self.suffix}"


def media_type(path: str) -> str:
    """Tell the media type of a file by its suffix; unknown ones are plain bytes.

    Examples
    --------
    >>> media_type("plots/roc.vl.json"), media_type("model.bin")
    ('application/vnd.vegalite.v6+json', 'application/octet-stream')
    """
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    for suffix in ("".join(suffixes[-2:]), *suffixes[-1:]):
        if suffix in _BY_SUFFIX:
            return _BY_SUFFIX[suffix]
    return "application/octet-stream"


def encode_figure(figure: Any, suffix: str = "") -> Encoded:
    """Turn a chart into bytes: Altair into Vega-Lite JSON, Matplotlib into PNG, Plotly into JSON.

    Parameters
    ----------
    figure
        An Altair chart, a Matplotlib figure or anything with one (axes, seaborn grids), a Plotly
        figure, or a dict that is a Vega-Lite specification.
    suffix
        ``.svg`` asks Matplotlib for SVG, ``.html`` Plotly and Altair for a page.

    Raises
    ------
    InvalidInput
        It is none of these.
    """
    library = type(figure).__module__.partition(".")[0]
    if library == "altair":
        return _vega_lite(figure, suffix)
    if library == "plotly":
        if suffix == ".html":
            page = figure.to_html(include_plotlyjs="cdn")
            return Encoded(page.encode(), "text/html", ".html")
        return Encoded(figure.to_json().encode(), PLOTLY, ".plotly.json")
    if isinstance(figure, Mapping) and str(figure.get("$schema", "")).find("vega-lite") >= 0:
        return Encoded(_json(figure), VEGA_LITE, ".vl.json")
    drawn = figure if hasattr(figure, "savefig") else getattr(figure, "figure", None)
    if drawn is not None and hasattr(drawn, "savefig"):
        picture = io.BytesIO()
        form = suffix.lstrip(".") if suffix in (".svg", ".pdf") else "png"
        drawn.savefig(picture, format=form, bbox_inches="tight")
        return Encoded(picture.getvalue(), _BY_SUFFIX[f".{form}"], f".{form}")
    raise InvalidInput(
        "log_figure takes an Altair chart, a Matplotlib figure or axes, a Plotly figure or a "
        f"Vega-Lite dict; got {type(figure).__name__}."
    )


def _vega_lite(chart: Any, suffix: str) -> Encoded:
    import altair as alt

    # All rows go into the file: Altair's limit of 5,000 guards notebooks, not files.
    with alt.data_transformers.enable("default", max_rows=None):
        if suffix == ".html":
            return Encoded(chart.to_html().encode(), "text/html", ".html")
        return Encoded(chart.to_json(indent=None).encode(), VEGA_LITE, ".vl.json")


def encode_table(table: Any) -> Encoded:
    """Turn a frame into Parquet: pandas, polars, Arrow, a list of dicts or a dict of columns.

    Raises
    ------
    InvalidInput
        It is none of these, or a column holds what Parquet cannot.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    library = type(table).__module__.partition(".")[0]
    kept = io.BytesIO()
    try:
        if library == "polars":
            frame = table.collect() if hasattr(table, "collect") else table
            table = (frame.to_frame() if hasattr(frame, "to_frame") else frame).to_arrow()
        elif library == "pandas":
            frame = table.to_frame() if not hasattr(table, "columns") else table
            # A plain row count says nothing; any other index is data.
            plain = type(frame.index).__name__ == "RangeIndex"
            table = pa.Table.from_pandas(frame, preserve_index=not plain)
        elif isinstance(table, pa.RecordBatch):
            table = pa.Table.from_batches([table])
        elif isinstance(table, Mapping):
            table = pa.table(dict(table))
        elif isinstance(table, list | tuple) and all(isinstance(row, Mapping) for row in table):
            table = pa.Table.from_pylist([dict(row) for row in table])
        elif not isinstance(table, pa.Table) and hasattr(table, "__arrow_c_stream__"):
            table = pa.table(table)
        if not isinstance(table, pa.Table):
            raise InvalidInput(
                "log_table takes a pandas, polars or Arrow table, a list of dicts or a dict of "
                f"columns; got {type(table).__name__}."
            )
        pq.write_table(table, kept, compression="zstd")
    except (pa.ArrowException, ValueError, TypeError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"The table cannot be kept as Parquet: {error}") from error
    return Encoded(kept.getvalue(), PARQUET, ".parquet")


def encode_image(image: Any, suffix: str = "") -> Encoded:
    """Turn a picture into bytes: PIL, an array, encoded bytes, or the path of a file.

    Parameters
    ----------
    image
        A PIL image; an array of shape (height, width), (height, width, 1), (…, 3) or (…, 4), uint8
        or floats from 0 to 1; PNG, JPEG, GIF or WebP bytes; or a path.
    suffix
        ``.jpg`` or ``.webp`` asks PIL for that, by default PNG.

    Raises
    ------
    InvalidInput
        It is none of these.
    """
    if isinstance(image, str | Path):
        path = Path(image)
        media = media_type(path.name)
        if not path.is_file() or not media.startswith("image/"):
            raise InvalidInput(f"There is no picture file {str(path)!r}.")
        return Encoded(path.read_bytes(), media, path.suffix.lower())
    if isinstance(image, bytes | bytearray | memoryview):
        return _known_image(bytes(image))
    form = {".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}.get(suffix, "png")
    if hasattr(image, "save") and hasattr(image, "mode"):
        kept = io.BytesIO()
        image.save(kept, format=form.upper())
        return Encoded(kept.getvalue(), f"image/{form}", suffix or ".png")
    if hasattr(image, "__array__") or hasattr(image, "shape"):
        return Encoded(_png(image), "image/png", ".png")
    raise InvalidInput(
        "log_image takes a PIL image, an array, PNG, JPEG, GIF or WebP bytes, or a path; "
        f"got {type(image).__name__}."
    )


def encode_dict(value: Any) -> Encoded:
    """Turn a dict or list into JSON; what JSON cannot say becomes its text.

    Raises
    ------
    InvalidInput
        It is neither, or it contains itself.
    """
    if not isinstance(value, Mapping | list | tuple):
        raise InvalidInput(f"log_dict takes a dict or a list; got {type(value).__name__}.")
    return Encoded(_json(value), "application/json", ".json")


def _json(value: Any) -> bytes:
    try:
        return json.dumps(_finite(value), ensure_ascii=False, default=_text, indent=1).encode(
            "utf-8", "replace"
        )
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"This dict cannot be kept as JSON: {error}") from error


def _finite(value: Any, depth: int = 0) -> Any:
    # JSON has no NaN; the strings are those of our REST interface.
    if depth > 200:
        raise RecursionError("it is nested too deep, or contains itself")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): _finite(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item, depth + 1) for item in value]
    return value


def _text(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    return str(value)


def _known_image(data: bytes) -> Encoded:
    for magic, suffix in (
        (b"\x89PNG\r\n\x1a\n", ".png"),
        (b"\xff\xd8\xff", ".jpg"),
        (b"GIF8", ".gif"),
    ):
        if data.startswith(magic):
            return Encoded(data, _BY_SUFFIX[suffix], suffix)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Encoded(data, "image/webp", ".webp")
    raise InvalidInput(
        "log_image takes PNG, JPEG, GIF or WebP bytes; these begin with "
        f"{data[:8]!r}. Other files: log_artifact."
    )


def _png(array: Any) -> bytes:
    """Encode an array as PNG; a few lines of format, so that no imaging library is needed."""
    import struct
    import zlib

    import numpy as np

    pixels = np.asarray(array)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 2, 3, 4) or 0 in pixels.shape:
        raise InvalidInput(
            "A picture has the shape (height, width), or (height, width, 1 to 4); "
            f"got {np.shape(array)}."
        )
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    elif np.issubdtype(pixels.dtype, np.floating):
        finite = np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0)
        if finite.min() < -1e-6 or finite.max() > 1 + 1e-6:
            raise InvalidInput(
                "A picture of floats has values from 0 to 1; got "
                f"{finite.min():.3g} to {finite.max():.3g}. Scale it, or give uint8 from 0 to 255."
            )
        pixels = np.rint(np.clip(finite, 0, 1) * 255).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        if not np.issubdtype(pixels.dtype, np.integer) or pixels.min() < 0 or pixels.max() > 255:
            raise InvalidInput(f"A picture holds uint8, or floats from 0 to 1; got {pixels.dtype}.")
        pixels = pixels.astype(np.uint8)
    height, width, channels = pixels.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = np.zeros((height, 1 + width * channels), np.uint8)
    rows[:, 1:] = pixels.reshape(height, width * channels)

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
        + chunk(b"IEND", b"")
    )
