"""An evaluation in a report: the drift view with its counts, and the same in words for paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.reports.html import Html
from mlops_lab.reports.table import Cells
from mlops_lab.reports.views import write_drift
from mlops_lab.reports.writer import state_word

if TYPE_CHECKING:
    from mlops_lab.reports.writer import Writer

__all__ = ["write_distribution", "write_evaluation", "write_incident", "write_sections"]

MOST_COLUMNS: Final = 60
"""Columns in the table for paper; the view has all of them."""

_TITLES: Final = (
    "state",
    "column",
    "measure",
    "largest",
    "in",
    "alarms at",
    "natural",
    "alerts",
    "warnings",
)
_SEVERITY: Final = {"alert": "alert", "warn": "warn", "info": "info"}
_WORST: Final = "aqwhos-"
"""The letters of states, the worst first."""
_STATE: Final = {
    "a": "alert",
    "w": "warn",
    "q": "quality",
    "h": "small",
    "s": "small",
    "o": "ok",
    "-": "info",
}


def write_evaluation(
    wire: Mapping[str, Any],
    out: Writer,
    *,
    alerts: Sequence[Mapping[str, Any]] | None = None,
    level: int = 2,
    state: Mapping[str, Any] | None = None,
) -> None:
    """Write an evaluation: its sentence, the view, then every alert with its explanation.

    Parameters
    ----------
    wire
        As `Evaluation.to_json` gives it.
    alerts
        The alerts of its monitor, as rows of the REST interface.
    level
        Of the heading.
    state
        What a view of it had chosen.
    """
    summary = wire.get("summary") or {}
    out.heading(wire.get("title") or "Drift", level, glyph=str(summary.get("state", "ok")))
    out.sentence(summary.get("sentence") or "")
    reference, current = wire.get("reference") or {}, wire.get("current") or {}
    chunking = wire.get("chunking") or {}
    out.facts(
        [
            ("current", _rows(current)),
            ("reference", _rows(reference)),
            ("over", " to ".join(_day(current.get(key)) for key in ("from", "until")).strip(" to")),
            ("chunks", chunking.get("told")),
            ("monitor", wire.get("monitor")),
        ]
    )
    write_drift({**(state or {}), "evaluation": wire, "alerts": alerts}, out)
    for note in wire.get("notes") or ():
        out.told(note)
    incidents = list(wire.get("alerts") or ())
    if incidents:
        out.heading(_counted(len(incidents), "incident"), level + 1)
        for incident in incidents:
            write_incident(incident, out, level=level + 2)
    _write_quality(wire, out, level + 1)
    _write_columns(wire, out, level + 1)
    _write_calibration(wire, out, level + 1)
    _write_fairness(wire, out, level + 1)


def write_incident(incident: Mapping[str, Any], out: Writer, *, level: int) -> None:
    """Write one alert with what explains it."""
    severity = _SEVERITY.get(str(incident.get("severity")), "info")
    out.heading(incident.get("sentence") or incident.get("key"), level, glyph=severity)
    first, last = incident.get("first"), incident.get("last")
    out.facts(
        [
            ("severity", state_word(severity)),
            ("kind", incident.get("kind")),
            ("columns", ", ".join(map(str, incident.get("columns") or ()))),
            ("chunks", first if first == last else f"{first} to {last}"),
            ("state", incident.get("status") or ("open" if incident.get("open") else "over")),
        ]
    )
    write_sections(incident.get("sections") or (), out, level=level + 1)


def write_sections(sections: Sequence[Mapping[str, Any]], out: Writer, *, level: int) -> None:
    """Write the parts of an explanation: what fired, where, what is unchanged."""
    for section in sections:
        lines = [line for line in section.get("lines") or () if line]
        if lines:
            out.heading(section.get("title"), min(6, level))
            out.lines(lines)


def write_distribution(
    wire: Mapping[str, Any], name: str, chunks: tuple[str, str], out: Writer
) -> bool:
    """Draw how a column is distributed in its worst chunk and in its reference.

    Parameters
    ----------
    wire
        As `Evaluation.to_json` gives it.
    name
        The column.
    chunks
        The keys of the first and the last chunk to choose from.
    out
        The page.

    Returns
    -------
    bool
        False when the evaluation has no counts of it.
    """
    from mlops_lab.charts import chart_dict, distribution

    column = next((one for one in wire.get("columns") or () if one["name"] == name), None)
    keys = [one["key"] for one in wire.get("chunks") or ()]
    if column is None or not set(chunks) <= set(keys) or not column.get("counts"):
        return False
    first, last = map(keys.index, chunks)
    effect = _effects(column)
    at = max(range(first, last + 1), key=lambda one: effect.get(one, 0.0), default=last)
    about = wire["chunks"][at]
    reference = column["reference_counts"]
    if isinstance(reference, Mapping):  # one for each model version that answered
        reference = reference.get(str(about.get("version"))) or next(iter(reference.values()), ())
    current = _unpacked(column["counts"])[at]
    if not sum(current) or not sum(reference):
        return False
    window = str(about.get("label") or about["key"])
    drawn = distribution(
        name, column["bins"], reference, current, window=window, unit=column.get("unit")
    )
    out.chart(chart_dict(drawn), f"How {name} is distributed: {window} against the reference.")
    return True


def _write_quality(wire: Mapping[str, Any], out: Writer, level: int) -> None:
    found = list(wire.get("quality") or ())
    if not found:
        return
    out.heading("Data quality", level)
    labels = {one["key"]: one.get("label") for one in wire.get("chunks") or ()}
    rows = [
        (
            Html(state_word(str(one.get("state"))).markup, str(one.get("state"))),
            labels.get(one.get("chunk")) or one.get("chunk"),
            one.get("column"),
            one.get("sentence"),
        )
        for one in found
    ]
    out.table(Cells(("state", "chunk", "column", "what"), rows))


def _write_columns(wire: Mapping[str, Any], out: Writer, level: int) -> None:
    """The matrix in words: of each column its worst chunk and how often it alarmed."""
    columns = list(wire.get("columns") or ())
    if not columns:
        return
    labels = [one.get("label") or one["key"] for one in wire.get("chunks") or ()]
    rows = sorted((_column(one, labels) for one in columns), key=lambda row: row[0])
    out.heading("Columns", level)
    out.table(Cells(_TITLES, [row[1:] for row in rows[:MOST_COLUMNS]], len(rows)))


def _effects(column: Mapping[str, Any]) -> dict[int, float]:
    """How far a column moved by the number of the chunk, where there were rows to judge it by."""
    states = str(column.get("states") or "")
    effect = enumerate(map(_real, column.get("effect") or ()))
    return {
        at: value
        for at, value in effect
        if value is not None and states[at : at + 1] in ("o", "w", "a", "q")
    }


def _column(one: Mapping[str, Any], labels: Sequence[str]) -> tuple[Any, ...]:
    states = str(one.get("states") or "")
    effect = _effects(one)
    at = max(effect, key=lambda one: effect[one], default=None)
    largest = None if at is None else effect[at]
    worst = next((letter for letter in _WORST if letter in states), "-")
    measure = {"ks": "D", "tvd": "TVD", "auc": "AUC"}.get(str(one.get("measure")), "")
    state = _STATE[worst]
    return (
        (_WORST.index(worst), -(largest or 0)),
        Html(state_word(state).markup, str(_WORST.index(worst))),
        one.get("name"),
        measure,
        largest,
        labels[at] if at is not None and at < len(labels) else None,
        _real(one.get("alert")),
        _real(one.get("natural")),
        states.count("a"),
        states.count("w"),
    )


def _write_calibration(wire: Mapping[str, Any], out: Writer, level: int) -> None:
    performance = wire.get("performance")
    packed = performance.get("counts") if performance else None
    if performance is None or packed is None or performance.get("kind") != "binary":
        return
    from mlops_lab.charts import calibration, chart_dict

    points = _calibrated(_unpacked(packed))
    if len(points) < 2:
        return
    before = (performance.get("calibration") or {}).get("reference") or ()
    reference = [
        {key: _real(one.get(key)) for key in ("score", "share", "n", "low", "high")}
        for one in before
        if _real(one.get("share")) is not None
    ]
    out.heading("Calibration", level)
    drawn = calibration(
        points,
        reference=reference,
        window="all labelled rows",
        event=str(performance.get("target") or "share"),
    )
    out.chart(
        chart_dict(drawn), "Calibration: what was predicted against what happened.", square=True
    )


def _calibrated(counts: Any, groups: int = 10) -> list[dict[str, float | None]]:
    """Points of a calibration curve from counts per chunk, score bin and label.

    The intervals are Wilson's (1927, Probable inference, the law of succession, and statistical
    inference) at 95 %; bins are joined until each point has a tenth of the labelled rows.
    """
    bins = len(counts[0]) if counts else 0
    none, yes = [0.0] * bins, [0.0] * bins
    for chunk in counts:
        for at, labels in enumerate(chunk):
            none[at] += labels[0]
            yes[at] += labels[1]
    total = sum(none) + sum(yes)
    points = list[dict[str, float | None]]()
    n, late, score = 0.0, 0.0, 0.0
    for at in range(bins):
        rows = none[at] + yes[at]
        n, late, score = n + rows, late + yes[at], score + rows * (at + 0.5) / bins
        if n and (n >= total / groups or at == bins - 1):
            low, high = _wilson(late / n, n)
            points.append({"score": score / n, "share": late / n, "n": n, "low": low, "high": high})
            n = late = score = 0.0
    return points


def _wilson(share: float, n: float, z: float = 1.959964) -> tuple[float, float]:
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _write_fairness(wire: Mapping[str, Any], out: Writer, level: int) -> None:
    rows = (wire.get("performance") or {}).get("fairness") or ()
    if not rows:
        return
    out.heading("Fairness", level)
    rates = ("selection_rate", "tpr", "fpr", "precision")
    cells = [
        (
            one.get("by"),
            one.get("group"),
            one.get("n"),
            *(_interval(one.get(rate)) for rate in rates),
        )
        for one in rows
    ]
    out.table(Cells(("by", "group", "rows", "selected", "TPR", "FPR", "precision"), cells))


def _interval(found: Any) -> Html | None:
    values = [_real(one) for one in found] if isinstance(found, list | tuple) else []
    if len(values) != 3 or values[0] is None:
        return None
    ends = "" if None in values else f" [{values[1]:.1%}, {values[2]:.1%}]"
    return Html(f"{values[0]:.1%}{ends}", values[0])


def _unpacked(packed: Mapping[str, Any]) -> Any:
    """Packed counts as nested lists."""
    from mlops_lab.monitoring.wire import Packed

    counts: Any = Packed.from_json(packed).array().tolist()
    return counts


def _real(value: Any) -> float | None:
    """A number of the wire that can be drawn."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _rows(side: Mapping[str, Any]) -> str:
    told, rows = side.get("told") or "", side.get("rows")
    return f"{told}, {rows:,} rows" if isinstance(rows, int) else str(told)


def _day(at: Any) -> str:
    return str(at or "")[:10]


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
