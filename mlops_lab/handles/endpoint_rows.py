"""Endpoints, their decisions and their predictions as the rows of tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mlops_lab.handles.card import age, short_number
from mlops_lab.handles.held import Held
from mlops_lab.handles.table import Grid, Mark, Slice
from mlops_lab.serving.finder import EndpointEvent

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_lab.serving.predictions.reading import Predictions

__all__ = ["STATES", "Decisions", "Endpoints", "PredictionRows", "figure", "moment"]

H = TypeVar("H")

Row = Mapping[str, Any]

_GREEN: Final = "var(--jp-mlops-finished, #28752c)"
_GREY: Final = "var(--jp-mlops-scheduled, #8a8d91)"
_RED: Final = "var(--jp-mlops-failed, #c62828)"

# Shape and colour: a state is never said by colour alone.
STATES: Final = {
    "serving": ("●", _GREEN),
    "ready": ("●", _GREEN),
    "starting": ("◌", "var(--jp-mlops-running, #1565c0)"),
    "draining": ("◌", _GREY),
    "degraded": ("!", "var(--jp-mlops-waiting, #8a5300)"),
    "crashed": ("✗", _RED),
    "failed": ("✗", _RED),
    "stopped": ("■", _GREY),
}

_HIDDEN: Final = ("request_id", "rollout", "unit", "error")
_FIRST: Final = ("t", "version", "role", "prediction", "latency_ms", "status")
_MOST_SHOWN: Final = 12


def moment(text: str | None) -> datetime | None:
    """A time as pages have it."""
    return None if text is None else datetime.fromisoformat(text)


def figure(value: float | None) -> float | None:
    """A figure with as many digits as one looks at."""
    return None if value is None else float(f"{value:.3g}")


class Endpoints(Held[Row, H]):
    """The endpoints of a project."""

    noun = "endpoints"
    empty = 'lab.endpoint("NAME").deploy("MODEL@champion") makes the first one.'

    def pick(self, rows: Sequence[H], indices: Sequence[int]) -> Endpoints[H]:
        """Give only these rows."""
        return Endpoints([self._records[index] for index in indices], self._handle)

    def arrow(self) -> pa.Table:
        """Give everything as columns."""
        import pyarrow

        names = ("name", "state", "sentence", "model", "version", "follows", "workers", "port")
        columns: dict[str, Any] = {name: [one[name] for one in self._records] for name in names}
        for name in ("rps", "p50_ms", "p99_ms", "requests", "errors"):
            columns[name] = [(one["live"] or {}).get(name) for one in self._records]
        columns["rollout"] = [(one["rollout"] or {}).get("kind") for one in self._records]
        columns["since"] = [moment(one["since"]) for one in self._records]
        columns["by"] = [one["by"] for one in self._records]
        return pyarrow.table(columns)

    def grid(self, rows: Sequence[H]) -> Grid:
        """Give these rows as they are shown."""
        return Grid(
            ("name", "state", "serves", "tries", "req/s", "p50 ms", "p99 ms", "errors", "since"),
            tuple(
                (
                    one["name"],
                    Mark(*STATES.get(one["state"], ("?", _GREY)), one["state"]),
                    f"{one['model']}@{one['version']}",
                    _tried(one["rollout"]),
                    *(figure((one["live"] or {}).get(key)) for key in ("rps", "p50_ms", "p99_ms")),
                    (one["live"] or {}).get("errors"),
                    None if one["since"] is None else age(datetime.fromisoformat(one["since"])),
                )
                for one in self.records_of(rows)
            ),
        )


class Decisions(Held[EndpointEvent, EndpointEvent]):
    """What was decided about an endpoint, newest first."""

    noun = "decisions"

    def __init__(
        self,
        records: Sequence[EndpointEvent],
        handle: Callable[[EndpointEvent], EndpointEvent] = lambda one: one,
    ) -> None:
        super().__init__(records, handle)

    def pick(self, rows: Sequence[EndpointEvent], indices: Sequence[int]) -> Decisions:
        """Give only these rows."""
        return Decisions([self._records[index] for index in indices])

    def arrow(self) -> pa.Table:
        """Give everything as columns."""
        import pyarrow

        names = ("n", "at", "by", "via", "verb", "sentence", "reason")
        return pyarrow.table(
            {name: [getattr(one, name) for one in self._records] for name in names}
        )

    def grid(self, rows: Sequence[EndpointEvent]) -> Grid:
        """Give these rows as they are shown."""
        return Grid(
            ("when", "by", "what", "why"),
            tuple(
                (f"{one.at:%Y-%m-%d %H:%M}", one.by, one.sentence, one.reason or None)
                for one in self.records_of(rows)
            ),
        )


class PredictionRows:
    """The predictions of an endpoint, newest first, read as they are looked at."""

    noun = "predictions"

    def __init__(self, found: Predictions, rows: Sequence[Row] | None = None) -> None:
        self._found = found
        self._rows = rows

    def page(self, limit: int, cursor: str | None) -> Slice[Row]:
        """Give the rows after a cursor."""
        if self._rows is not None:
            start = int(cursor or 0)
            end = start + limit
            more = str(end) if end < len(self._rows) else None
            return Slice(self._rows[start:end], more, len(self._rows))
        page = self._found.page(limit, cursor)
        hint = None if page.total else "Nothing was answered that fits."
        return Slice(page.rows.to_pylist(), page.next_cursor, page.total, hint)

    def pick(self, rows: Sequence[Row], indices: Sequence[int]) -> PredictionRows:
        """Give only these rows."""
        return PredictionRows(self._found, list(rows))

    def arrow(self) -> pa.Table:
        """Give everything as columns."""
        import pyarrow

        if self._rows is not None:
            return pyarrow.Table.from_pylist([dict(row) for row in self._rows])
        from mlops_lab.errors import NotFound

        try:
            return self._found.arrow()
        except NotFound:
            return pyarrow.table({})

    def grid(self, rows: Sequence[Row]) -> Grid:
        """Give these rows as they are shown: what was answered first, then what was asked."""
        names = list(rows[0]) if rows else []
        first = [name for name in (*_FIRST, "prediction_id") if name in names]
        shown = [*first, *(n for n in names if n not in first and n not in _HIDDEN)][:_MOST_SHOWN]
        left = len(names) - len(shown)
        return Grid(
            tuple(shown),
            tuple(tuple(_cell(name, row[name]) for name in shown) for row in rows),
            f"and {left} more columns: .df()" if left else "",
        )


def _cell(name: str, value: Any) -> object:
    if isinstance(value, datetime):
        return f"{value:%m-%d %H:%M:%S}.{value.microsecond // 1000:03}"
    if name == "prediction_id" and isinstance(value, str):
        return f"{value[:4]}…{value[-4:]}"
    return short_number(value) if isinstance(value, float) else value


def _tried(rollout: Row | None) -> str | None:
    if rollout is None:
        return None
    candidate = rollout["candidate"]
    kind = "A/B" if rollout["kind"] == "ab" else rollout["kind"]
    return f"{candidate['model']}@{candidate['version']} {kind} {rollout['share']:g} %"
