"""What people log as files: the right bytes, media type and suffix for each kind of value."""

import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_lab.errors import InvalidInput
from mlops_lab.tracking import media


def read_png(data: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, channels and pixels of the PNG that we write."""
    import struct
    import zlib

    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert depth == 8
    channels = {0: 1, 4: 2, 2: 3, 6: 4}[colour]
    start = data.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", data[start - 8 : start - 4])
    raw = zlib.decompress(data[start : start + length])
    stride = 1 + width * channels
    return (
        width,
        height,
        channels,
        b"".join(raw[i * stride + 1 : (i + 1) * stride] for i in range(height)),
    )


def test_altair_becomes_vega_lite() -> None:
    import altair as alt

    chart = alt.Chart(pd.DataFrame({"x": [1, 2]})).mark_line().encode(x="x:Q")
    encoded = media.encode_figure(chart)
    assert encoded.media == "application/vnd.vegalite.v6+json"
    assert json.loads(encoded.data)["mark"]["type"] == "line"
    assert encoded.path("roc") == "roc.vl.json"
    assert encoded.path("roc.png") == "roc.vl.json"
    layered = media.encode_figure(chart + chart)
    assert "layer" in json.loads(layered.data)


def test_altair_keeps_more_rows_than_altair_shows() -> None:
    import altair as alt

    chart = alt.Chart(pd.DataFrame({"x": range(6_000)})).mark_point().encode(x="x:Q")
    kept = json.loads(media.encode_figure(chart).data)
    assert sum(len(rows) for rows in kept["datasets"].values()) == 6_000


def test_vega_lite_dict_is_a_figure() -> None:
    spec = {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "mark": "bar"}
    assert json.loads(media.encode_figure(spec).data) == spec


def test_matplotlib_becomes_png_or_svg() -> None:
    figure_module = pytest.importorskip("matplotlib.figure")
    figure = figure_module.Figure()
    axes = figure.subplots()
    axes.plot([1, 2])
    assert media.encode_figure(figure).data.startswith(b"\x89PNG")
    assert b"<svg" in media.encode_figure(axes, ".svg").data
    assert media.encode_figure(axes, ".svg").path("roc.svg") == "roc.svg"


def test_plotly_is_taken_without_importing_it() -> None:
    class Figure:
        def to_json(self) -> str:
            return '{"data": [], "layout": {}}'

        def to_html(self, **options: Any) -> str:
            return "<html></html>"

    Figure.__module__ = "plotly.graph_objs._figure"
    assert media.encode_figure(Figure()).media == "application/vnd.plotly.v1+json"
    assert media.encode_figure(Figure(), ".html").path("a.html") == "a.html"


@pytest.mark.parametrize("value", [3, "chart.png", None, {"a": 1}])
def test_what_is_no_figure_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="Altair"):
        media.encode_figure(value)


def frames() -> list[Any]:
    import polars as pl

    columns = {"a": [1, 2], "b": ["x", None]}
    return [
        pd.DataFrame(columns),
        pl.DataFrame(columns),
        pl.DataFrame(columns).lazy(),
        pa.table(columns),
        pa.table(columns).to_batches()[0],
        columns,
        [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
    ]


@pytest.mark.parametrize("index", range(7))
def test_every_kind_of_table_becomes_parquet(index: int) -> None:
    encoded = media.encode_table(frames()[index])
    assert encoded.path("errors") == "errors.parquet"
    kept = pq.read_table(io.BytesIO(encoded.data))
    assert kept.column_names == ["a", "b"]
    assert kept["a"].to_pylist() == [1, 2]


def test_index_of_a_frame_is_kept_where_it_says_something() -> None:
    frame = pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name="key"))
    assert "key" in pq.read_table(io.BytesIO(media.encode_table(frame).data)).column_names
    series = pd.Series([1.0, 2.0], name="s")
    assert pq.read_table(io.BytesIO(media.encode_table(series).data)).column_names == ["s"]


@pytest.mark.parametrize("value", [3, "a,b", None, [1, 2], {"a": [1], "b": [1, 2]}])
def test_what_is_no_table_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"table"):
        media.encode_table(value)


@pytest.mark.parametrize(
    ("shape", "channels"),
    [((2, 3), 1), ((2, 3, 1), 1), ((2, 3, 2), 2), ((2, 3, 3), 3), ((2, 3, 4), 4)],
)
def test_arrays_become_png(shape: tuple[int, ...], channels: int) -> None:
    pixels = np.arange(math.prod(shape), dtype=np.uint8).reshape(shape)
    assert read_png(media.encode_image(pixels).data) == (3, 2, channels, pixels.tobytes())


def test_floats_and_truths_are_scaled() -> None:
    assert read_png(media.encode_image(np.array([[0.0, 0.5, 1.0]])).data)[3] == bytes([0, 128, 255])
    assert read_png(media.encode_image(np.array([[True, False]])).data)[3] == bytes([255, 0])
    assert read_png(media.encode_image(np.array([[math.nan, 1]])).data)[3] == bytes([0, 255])


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(3),
        np.zeros((2, 2, 5)),
        np.zeros((0, 2)),
        np.full((2, 2), 7.0),
        np.full((2, 2), 300),
        np.array([["a"]]),
        b"not a picture",
        "no-such.png",
        3,
    ],
)
def test_what_is_no_picture_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput):
        media.encode_image(value)


def test_encoded_pictures_and_files_are_kept_as_they_are(tmp_path: Path) -> None:
    data = media.encode_image(np.zeros((2, 2))).data
    assert media.encode_image(data).data == data
    (tmp_path / "a.png").write_bytes(data)
    assert media.encode_image(tmp_path / "a.png").data == data
    assert media.encode_image(b"\xff\xd8\xff\xe0rest").media == "image/jpeg"
    assert media.encode_image(b"RIFF0000WEBPrest").suffix == ".webp"


def test_pil_pictures_are_kept_in_the_asked_format() -> None:
    image_module = pytest.importorskip("PIL.Image")
    picture = image_module.new("RGB", (3, 2))
    assert read_png(media.encode_image(picture).data)[:3] == (3, 2, 3)
    assert media.encode_image(picture, ".jpg").media == "image/jpeg"


def test_dict_keeps_numbers_that_json_does_not_know() -> None:
    value = {
        "a": math.nan,
        "b": [math.inf, -math.inf],
        3: np.float32(0.5),
        "s": {1},
        "x": np.arange(2),
    }
    assert json.loads(media.encode_dict(value).data) == {
        "a": "NaN",
        "b": ["Infinity", "-Infinity"],
        "3": 0.5,
        "s": ["1"],
        "x": [0, 1],
    }


def test_dict_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["me"] = loop
    with pytest.raises(InvalidInput, match="contains itself"):
        media.encode_dict(loop)
    with pytest.raises(InvalidInput, match="dict or a list"):
        media.encode_dict("text")


def test_media_type_is_told_by_the_suffix_whatever_its_case() -> None:
    assert media.media_type("A/B.PNG") == "image/png"
    assert media.media_type("roc.vl.json") == "application/vnd.vegalite.v6+json"
    assert media.media_type("notes.json") == "application/json"
    assert (
        media.media_type("model")
        == media.media_type("x.html.unknown")
        == "application/octet-stream"
    )


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    script = (
        "import sys, mlops_lab.tracking.media as m; m.encode_dict({'a': 1}); "
        "heavy = {'pandas', 'pyarrow', 'numpy', 'altair', 'matplotlib', 'PIL'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
