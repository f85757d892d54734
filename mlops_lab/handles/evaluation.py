"""The handle of an evaluation: what `lab.drift` and monitors give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import NotFound
from mlops_lab.handles.evaluation_card import evaluation_card, evaluation_text
from mlops_lab.handles.explanation import Explanation
from mlops_lab.handles.habits import EVALUATION, Answering
from mlops_lab.monitoring.records import (
    STATES,
    Cell,
    ChunkRecord,
    ColumnEvaluation,
    Incident,
    Performance,
    Policy,
    QualityFinding,
    WindowFound,
)
from mlops_lab.monitoring.records import Evaluation as Record
from mlops_lab.monitoring.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Evaluation"]

_NAMES: Final = {
    "wasserstein": "wasserstein",
    "psi": "psi",
    "jensen_shannon": "js",
    "total_variation": "tvd",
    "chi_square": "chi2",
}
"""What `Evaluation.df` calls the statistics."""


class Evaluation(Answering):
    """One look at current data beside reference data, as `drift` and monitors give it.

    It does not change. Safe to use from several threads.
    """

    __slots__ = ("_record", "_settings")
    _habits = EVALUATION

    def __init__(self, record: Record, settings: Settings | None = None) -> None:
        self._record = record
        self._settings = settings

    # ------------------------------------------------------------------ what it says

    @property
    def record(self) -> Record:
        """The value behind the handle."""
        return self._record

    @property
    def title(self) -> str:
        """What was compared with what."""
        return self._record.title

    @property
    def state(self) -> str:
        """The worst that is open: ok, warn, alert, quality, or small: too few rows to judge."""
        return self._record.summary.state

    @property
    def sentence(self) -> str:
        """The whole in a sentence."""
        return self._record.summary.sentence

    @property
    def alerts(self) -> tuple[Incident, ...]:
        """Incidents: alarms of one cause, open and worst ones first."""
        return self._record.alerts

    @property
    def quality(self) -> tuple[QualityFinding, ...]:
        """What is wrong with the data itself."""
        return self._record.quality

    @property
    def performance(self) -> Performance | None:
        """How well the model did, where a target was named."""
        return self._record.performance

    @property
    def columns(self) -> tuple[ColumnEvaluation, ...]:
        """The columns, each chunk by chunk."""
        return self._record.columns

    @property
    def chunks(self) -> tuple[ChunkRecord, ...]:
        """The slices of the current data."""
        return self._record.chunks

    @property
    def kinds(self) -> dict[str, str]:
        """What each column was taken for; ``kinds={…}`` of `drift` overrides it."""
        return {one.name: one.kind for one in self._record.columns}

    @property
    def policy(self) -> Policy:
        """When something is an alarm: every number of it."""
        return self._record.policy

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know, as sentences."""
        return self._record.notes

    def cell(self, column: str, chunk: str) -> Cell:
        """One column in one chunk, by the chunk's key as ``2013-04-15``."""
        return self._record.cell(column, chunk)

    def df(self) -> pd.DataFrame:
        """Give everything that was measured: a row for each column and chunk.

        Returns
        -------
        pandas.DataFrame
            Columns ``column kind chunk n_reference n_current ks wasserstein psi js tvd chi2
            p_value effect state``, and the ends of the effect's certificate, what is natural, the
            missing share, the median, and when the chunk was. A statistic that a kind does not have
            is NaN.
        """
        import pandas as pd

        rows = [row for column in self._record.columns for row in _rows(self._record, column)]
        return pd.DataFrame(rows, columns=list(_FRAME))

    def explain(self, what: str | Incident | int = 0, chunk: str | None = None) -> Explanation:
        """Say why: which gates fired with their numbers, where the mass moved, what did not change.

        Parameters
        ----------
        what
            A column, an incident of `alerts`, its key, or its place there: 0 is the worst.
        chunk
            Of a column: its chunk's key; default the one with the largest effect.

        Examples
        --------
        >>> evaluation.explain("temp", "2013-04-15")  # doctest: +SKIP
        """
        record = self._record
        if isinstance(what, Incident):
            return Explanation(what.sentence, what.sections)
        if isinstance(what, int):
            if not record.alerts:
                raise NotFound(f"There is no incident to explain. {self.sentence}")
            if not -len(record.alerts) <= what < len(record.alerts):
                raise NotFound(f"There are {len(record.alerts)} incidents, from 0; got {what}.")
            return self.explain(record.alerts[what])
        if chunk is None and any(what in (one.key, one.id) for one in record.alerts):
            return self.explain(record.alert(what))
        from mlops_lab.monitoring.explain import explain_cell

        return Explanation(*explain_cell(record, what, chunk))

    def window(
        self, first: str, last: str | None = None, segment: str | None = None
    ) -> WindowFound:
        """Look at a range of chunks as if it were one, recomputed from what was counted.

        Parameters
        ----------
        first, last
            Keys of its first and last chunk; without `last` only the first.
        segment
            A value of the segment that was asked for.
        """
        return self._record.window(first, last or first, segment)

    # ------------------------------------------------------------------ taking it elsewhere

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON: what is stored, sent, and drawn."""
        return self._record.to_json()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Evaluation:
        """Read what `to_json` gave; windows of it cannot be recomputed."""
        return cls(Record.from_json(value))

    def monitor_yaml(self, name: str = "drift") -> str:
        """Write the monitor that looks like this by itself: for ``monitors/NAME.yaml``.

        Parameters
        ----------
        name
            Of the monitor.
        """
        from mlops_lab.monitoring.yaml_text import monitor_yaml

        return monitor_yaml(self._record, self._settings, name)

    # ------------------------------------------------------------------ showing

    def __repr__(self) -> str:
        return evaluation_text(self._record)

    def _repr_html_(self) -> str:
        return evaluation_card(self._record)


_FRAME: Final = (
    "column", "kind", "chunk", "n_reference", "n_current", "ks", "wasserstein", "psi", "js", "tvd",
    "chi2", "p_value", "effect", "state", "effect_low", "effect_high", "natural", "missing",
    "median", "from", "until",
)  # fmt: skip


def _rows(record: Record, column: ColumnEvaluation) -> list[dict[str, Any]]:
    counts = column.counts.array()
    references = column.reference_counts
    measured = {
        "wasserstein": column.wasserstein,
        "psi": column.psi,
        **column.statistics,
    }
    rows = []
    for place, chunk in enumerate(record.chunks):
        reference = (
            references.get(chunk.version or "", ())
            if isinstance(references, Mapping)
            else references
        )
        row = {
            "column": column.name,
            "kind": column.kind,
            "chunk": chunk.key,
            "n_reference": sum(reference) or column.reference.n,
            "n_current": int(counts[place].sum()) if counts.size else 0,
            "ks": column.effect[place] if column.measure == "ks" else None,
            "p_value": column.p_value[place],
            "effect": column.effect[place],
            "state": STATES[column.states[place]],
            "effect_low": column.effect_low[place],
            "effect_high": column.effect_high[place],
            "natural": column.natural_at(place),
            "missing": column.missing[place],
            "median": column.median[place],
            "from": chunk.from_,
            "until": chunk.until,
        }
        for name, shown in _NAMES.items():
            line = measured.get(name)
            row[shown] = line[place] if line else None
        rows.append(row)
    return rows
