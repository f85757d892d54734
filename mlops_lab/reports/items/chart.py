"""Charts: Altair's, and specifications of Vega-Lite or Vega."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mlops_lab.errors import InvalidInput
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.writer import MOST_CHART_BYTES, Writer

__all__ = ["KIND", "write_chart"]


class Chart(ItemKind):
    """A chart that stays interactive: tooltips, selections, bound inputs."""

    name = "a chart"
    gives = "an Altair chart or a Vega-Lite dict"
    rank = 20

    def takes(self, thing: Any) -> bool:
        """Altair's charts, and dicts that say that they are one."""
        if isinstance(thing, Mapping):
            return "vega" in str(thing.get("$schema", ""))
        library = type(thing).__module__.partition(".")[0]
        return library == "altair" and hasattr(thing, "to_dict") and not isinstance(thing, type)

    def write(self, thing: Any, out: Writer) -> None:
        """Write its specification with all of its data."""
        if isinstance(thing, Mapping):
            write_chart(thing, out)
            return
        from mlops_lab.charts import chart_dict

        write_chart(chart_dict(thing), out)


def write_chart(spec: Mapping[str, Any], out: Writer) -> None:
    """Write a chart, unless it would need something that is not in it.

    Raises
    ------
    InvalidInput
        Its data is elsewhere, or far too much.
    """
    import json

    address = _address(spec)
    if address is not None:
        raise InvalidInput(
            f"the chart loads its data from {address!r}, and a report loads nothing: give the data "
            "to the chart, as alt.Chart(frame)."
        )
    try:
        size = len(json.dumps(spec, default=str))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the chart's specification is no JSON: {error}.") from error
    if size > MOST_CHART_BYTES:
        raise InvalidInput(
            f"the chart holds {size / 1e6:.1f} MB of data; up to {MOST_CHART_BYTES / 1e6:.0f} MB "
            "can be drawn. Count or sample the rows before you draw them."
        )
    out.chart(spec, describe(spec))


def describe(spec: Mapping[str, Any]) -> str:
    """Say what a chart shows, for those who cannot see it: its title, what is on its axes.

    Examples
    --------
    >>> describe({"title": "Late flights", "mark": "bar", "encoding": {"x": {"field": "day"}}})
    'Late flights. Chart: day.'
    """
    said = spec.get("description")
    if isinstance(said, str) and said:
        return said
    title = spec.get("title")
    words = title.get("text") if isinstance(title, Mapping) else title
    if isinstance(words, list):
        words = " ".join(str(line) for line in words)
    fields = list(dict.fromkeys(_fields(spec)))[:6]
    chart = f"Chart: {', '.join(fields)}." if fields else "Chart."
    return f"{words}. {chart}" if words else chart


_PARTS: Final = ("layer", "hconcat", "vconcat", "concat")


def _fields(spec: Any) -> list[str]:
    """The names of what is encoded, in a chart and in its parts."""
    if not isinstance(spec, Mapping):
        return []
    found: list[str] = []
    encoding = spec.get("encoding")
    if isinstance(encoding, Mapping):
        for channel in ("x", "y", "color", "row", "column", "theta", "size"):
            one = encoding.get(channel)
            if isinstance(one, Mapping):
                name = one.get("title") or one.get("field")
                found += [str(name)] if isinstance(name, str) else []
    for key in _PARTS:
        for part in spec.get(key) or ():
            found += _fields(part)
    return found + _fields(spec.get("spec"))


def _address(spec: Any) -> str | None:
    """The address of data that is not in the specification."""
    if isinstance(spec, Mapping):
        data = spec.get("data")
        for one in data if isinstance(data, list) else [data]:
            if isinstance(one, Mapping) and isinstance(one.get("url"), str):
                return str(one["url"])
        values = [value for key, value in spec.items() if key not in ("datasets", "data")]
    else:
        values = spec if isinstance(spec, list) else []
    return next((found for value in values if (found := _address(value)) is not None), None)


KIND = Chart()
