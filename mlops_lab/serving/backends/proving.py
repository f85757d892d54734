"""The gate: a converted model and the model itself answer the same rows, real and contrived.

Real rows decide whether the form passes. Probes made of them (every column missing, unknown, far
away) find the values for which the form answers otherwise than the model, such as a category that
the model refuses: rows that hold those are left to the model from then on. Rows mixed anew out of
the columns' values are the last word on what is left to the form.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.backends.backend import Backend
from mlops_lab.serving.backends.onnx import Layout, OnnxBackend
from mlops_lab.serving.backends.parity import CLOSE, SHARE, Difference, ParityReport, compare
from mlops_lab.serving.backends.tensors import Input
from mlops_lab.serving.inputs import Schema
from mlops_lab.wording import counted, number, quoted

__all__ = ["PROOF_ROWS", "prove"]

PROOF_ROWS: Final = 5_000
"""So many real rows are compared."""

_PROBE_ROWS: Final = 120
_MIXED_ROWS: Final = 2_000
_KNOWN: Final = 256
"""A column of numbers with no more values than this may be one of categories."""

_WORTH: Final = 0.8
"""It takes at most so much of scikit-learn's time for a row, or it is not worth another form."""

_STRANGE: Final = ("nan", "", " ", "never seen before", "ÜNBEKANNT ✈ 漢字", "NaN", "0")
_SINGLE_CALLS: Final = 30
_BATCH_ROWS: Final = 1_000
_BATCH_CALLS: Final = 3


@dataclass(slots=True)
class _Trial:
    """A model and its converted form, asked the same."""

    schema: Schema
    model: Backend
    form: OnnxBackend

    def difference(self, data: Any) -> Difference:
        """How their answers differ; where one refuses rows that the other takes, in everything."""
        try:
            data = self.schema.rows_of(data)
        except InvalidInput:
            return Difference(0)  # an endpoint refuses them before anybody answers
        right, said = _answer(self.model, data), _answer(self.form, data)
        rows = data.count
        if right is None or said is None:
            return Difference(rows, 0 if right is said else rows, 0)
        return compare(right, said)

    def leave(self, place: int, **rule: Any) -> None:
        """Leave some values of an input to the model."""
        inputs = list(self.form.layout.inputs)
        inputs[place] = replace(inputs[place], **rule)
        layout = replace(self.form.layout, inputs=tuple(inputs))
        self.form = OnnxBackend(self.form.session, layout, lambda: self.model)


def prove(
    schema: Schema, model: Backend, session: Any, layout: Layout, rows: Any, source: str
) -> tuple[Layout, ParityReport]:
    """Compare a converted model with the model.

    Parameters
    ----------
    schema
        What the model takes: rows are handed over as an endpoint hands them over.
    model
        Is right.
    session, layout
        The converted form, without rules about what is left to the model.
    rows
        Real rows: a frame, or an array of shape ``(n_rows, n_columns)``.
    source
        Where they came from, for the report.

    Returns
    -------
    Layout, ParityReport
        With the rules that the probes found; and the verdict.
    """
    import numpy as np

    trial = _Trial(schema, model, OnnxBackend(session, layout, lambda: model))
    real = trial.difference(rows)
    report = ParityReport(
        False, "", source, len(rows), _missing_rows(rows), 0, real.labels, real.over, real.worst
    )
    if not real.rows:
        return layout, replace(report, why=f"No endpoint would take the rows of {source}.")
    if not real.small:
        return layout, replace(report, why=_refusal(real, source))
    draw = np.random.default_rng(0)
    part = _rows_at(rows, draw.permutation(len(rows))[:_PROBE_ROWS])
    probes = _probe_table(trial, part, rows) if layout.form == "array" else 0
    if layout.form != "array":
        for place in range(len(layout.inputs)):
            probes += _probe_column(trial, place, part, rows)
    mixed = trial.difference(_mixed(trial.form.layout, rows, draw))
    every = real + mixed
    found = trial.form.layout
    report = replace(
        report,
        probes=probes + mixed.rows,
        labels=every.labels,
        over=every.over,
        worst=every.worst,
        elsewhere=tuple(_rules(found)),
    )
    if not mixed.small:
        return found, replace(report, why=_refusal(mixed, "the same values, mixed anew"))
    single, batch = _times(trial, rows)
    report = replace(report, one_row_ms=single, thousand_rows_ms=batch)
    if single["onnx"] > _WORTH * single["sklearn"]:
        return found, replace(report, why=_slower(single))
    return found, replace(report, passed=True, why=_praise(report))


def _answer(backend: Backend, data: Any) -> Any:
    try:
        return backend.predict(data)
    except Exception:  # noqa: BLE001 - whatever a model raises: it refuses these rows
        return None


# ---------------------------------------------------------------------- probes


def _probe_column(trial: _Trial, place: int, part: Any, rows: Any) -> int:
    """Try a column's missing and unknown values; what fails is left to the model."""
    each = trial.form.layout.inputs[place]
    values = rows[each.name]
    tried = 0
    empty = part.assign(**{each.name: _filled(values, [None], len(part))})
    tried += len(part)
    if not trial.difference(empty).small:
        trial.leave(place, missing=False)
    strange = part.assign(**{each.name: _filled(values, _strange(each, values), len(part))})
    tried += len(part)
    if not trial.difference(strange).small:
        trial.leave(place, **_proved(each, values))
    return tried


def _probe_table(trial: _Trial, part: Any, rows: Any) -> int:
    import numpy as np

    draw = np.random.default_rng(1)
    holes = np.array(part, dtype=float)
    holes[draw.random(holes.shape) < 0.2] = np.nan
    if not trial.difference(holes).small:
        trial.leave(0, missing=False)
    low, high = _span(rows)
    far = np.array(part, dtype=float)
    far[draw.random(far.shape) < 0.2] = high + (high - low) + 1.0
    if not trial.difference(far).small:
        trial.leave(0, span=(low, high))
    return 2 * len(part)


def _filled(values: Any, fill: list[Any], rows: int) -> Any:
    """A column of some values in turn, of the type of the real one where they fit into it."""
    import pandas as pd

    column = pd.Series([fill[i % len(fill)] for i in range(rows)], dtype=object)
    wanted = values.dtype
    if pd.api.types.is_numeric_dtype(wanted):
        return column.astype(float).to_numpy()
    try:
        return column.astype(wanted).array
    except (TypeError, ValueError):
        return column.to_numpy()


def _strange(each: Input, values: Any) -> list[Any]:
    """Values that the real rows do not hold."""
    import pandas as pd

    if each.kind == "text":
        real = [value for value in pd.unique(values)[:3] if isinstance(value, str)]
        known = set(pd.unique(values))
        near = [made for value in real for made in (f"{value} ", value.lower(), value.upper())]
        return [value for value in (*_STRANGE, *near) if value not in known] or ["never seen"]
    low, high = _span(values.to_numpy(dtype=float, na_value=float("nan")))
    far = [low - (high - low) - 1, high + (high - low) + 1, 0.0, -1.0, 1e6, (low + high) / 2 + 0.25]
    return [round(value) for value in far] if each.kind == "integer" else far


def _proved(each: Input, values: Any) -> dict[str, Any]:
    """The rule that only what the real rows hold is for the form."""
    known = values.dropna().unique().tolist()
    if each.kind == "text":
        return {"known": frozenset(value for value in known if isinstance(value, str))}
    if len(known) <= _KNOWN:
        return {"known": frozenset(float(value) for value in known)}
    return {"span": _span(values.to_numpy(dtype=float, na_value=float("nan")))}


def _mixed(layout: Layout, rows: Any, draw: Any) -> Any:
    """Rows whose every column holds real values, but in another order; some of them missing."""
    import numpy as np

    count = min(_MIXED_ROWS, max(len(rows) * 4, _PROBE_ROWS))
    if layout.form == "array":
        table = np.asarray(rows, dtype=float)
        places = draw.integers(0, len(table), (count, table.shape[1]))
        out = np.take_along_axis(table, places, axis=0)
        if layout.inputs[0].missing:
            out[draw.random(out.shape) < 0.05] = np.nan
        return out
    mixed = rows.iloc[draw.integers(0, len(rows), count)].reset_index(drop=True)
    for each in layout.inputs:
        column = rows[each.name].iloc[draw.integers(0, len(rows), count)].reset_index(drop=True)
        if each.missing and each.kind != "integer":
            column = column.mask(draw.random(count) < 0.1)
        mixed[each.name] = column
    return mixed


# ---------------------------------------------------------------------- measures and words


def _times(trial: _Trial, rows: Any) -> tuple[dict[str, float], dict[str, float]]:
    """Processor time of one row and of a thousand, as an endpoint hands them over."""
    import numpy as np

    one = trial.schema.rows_of(_rows_at(rows, [0]))
    many = trial.schema.rows_of(_rows_at(rows, np.arange(_BATCH_ROWS) % len(rows)))
    single, batch = {}, {}
    for backend in (trial.model, trial.form):
        single[backend.name] = _milliseconds(backend, one, _SINGLE_CALLS)
        batch[backend.name] = _milliseconds(backend, many, _BATCH_CALLS)
    return single, batch


def _milliseconds(backend: Backend, data: Any, calls: int) -> float:
    backend.predict(data)
    start = time.process_time()
    for _ in range(calls):
        backend.predict(data)
    return round((time.process_time() - start) / calls * 1000, 4)


def _rules(layout: Layout) -> Iterator[str]:
    for each in layout.inputs:
        column = "a value" if layout.form == "array" else quoted(each.name)
        if not each.missing:
            yield f"Rows in which {column} is missing are answered by scikit-learn."
        if each.known is not None:
            values = counted(len(each.known), "value")
            yield f"Rows in which {column} is none of its {values} are answered by scikit-learn."
        if each.span is not None:
            low, high = (number(value) for value in each.span)
            yield f"Rows in which {column} is outside {low} to {high} are answered by scikit-learn."


def _refusal(found: Difference, source: str) -> str:
    if found.labels:
        what = f"another answer in {found.labels:,} of {found.rows:,} rows"
    else:
        what = (
            f"numbers more than {CLOSE:g} apart in {found.over:,} of {found.rows:,} rows, where "
            f"{SHARE:.1%} may be"
        )
    return f"Its ONNX form gives {what} ({source})."


def _slower(single: dict[str, float]) -> str:
    return (
        f"Its ONNX form takes {single['onnx']:.3f} ms for a row and scikit-learn "
        f"{single['sklearn']:.3f} ms."
    )


def _praise(report: ParityReport) -> str:
    times = report.one_row_ms["sklearn"] / max(report.one_row_ms["onnx"], 1e-4)
    missing = (
        f", {report.rows_missing:,} of them with missing values" if report.rows_missing else ""
    )
    return (
        f"Its ONNX form gives the same answers in {report.rows:,} rows of {report.source}{missing} "
        f"(largest difference {report.worst:.1g}), and gives that of a single row "
        f"{times:,.{0 if times >= 10 else 1}f} times faster."
    )


def _missing_rows(rows: Any) -> int:
    import pandas as pd

    return int(pd.DataFrame(rows).isna().any(axis=1).sum())


def _span(values: Any) -> tuple[float, float]:
    import numpy as np

    table = np.asarray(values, dtype=float)
    finite = table[np.isfinite(table)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)


def _rows_at(rows: Any, places: Any) -> Any:
    return rows.iloc[places] if hasattr(rows, "iloc") else rows[places]
