"""The handle of an evaluation, and `lab.drift`, which makes one from any two sets of rows."""

from __future__ import annotations

import glob
import os
import re
import sys
import time as clock
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from mlops_lab.errors import InvalidInput, LabError, NotFound
from mlops_lab.handles.dataset import Dataset, producer
from mlops_lab.handles.evaluation_card import evaluation_card, evaluation_text
from mlops_lab.handles.explanation import Explanation
from mlops_lab.monitoring.records import (
    STATES,
    Cell,
    ChunkRecord,
    ColumnEvaluation,
    Incident,
    Performance,
    Policy,
    QualityFinding,
    Settings,
    WindowFound,
)
from mlops_lab.monitoring.records import Evaluation as Record
from mlops_lab.monitoring.settings import policy_of
from mlops_lab.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from mlops_lab.compute import Source
    from mlops_lab.monitoring.keeping import StoreKeep

__all__ = ["Evaluation", "ProgressLine", "drift", "progress_line"]

_ROLLING: Final = re.compile(r"rolling\s+([0-9]+(?:\.[0-9]+)?)\s*d(?:ays?)?", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"[^\s/\\*?\[\](){};'\"]+")
_NAMES: Final = {
    "wasserstein": "wasserstein",
    "psi": "psi",
    "jensen_shannon": "js",
    "total_variation": "tvd",
    "chi_square": "chi2",
}
"""What `Evaluation.df` calls the statistics."""


class Evaluation:
    """One look at current data beside reference data, as `drift` and monitors give it.

    It does not change. Safe to use from several threads.
    """

    __slots__ = ("_record", "_settings")

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
            "natural": column.naturals[place] if column.naturals else column.natural,
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


# ---------------------------------------------------------------------- lab.drift


def drift(
    reference: Any,
    current: Any,
    time: str | None = None,
    by: Literal["hour", "day", "week", "month", "size", "count", "all"] | None = None,
    *,
    size: int | None = None,
    count: int | None = None,
    timezone: str = "UTC",
    columns: Sequence[str] | None = None,
    kinds: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    segment: str | None = None,
    target: str | None = None,
    prediction: str | None = None,
    score: str | None = None,
    positive: str | float | bool | None = None,
    version: str | None = None,
    domain: bool | Sequence[str] = True,
    fairness: Sequence[str] = (),
    importance: Mapping[str, float] | None = None,
    policy: Mapping[str, Any] | Policy | None = None,
    classifier: bool = False,
    mode: Literal["fast", "exact"] = "fast",
    progress: Callable[[float, str], None] | bool | None = None,
) -> Evaluation:
    """Ask whether current data is still like the reference: quality, drift, domain, performance.

    Parameters
    ----------
    reference, current
        Rows: a frame (pandas, polars, Arrow), a path, a folder, a pattern as ``"2013/*.parquet"``,
        a DuckDB relation, SQL that begins with SELECT, a dataset (``lab.dataset("flights@3")`` or
        the text ``"flights@3"``). The reference may also be ``"rolling 28d"``: the days before
        each chunk.
    time
        The column that orders the rows: then each hour, day, week or month is looked at by itself.
    by
        How it is cut; default the shortest period with about 3,000 rows and 8 of them in the
        reference, and all rows together where there is no time.
    size, count
        Instead of periods: so many rows a chunk, or so many chunks.
    timezone
        In which days begin, as ``America/New_York``.
    columns
        Which are looked at; default all that both sides have.
    kinds
        What a column is, where the guess is wrong: number, integer, category, boolean, time, text,
        id.
    units
        For sentences: ``{"temp": "°F"}``.
    segment
        A column by which windows can be cut afterwards.
    target, prediction, score, positive
        Columns of the truth, the answer and the probability, and which value is the positive one:
        with them performance is judged as well.
    version
        The column that says which model version answered a row.
    domain
        Whether rows outside of the reference's range are looked for, and in which columns.
    fairness
        Columns whose groups' error rates are compared.
    importance
        What columns are worth to the model: drift of those that are worth nothing is told and
        never alarms.
    policy
        Numbers of `Policy` that differ: ``{"ks_alert": 0.2}``.
    classifier
        Also ask a classifier to tell current rows from reference rows: by all columns together,
        which finds what no column shows alone, and by texts. It takes seconds.
    mode
        ``exact`` reads the values again and gives the digits of scipy; else the certificate says
        between which numbers they are.
    progress
        Called with how much is done, from 0 to 1, and what is being done; default a line in a
        notebook. False shows nothing.

    Returns
    -------
    Evaluation
        Its sentence first; `Evaluation.alerts` is what needs somebody.

    Raises
    ------
    InvalidInput
        The two have nothing in common, or a column that was named is not there.

    Examples
    --------
    >>> import pandas as pd, mlops_lab as lab
    >>> before = pd.DataFrame({"speed": [row % 100 for row in range(1000)]})
    >>> after = before + 30
    >>> lab.drift(before, after).alerts[0].sentence
    'speed drifted: D 0.3, no natural range is known.'
    """
    project = _project()
    kind, days = _reference_kind(reference)
    base = None if kind == "rolling" else _source(reference, "reference", project)
    rows = _source(current, "current", project)
    settings = Settings(
        time=time,
        by=by,
        size=size,
        count=count,
        timezone=timezone,
        columns=_names(columns, "columns"),
        kinds=dict(kinds or {}),
        units=dict(units or {}),
        segment=segment,
        target=target,
        prediction=prediction,
        score=score,
        positive=positive,
        version=version,
        reference_kind=kind,
        rolling_days=days,
        domain=domain if isinstance(domain, bool) else _names(domain, "domain") or False,
        fairness=_names(fairness, "fairness") or (),
        importance=None if importance is None else dict(importance),
        policy=policy_of(policy),
        classifier=classifier,
        mode=_mode(mode),
    )
    from mlops_lab.monitoring.evaluate import evaluate

    shown = progress if callable(progress) else None if progress is False else progress_line()
    try:
        record = evaluate(base, rows, settings, keep=_keep(project), progress=shown)
    finally:
        if isinstance(shown, ProgressLine):
            shown.close()
    return Evaluation(record, settings)


def _project() -> Project | None:
    """The project of this process, where there is one: none is made for looking at frames."""
    try:
        return Project.locate(create=False)
    except LabError:
        return None


def _reference_kind(reference: Any) -> tuple[Literal["fixed", "rolling"], float]:
    if not isinstance(reference, str):
        return "fixed", 28.0
    text = reference.strip()
    if text == "training":
        raise InvalidInput(
            'The reference "training" is what a model has learnt from, so it needs a monitor, '
            "which names the model. For lab.drift give that data itself, as "
            'lab.drift(lab.dataset("flights@2"), …).'
        )
    if text.startswith("rolling"):
        found = _ROLLING.fullmatch(text)
        if found is None or float(found[1]) <= 0:
            raise InvalidInput(
                f'A rolling reference is written as "rolling 28d", so many days; got {reference!r}.'
            )
        return "rolling", float(found[1])
    return "fixed", 28.0


def _source(value: Any, what: str, project: Project | None) -> Source:
    from mlops_lab.compute import Source

    if isinstance(value, Dataset):
        return _named(Source.of(value.path), value.record.ref)
    if isinstance(value, str) and not os.path.exists(value):
        if glob.has_magic(value) and not _is_query(value):
            return _pattern(value, what)
        found = _dataset(value, project)
        if found is not None:
            return found
    if value is None:
        raise InvalidInput(f"The {what} is None: give a frame, a path, SQL, or a dataset.")
    return Source.of(value)


def _is_query(text: str) -> bool:
    from mlops_lab.compute import Source

    try:
        return Source.of(text).kind == "sql"
    except LabError:
        return False


def _pattern(pattern: str, what: str) -> Source:
    from mlops_lab.compute import Source

    files = sorted(one for one in glob.glob(pattern, recursive=True) if Path(one).is_file())
    if not files:
        raise NotFound(
            f"No file fits the pattern {pattern!r} of the {what} (seen from {Path.cwd()})."
        )
    return _named(Source.of(files), pattern)


def _dataset(text: str, project: Project | None) -> Source | None:
    """The dataset of a reference; None where the text is none."""
    from mlops_lab.compute import Source

    name = text.removeprefix("dataset:")
    if not _REFERENCE.fullmatch(name):
        return None
    if project is None:
        if "@" in name or name != text:
            Project.locate(create=False)  # says that there is none, and how one is made
        return None
    if name == text and "@" not in name and not project.datasets.has(name):
        return None
    record = project.datasets.get(name)
    return _named(Source.of(project.datasets.path(record)), record.ref)


def _named(source: Source, told: str) -> Source:
    from dataclasses import replace

    return replace(source, told=told)


def _names(value: Sequence[str] | str | None, what: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str):
        raise InvalidInput(f'{what} is a list of names, as ["{value}"]; got the text {value!r}.')
    names = tuple(value)
    if not all(isinstance(one, str) for one in names):
        raise InvalidInput(f"{what} is a list of names; got {value!r}.")
    if not names and what == "columns":
        raise InvalidInput("columns names no column; leave it out to look at all of them.")
    return names


def _mode(mode: str) -> Literal["fast", "exact"]:
    if mode == "fast":
        return "fast"
    if mode == "exact":
        return "exact"
    raise InvalidInput(f"mode is 'fast' or 'exact'; got {mode!r}.")


def _keep(project: Project | None) -> StoreKeep | None:
    if project is None:
        return None
    from mlops_lab.monitoring.keeping import StoreKeep

    return StoreKeep(project.store, producer(project))


def progress_line() -> ProgressLine | None:
    """What shows progress here: nothing outside of a notebook or IPython."""
    # IPython is loaded where it runs; importing it elsewhere would only cost time.
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return ProgressLine() if get_ipython() is not None else None


class ProgressLine:
    """One updating line, which appears when it takes longer than a moment and goes at the end."""

    AFTER_S: Final = 1.0
    EVERY_S: Final = 0.2

    def __init__(self) -> None:
        self._began = self._drawn = clock.monotonic()
        self._handle: Any = None

    def __call__(self, share: float, what: str) -> None:
        """Show how far it is, from 0 to 1, and what it does."""
        now = clock.monotonic()
        if now - self._began < self.AFTER_S or now - self._drawn < self.EVERY_S:
            return
        self._drawn = now
        text = {"text/plain": f"◔ {share:.0%} · {what}"}
        from IPython.display import display

        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(text, raw=True)

    def close(self) -> None:
        """Take the line away."""
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)
