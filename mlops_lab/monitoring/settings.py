"""What an evaluation is asked: policy, columns, chunks; and who keeps what it counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

from mlops_lab.errors import InvalidInput

if TYPE_CHECKING:
    from mlops_lab.compute import Source

__all__ = ["By", "Keep", "Policy", "ReferenceKind", "Settings", "policy_of"]

By: TypeAlias = Literal["hour", "day", "week", "month", "size", "count", "all"]
ReferenceKind: TypeAlias = Literal["fixed", "rolling", "training"]

_FACTORS: Final = frozenset(
    ("natural_factor", "mad", "effect_mad", "twice", "flag_ratio", "missing_ratio")
)
"""Numbers of the policy that are factors; all others that are not whole are shares."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When something is an alarm: every number of it, with its reason.

    An alarm is all of these, not one of them: a large enough effect, that chance does not explain,
    that the reference itself does not show, twice. With day-to-day variation of a tenth of a
    standard deviation and no drift, ``p < .05`` alone alarms in 67 % of the cells, all of these
    together in 0.2 %.

    Parameters
    ----------
    ks_warn, ks_alert
        D of Kolmogorov and Smirnov, of numbers, integers and scores: the largest share of rows by
        which two distributions differ at any cut. Below .05 no model is hurt.
    tvd_warn, tvd_alert
        Total variation of categories, minus its expectation without drift (it is biased upwards
        by about (K − 1)(1/n + 1/m) otherwise): the share of rows that changed category.
    flag_warn, flag_alert, flag_ratio
        Of a boolean, besides `tvd_warn`: points by which the rarer value's share differs *and* by
        which factor. A rare flag that goes from 1 % to 3 % is news, from 50 % to 53 % is not.
    missing_warn, missing_alert, missing_ratio
        Points and factor by which the share of missing (zero, infinite) values rises: data
        quality, judged before drift.
    new_share
        Share of rows with categories that the reference never had.
    classifier_warn, classifier_alert
        AUC of a classifier that tells reference from current rows, of texts and of all columns
        together; .5 is no difference.
    q
        False discoveries allowed among all significant cells of one evaluation (Benjamini and
        Hochberg, Controlling the false discovery rate, 1995). One per cent, because an evaluation
        has hundreds of cells and is repeated for ever.
    natural_factor, natural_quantile, mad, natural_chunks
        The natural range: `natural_factor` times the `natural_quantile` of the deviations from the
        median of the reference's own chunks, without those beyond `mad` scaled median absolute
        deviations (one odd week would blind it), from `natural_chunks` chunks on. Fewer:
        provisional.
    effect_mad
        The same of effects of drift, which have no sign: their deviations are lopsided, and three
        would take the larger of the natural ones as well (of 30 days that differ by a tenth of a
        standard deviation every third column's; 1.0 % of the cells alarm then, with five 0.3 %).
    persistence
        So many of the last so many judged chunks make an alert of warnings.
    twice
        An effect of so many times the alert level, and of what is natural, is an alert at once.
    quiet_chunks
        So many quiet chunks in a row end an incident.
    small, drift_rows, significance_rows
        Below `small` rows a cell is drawn and never alarms; below `drift_rows` it is judged for
        data quality only; above `significance_rows` a p-value says nothing and effect decides.
    gap_warn, gap_alert
        |mean score − share of the positive|: calibration in the large; .20 is an alert at once.
    auc_warn, auc_alert
        How far AUC is below the reference's median; .10 is an alert at once.
    error_warn, error_alert
        How far the error of a regression is above the reference's median, as a share of it.
    domain_quantile, domain_share
        The training range is from this quantile to one minus it; so large a share of rows
        outside, or what is natural if that is more, is a domain alarm.
    cbpe_rows
        Chunks with fewer rows get no estimated performance.
    group_rows
        Fairness and segments: smaller groups are not judged.
    importance
        Drift of a column whose permutation importance is known and smaller is told, never alarmed;
        and drift that is smaller times the column's importance explains no surprise of the labels.
    """

    ks_warn: float = 0.05
    ks_alert: float = 0.10
    tvd_warn: float = 0.05
    tvd_alert: float = 0.10
    flag_warn: float = 0.01
    flag_alert: float = 0.03
    flag_ratio: float = 1.5
    missing_warn: float = 0.01
    missing_alert: float = 0.03
    missing_ratio: float = 1.5
    new_share: float = 0.01
    classifier_warn: float = 0.55
    classifier_alert: float = 0.65
    q: float = 0.01
    natural_factor: float = 1.1
    natural_quantile: float = 0.99
    mad: float = 3.0
    effect_mad: float = 5.0
    natural_chunks: int = 8
    persistence: tuple[int, int] = (2, 3)
    twice: float = 2.0
    quiet_chunks: int = 2
    small: int = 100
    drift_rows: int = 300
    significance_rows: int = 100_000
    gap_warn: float = 0.05
    gap_alert: float = 0.10
    auc_warn: float = 0.02
    auc_alert: float = 0.05
    error_warn: float = 0.10
    error_alert: float = 0.25
    domain_quantile: float = 0.005
    domain_share: float = 0.10
    cbpe_rows: int = 1_000
    group_rows: int = 100
    importance: float = 0.002


@dataclass(frozen=True, slots=True)
class Settings:
    """What is evaluated and how, whoever asked: `lab.drift` or a monitor's file.

    Parameters
    ----------
    time
        The column that orders rows; None is no time.
    by, size, count
        Chunks; `by` None is chosen from the data. `size` rows, or `count` chunks of equal size.
    timezone
        In which hours, days, weeks and months begin: a name as ``America/New_York``.
    columns
        Which are looked at; None is all that both sides have.
    kinds
        Kinds that a person declared, by column.
    units
        By column, for sentences: ``{"temp": "°F"}``.
    segment
        The column by which windows can be cut.
    target, prediction, score, positive
        Columns of the truth, the answer and the probability; and the value that is the positive
        one, None is the only one that is natural (1, true, "yes").
    version
        The column that says which model version answered a row.
    versions
        A reference for each model version, for `reference_kind` ``training``.
    reference_kind, rolling_days
        See `mlops_lab.monitoring.windows`.
    domain
        Whether rows outside the reference's range are looked for: everywhere, nowhere, or in these
        columns.
    importance
        Permutation importance by column, where a model is known.
    labels_after
        Seconds after which labels are expected: until then a chunk is immature.
    fairness
        Columns whose groups are compared.
    classifier
        Whether a classifier is asked to tell the two sides apart, by all columns and by texts.
    mode
        ``exact`` reads the raw values again and gives scipy's digits.
    reference_told, current_told
        How sentences name the two sides; default as their sources do.
    """

    time: str | None = None
    by: By | None = None
    size: int | None = None
    count: int | None = None
    timezone: str = "UTC"
    columns: tuple[str, ...] | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    segment: str | None = None
    target: str | None = None
    prediction: str | None = None
    score: str | None = None
    positive: str | float | bool | None = None
    version: str | None = None
    versions: Mapping[str, Source] = field(default_factory=dict)
    reference_kind: ReferenceKind = "fixed"
    rolling_days: float = 28.0
    domain: bool | tuple[str, ...] = True
    importance: Mapping[str, float] | None = None
    policy: Policy = Policy()
    labels_after: float | None = None
    fairness: tuple[str, ...] = ()
    classifier: bool = False
    mode: Literal["fast", "exact"] = "fast"
    reference_told: str | None = None
    current_told: str | None = None


class Keep(Protocol):
    """Who keeps what was counted, so that a new day costs one day."""

    def pieces(self, source: Source) -> Sequence[tuple[str | None, Source]]:
        """Cut data into the parts that stay as they are: the files of a dataset version.

        Returns
        -------
        Sequence[tuple[str | None, Source]]
            Parts in order, with the content id under which their counts are kept; None is not kept.
        """

    def kept(self, content: str | None, key: str, make: Callable[[], bytes]) -> bytes:
        """Give what was kept for a content under a key, else make and keep it.

        Parameters
        ----------
        content
            A content id of `pieces`.
        key
            The hash of everything else that the bytes depend on: what was counted, grid, chunks.
        """


def policy_of(values: Mapping[str, Any] | Policy | None) -> Policy:
    """Take a policy as people write it: only the numbers that differ from the defaults.

    Raises
    ------
    InvalidInput
        A name that is none, or a number that cannot be meant.

    Examples
    --------
    >>> policy_of({"ks_alert": 0.2}).ks_alert
    0.2
    >>> policy_of({"ks_allert": 0.2})
    Traceback (most recent call last):
    mlops_lab.errors.InvalidInput: The policy has no 'ks_allert'. Did you mean ks_alert?
    """
    if isinstance(values, Policy):
        return values
    if values is None:
        return Policy()
    if not isinstance(values, Mapping):
        raise InvalidInput(f"A policy is a map as {{'ks_alert': 0.2}}; got {values!r}.")
    names = [one.name for one in fields(Policy)]
    for name, value in values.items():
        if name not in names:
            near = get_close_matches(str(name), names, 1)
            hint = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(names)}."
            raise InvalidInput(f"The policy has no {name!r}. {hint}")
        _check(name, value, getattr(Policy(), name))
    given: dict[str, Any] = {**values}
    if "persistence" in given:
        given["persistence"] = tuple(given["persistence"])
    policy = replace(Policy(), **given)
    for name in names:
        level = name.removesuffix("_warn")
        if level != name and getattr(policy, name) > getattr(policy, f"{level}_alert"):
            raise InvalidInput(
                f"The policy warns at {name} = {getattr(policy, name)!r}, after the alert at "
                f"{level}_alert = {getattr(policy, f'{level}_alert')!r}: give both."
            )
    return policy


def _check(name: str, value: Any, usual: Any) -> None:
    """Refuse what cannot be meant for a number of the policy."""
    if name == "persistence":
        pair = isinstance(value, list | tuple) and len(value) == 2
        if not pair or not all(type(one) is int for one in value) or not 1 <= value[0] <= value[1]:
            raise InvalidInput(
                f"The policy's persistence is two whole numbers as [2, 3], so many of the last so "
                f"many; got {value!r}."
            )
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise InvalidInput(f"The policy's {name} is a number from 0 as {usual!r}; got {value!r}.")
    if isinstance(usual, int) and value != int(value):
        raise InvalidInput(f"The policy's {name} is a whole number as {usual}; got {value!r}.")
    if isinstance(usual, float) and name not in _FACTORS and value > 1:
        raise InvalidInput(f"The policy's {name} is from 0 to 1, as {usual!r}; got {value!r}.")
