"""`lab.drift`: an evaluation of any two sets of rows."""

from __future__ import annotations

import glob
import math
import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from mlops_lab.errors import InvalidInput, LabError, NotFound
from mlops_lab.handles.dataset import Dataset, producer
from mlops_lab.handles.evaluation import Evaluation
from mlops_lab.handles.progress import ProgressLine, progress_line
from mlops_lab.monitoring.settings import Policy, Settings, policy_of
from mlops_lab.project import Project

if TYPE_CHECKING:
    from mlops_lab.compute import Source
    from mlops_lab.monitoring.keeping import StoreKeep

__all__ = ["drift"]

_ROLLING: Final = re.compile(r"rolling\s+([0-9]+(?:\.[0-9]+)?)\s*d(?:ays?)?", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_REFERENCE: Final = re.compile(r"[^\s/\\*?\[\](){};'\"]+")


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
    'speed drifted: D 0.3, no natural range is known; median 49 → 79.'
    """
    if size is not None and count is not None:
        raise InvalidInput("Rows are cut by size=… or into count=… chunks: give one of them.")
    project = _project()
    kind, days = _reference_kind(reference)
    base = None if kind == "rolling" else _source(reference, "reference", project)
    rows = _source(current, "current", project)
    settings = Settings(
        time=_name(time, "time"),
        by=by,
        size=_whole(size, "size", by),
        count=_whole(count, "count", by),
        timezone=timezone,
        columns=_names(columns, "columns"),
        kinds=_texts(kinds, "kinds", "number"),
        units=_texts(units, "units", "°F"),
        segment=_name(segment, "segment"),
        target=_name(target, "target"),
        prediction=_name(prediction, "prediction"),
        score=_name(score, "score"),
        positive=positive,
        version=_name(version, "version"),
        reference_kind=kind,
        rolling_days=days,
        domain=domain if isinstance(domain, bool) else _names(domain, "domain") or False,
        fairness=_names(fairness, "fairness") or (),
        importance=_worths(importance),
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
    if text.lower().startswith("rolling"):
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
    if isinstance(value, str) and not value.strip():
        raise InvalidInput(f"The {what} is an empty text: give a frame, a path, SQL, or a dataset.")
    if isinstance(value, str) and _ADDRESS.match(value):
        raise InvalidInput(
            f"The {what} {value!r} is an address: rows are read from this machine only. Download "
            "it, or read it into a frame first."
        )
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
    if not isinstance(value, Iterable):
        raise InvalidInput(f"{what} is a list of names; got {value!r}.")
    names = tuple(value)
    if not all(isinstance(one, str) for one in names):
        raise InvalidInput(f"{what} is a list of names, which are texts; got {list(names)!r}.")
    if not names and what == "columns":
        raise InvalidInput("columns names no column; leave it out to look at all of them.")
    return names


def _name(value: str | None, what: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InvalidInput(f"{what} is the name of one column; got {value!r}.")


def _whole(value: int | None, what: str, by: str | None) -> int | None:
    if value is None:
        return None
    if by is not None and by != what:
        raise InvalidInput(f'{what}=… goes with by="{what}"; got by={by!r} as well.')
    try:
        return operator.index(value)
    except TypeError:
        raise InvalidInput(f"{what} is a whole number; got {value!r}.") from None


def _texts(value: Mapping[str, str] | None, what: str, example: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
        raise InvalidInput(
            f'{what} is a text for each column, as {{"temp": "{example}"}}; got {value!r}.'
        )
    return dict(value)


def _worths(value: Mapping[str, float] | None) -> dict[str, float] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(
        isinstance(one, Real) and math.isfinite(one) for one in value.values()
    ):
        raise InvalidInput(
            f'importance is a number for each column, as {{"temp": 0.02}}; got {value!r}.'
        )
    return {name: float(one) for name, one in value.items()}


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
