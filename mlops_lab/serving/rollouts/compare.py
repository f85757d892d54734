"""Who is better: two revisions compared by what came true, with an interval valid at every look.

Rows of one day share their weather, their prices and their outages: a thousand rows of a day are
not a thousand looks at a model. So periods are the sample: each gives one difference, and the mean
of the differences has a confidence sequence. Where the units of an A/B test do not hang together,
they may be the sample.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, get_args

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.records import Rollout
from mlops_lab.serving.rollouts.ab import effects, ratio_check
from mlops_lab.serving.rollouts.comparison import (
    HORIZONS,
    Comparison,
    Every,
    Question,
    Series,
)
from mlops_lab.serving.rollouts.intervals import running_means
from mlops_lab.serving.rollouts.losses import Loss, finite_losses, loss_named, loss_of
from mlops_lab.wording import listed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    Floats = npt.NDArray[np.float64]

__all__ = ["compare", "compare_pairs", "micros_of"]

MATURE: Final = 0.8
"""A period counts when this part of the outcomes that usually arrive has arrived."""

_US: Final[Mapping[str, int]] = {
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}
_MONDAY: Final = 4 * 86_400_000_000
"""1 January 1970 was a Thursday: weeks begin on the Monday after it."""


def compare(
    answers: pa.Table | pd.DataFrame,
    rollout: Rollout,
    *,
    truth: str | None,
    now: int,
    names: Mapping[str, str] | None = None,
    metric: str | None = None,
    every: Every = "day",
    horizon: int | None = None,
    alpha: float = 0.05,
    time: str = "t",
) -> Comparison:
    """Compare the two revisions of a rollout by the outcomes of what they answered.

    Parameters
    ----------
    answers
        The prediction log of the rollout, with the truth beside it as far as it is known.
    rollout
        A canary, an A/B test, or a shadow: of a shadow both answered the same requests.
    truth
        The column of the truth; None: nothing has come in.
    now
        µs, UTC. A period that is not over is not in the comparison.
    names
        By revision what people call it.
    metric
        log_loss, brier, error, absolute_error, squared_error or outcome; None chooses by what the
        answers are.
    every
        What the sample is.
    horizon
        How many of them were planned; the interval is narrowest there.
    alpha
        How often it may be wrong at any look.
    time
        The column that says in which period a row lies: when it was asked, or an input such as
        ``scheduled_at`` when old requests are replayed.

    Raises
    ------
    InvalidInput
        There is no such metric, period or column.
    """
    _refuse(every, rollout)
    frame = _rows(answers, rollout, truth, time)
    called = names or {}
    base = called.get(rollout.base, rollout.base)
    candidate = called.get(rollout.candidate, rollout.candidate)
    planned = HORIZONS[every] if horizon is None else horizon
    loss = loss_of(frame, frame["truth"]) if metric is None else loss_named(metric)
    frame["loss"] = finite_losses(loss, frame, frame["truth"])
    question = Question(loss, base, candidate, every, planned, alpha, now)
    if rollout.kind == "shadow":
        return _shadow(frame, question)
    total = len(frame)
    ratio = None
    if rollout.kind == "ab":
        # Who has no unit is drawn anew each time: on both sides, and so on none.
        frame = frame[frame["unit"].notna()].copy()
        sides = frame.groupby("unit")["mine"].first()
        ratio = ratio_check(int(sides.sum()), len(sides), rollout.share)
    if every == "unit":
        # Who comes back is on the same side again: no second unit.
        frame = _first_days(frame)
    question = replace(question, left_out=total - len(frame), ratio=ratio)
    if ratio is not None and not ratio.passed:
        return question.told("ratio", ratio.sentence, frame)
    if every == "unit":
        return _units(frame, rollout.share, question)
    return _periods(frame, question)


def compare_pairs(
    at: npt.NDArray[np.int64],
    base_loss: Floats,
    candidate_loss: Floats,
    *,
    loss: Loss,
    now: int,
    base: str,
    candidate: str,
    every: Every = "day",
    horizon: int | None = None,
    alpha: float = 0.05,
) -> Comparison:
    """Compare two models by what they said of the same rows.

    Parameters
    ----------
    at
        Shape ``(n_rows,)``, in µs, UTC: in which period each row lies.
    base_loss, candidate_loss
        Shape ``(n_rows,)``: what the answers cost; NaN where no outcome is known.
    loss
        What that is.
    now, base, candidate, every, horizon, alpha
        As of `compare`; `base` and `candidate` are names.
    """
    import numpy as np
    import pandas as pd

    if every == "unit":
        raise InvalidInput("Answers to the same rows are compared by hour, day or week.")
    planned = HORIZONS[every] if horizon is None else horizon
    question = Question(loss, base, candidate, every, planned, alpha, now)
    known = np.isfinite(base_loss) & np.isfinite(candidate_loss)
    frame = pd.DataFrame(
        {
            "at": at,
            "base": np.where(known, base_loss, np.nan),
            "candidate": np.where(known, candidate_loss, np.nan),
        }
    )
    return _paired(frame, question)


def _refuse(every: str, rollout: Rollout) -> None:
    if every not in get_args(Every):
        raise InvalidInput(f"The sample is {listed(get_args(Every), 9)}; got {every!r}.")
    if every == "unit" and rollout.kind != "ab":
        raise InvalidInput(
            "Units are the sample of an A/B test, whose share stays; compare a canary and a "
            "shadow by hour, day or week."
        )


def _rows(
    answers: pa.Table | pd.DataFrame, rollout: Rollout, truth: str | None, time: str
) -> pd.DataFrame:
    """The answered rows of the two revisions, with what a comparison needs."""
    import pandas as pd

    names = answers.columns if isinstance(answers, pd.DataFrame) else answers.column_names
    for wanted in (time, *(() if truth is None else (truth,))):
        if wanted not in names:
            raise InvalidInput(f"The log has no column {wanted!r}; it has {listed(names, 12)}.")
    outputs = [n for n in names if n == "prediction" or str(n).startswith("probability_")]
    keep = {"revision", "rollout", "role", "unit", "prediction_id", "status", time, *outputs}
    keep = {*keep, truth} if truth is not None else keep
    chosen = [name for name in names if name in keep]
    frame = (
        answers[chosen].copy()
        if isinstance(answers, pd.DataFrame)
        else answers.select(chosen).to_pandas()
    )
    here = frame["revision"].isin([rollout.base, rollout.candidate])
    if "rollout" in frame:
        here &= frame["rollout"] == rollout.id
    if "status" in frame:
        here &= frame["status"].fillna(200) == 200
    frame = frame[here].reset_index(drop=True)
    frame["mine"] = frame["revision"] == rollout.candidate
    frame["truth"] = frame[truth] if truth is not None else pd.Series(pd.NA, frame.index)
    frame["at"] = micros_of(frame[time])
    if "unit" not in frame:
        frame["unit"] = None
    if "prediction" not in frame:
        frame["prediction"] = None
    return frame


def micros_of(times: pd.Series) -> pd.Series:
    """Read times as µs, UTC.

    Raises
    ------
    InvalidInput
        Some are missing, or are no times.
    """
    import pandas as pd

    if pd.api.types.is_integer_dtype(times):
        return times.astype("int64")
    if pd.api.types.is_numeric_dtype(times):
        raise InvalidInput(f"{times.name!r} holds numbers, not times: nothing lies in a period.")
    try:
        read = pd.to_datetime(times, utc=True)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{times.name!r} holds something that is no time: {error}.") from None
    if read.isna().any():
        raise InvalidInput(f"Some rows have no time in {times.name!r}: they lie in no period.")
    return read.dt.as_unit("us").astype("int64")


def _period(at: pd.Series, every: str) -> pd.Series:
    length = _US[every]
    offset = _MONDAY if every == "week" else 0
    return (at - offset) // length * length + offset


def _first_days(frame: pd.DataFrame) -> pd.DataFrame:
    day = _period(frame["at"], "day")
    return frame[day == day.groupby(frame["unit"]).transform("min")].copy()


def _shadow(frame: pd.DataFrame, question: Question) -> Comparison:
    """Both answered the same requests: their answers stand beside each other."""
    import pandas as pd

    mine = frame[frame["mine"]].drop_duplicates("prediction_id").set_index("prediction_id")
    other = frame[~frame["mine"]].drop_duplicates("prediction_id").set_index("prediction_id")
    both = mine.index.intersection(other.index)
    pairs = {
        "at": mine.loc[both, "at"],
        "base": other.loc[both, "loss"],
        "candidate": mine.loc[both, "loss"],
    }
    return _paired(pd.DataFrame(pairs).reset_index(drop=True), question)


def _paired(frame: pd.DataFrame, question: Question) -> Comparison:
    known = frame["base"].notna() & frame["candidate"].notna()
    frame = frame.assign(base=frame["base"].where(known), candidate=frame["candidate"].where(known))
    frame["difference"] = frame["candidate"] - frame["base"]
    period = _period(frame["at"], question.every)
    table = frame.groupby(period).agg(
        difference=("difference", "mean"), labelled=("difference", "count"), rows=("at", "size")
    )
    means = (float(frame["base"].mean()), float(frame["candidate"].mean()))
    return _judged(frame, table, means if known.any() else None, question, None)


def _periods(frame: pd.DataFrame, question: Question) -> Comparison:
    period = _period(frame["at"], question.every)
    sides = frame.assign(
        ours=frame["loss"].where(frame["mine"]), theirs=frame["loss"].where(~frame["mine"])
    )
    table = sides.groupby(period).agg(
        ours=("ours", "mean"),
        theirs=("theirs", "mean"),
        labelled=("loss", "count"),
        rows=("at", "size"),
    )
    table["difference"] = table["ours"] - table["theirs"]
    means = (float(sides["theirs"].mean()), float(sides["ours"].mean()))
    compared = not any(math.isnan(mean) for mean in means)
    return _judged(frame, table, means if compared else None, question, sides)


def _judged(
    frame: pd.DataFrame,
    table: pd.DataFrame,
    means: tuple[float, float] | None,
    question: Question,
    sides: pd.DataFrame | None,
) -> Comparison:
    over = table.index + _US[question.every] <= question.now
    share = table["labelled"] / table["rows"]
    usual = float(share[over].max()) if over.any() else 0.0
    # A day whose outcomes are still coming in would count with those that come first.
    ripe = table[over & (share >= MATURE * usual) & table["difference"].notna()].sort_index()
    values = ripe["difference"].to_numpy(float)
    if means is None or not len(values):
        labelled = int(table["labelled"].sum())
        return question.without_outcome(frame, labelled, bool(over.any()))
    shared = None if sides is None else _of_units(sides, ripe.index, question.every)
    middle, half = running_means(values, question.horizon, question.alpha, shared=shared)
    series = Series(
        tuple(int(at) for at in ripe.index),
        tuple(float(x) for x in middle),
        _finite(middle - half),
        _finite(middle + half),
    )
    return question.decided(frame, means, len(values), series)


def _of_units(sides: pd.DataFrame, periods: pd.Index, every: str) -> Floats:
    """The variance that the periods share because the same units come back, on the same side.

    More days do not make more aeroplanes: if the better ones happen to be the candidate's, they
    are so every day. It is the covariance within units between periods, as in a variance that is
    clustered two ways (Cameron, Gelbach and Miller, 2011, Robust inference with multiway
    clustering); of the mean after each period.
    """
    import numpy as np
    import pandas as pd

    known = sides[sides["loss"].notna() & sides["unit"].notna()].copy()
    known["period"] = _period(known["at"], every)
    known = known[known["period"].isin(periods)]
    cell = known.groupby(["period", "mine"])["loss"]
    known["part"] = (known["loss"] - cell.transform("mean")) / cell.transform("size")
    codes, units = pd.factorize(known["unit"])
    known["code"] = codes
    so_far = np.zeros(len(units))
    shared = np.zeros(len(periods))
    total = 0.0
    parts = {at: rows for at, rows in known.groupby("period")}
    for place, at in enumerate(periods):
        if at in parts:
            rows = parts[at]
            mine = np.bincount(rows["code"], weights=rows["part"], minlength=len(units))
            total += 2.0 * float(so_far @ mine)
            so_far += mine
        shared[place] = max(total, 0.0) / (place + 1) ** 2
    return shared


def _units(frame: pd.DataFrame, share: float, question: Question) -> Comparison:
    known = frame[frame["loss"].notna()].sort_values("at", kind="stable")
    means = (
        float(known.loc[~known["mine"], "loss"].mean()),
        float(known.loc[known["mine"], "loss"].mean()),
    )
    units = known.groupby("unit", sort=False).agg(
        loss=("loss", "mean"), mine=("mine", "first"), at=("at", "first")
    )
    if any(math.isnan(mean) for mean in means):
        return question.without_outcome(frame, len(known))
    middle, low, high = effects(
        units["loss"].to_numpy(float),
        units["mine"].to_numpy(bool),
        share=share,
        horizon=question.horizon,
        alpha=question.alpha,
    )
    # A chart has no more points than a screen.
    step = max(len(units) // _POINTS, 1)
    chosen = slice((len(units) - 1) % step, None, step)
    series = Series(
        tuple(range(1, len(units) + 1))[chosen],
        tuple(float(x) for x in middle[chosen]),
        _finite(low[chosen]),
        _finite(high[chosen]),
    )
    return question.decided(frame, means, len(units), series)


_POINTS: Final = 500


def _finite(values: Floats) -> tuple[float | None, ...]:
    return tuple(float(x) if math.isfinite(x) else None for x in values)
