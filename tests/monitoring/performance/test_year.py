"""The example's flights: one model for ever, and what its weeks from April on say of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from mlops_lab.monitoring.outcomes import Performance
from mlops_lab.monitoring.settings import Settings

from .scored import judged

EXAMPLE = Path(__file__).parents[3] / "examples" / "flight-delay"
COLUMNS = ["carrier", "origin", "dest", "minute_of_day", "weekday", "distance", "hour_traffic"]


def flights() -> pd.DataFrame:
    """Until June, with the features that need no other table."""
    return duckdb.sql(
        f"""
        select local_date::timestamp as at, date_trunc('week', local_date) as week,
            carrier, origin, dest, distance::double as distance,
            (sched_dep_time // 100 * 60 + sched_dep_time % 100)::double as minute_of_day,
            isodow(local_date)::double - 1 as weekday, hour_traffic::double as hour_traffic,
            case when arr_delay is not null then arr_delay > 15 end as late
        from '{EXAMPLE / "data" / "flights.parquet"}'
        where local_date < '2013-06-03' order by flight_id
        """
    ).df()


def scored() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The first quarter with out-of-fold scores, and the weeks after it with those of one model."""
    import delays
    from sklearn.model_selection import GroupKFold

    def new() -> Any:
        return delays.make_model("hgb", COLUMNS, seed=7, max_iter=40, learning_rate=0.1)

    table = flights()
    known = table[(table["at"] < "2013-04-01") & table["late"].notna()].reset_index(drop=True)
    late = known["late"].astype(int)
    score = np.zeros(len(known))
    for fold, rest in GroupKFold(3).split(known, groups=known["week"]):
        fitted = new().fit(known[COLUMNS].iloc[fold], late.iloc[fold])
        score[rest] = fitted.predict_proba(known[COLUMNS].iloc[rest])[:, 1]
    model = new().fit(known[COLUMNS], late)
    after = table[table["at"] >= "2013-04-01"].reset_index(drop=True)
    after["score"] = model.predict_proba(after[COLUMNS])[:, 1]
    # The outcomes of the last week have not come.
    after.loc[after["week"] == after["week"].max(), "late"] = None
    return known.assign(score=score), after


@pytest.fixture(scope="module")
def year() -> tuple[Performance, pd.DataFrame]:
    sys.path.insert(0, str(EXAMPLE / "notebooks"))
    try:
        # Threads that wait for each other on busy cores take ten times as long.
        with threadpool_limits(1):
            before, after = scored()
    finally:
        sys.path.remove(str(EXAMPLE / "notebooks"))
    settings = Settings(fairness=("origin",), labels_after=7 * 86400)
    return judged(before, after, settings, segments=["carrier", "origin"]), after


def test_furlough_week_is_a_performance_alert_and_a_shock(
    year: tuple[Performance, pd.DataFrame],
) -> None:
    found, _ = year
    of = {(one.kind, one.chunk): one for one in found.live.findings}
    shock = of["performance", "2013-04-22"]
    assert (shock.metric, shock.state) == ("gap", "alert")
    assert dict(shock.lines)["Where"]
    assert of["concept", "2013-04-22"].state == "alert"
    after = found.metrics["gap"]
    place = list(found.live.chunks).index("2013-04-29")
    assert (after.realised[place] or 0) > 0 > (after.realised[place - 1] or 0)


def test_cancelled_flights_leave_weeks_mature_and_missing_outcomes_do_not(
    year: tuple[Performance, pd.DataFrame],
) -> None:
    found, _ = year
    assert found.mature == (True,) * (len(found.mature) - 1) + (False,)
    assert min(one for one in found.maturity[:-1] if one is not None) < 0.95
    assert found.metrics["auc"].realised[-1] is None
    assert found.metrics["auc"].estimated[-1] is not None


def test_weeks_are_those_of_scikit_learn(year: tuple[Performance, pd.DataFrame]) -> None:
    from sklearn.metrics import log_loss, roc_auc_score

    found, after = year
    for i, (_, part) in enumerate(after[after["late"].notna()].groupby("week")):
        late = part["late"].astype(bool)
        auc, loss = found.metrics["auc"].realised[i], found.metrics["log_loss"].realised[i]
        assert auc == pytest.approx(roc_auc_score(late, part["score"]), abs=5e-4)
        assert loss == pytest.approx(log_loss(late, part["score"]), abs=1e-4)


def test_estimates_follow_the_rows_and_not_the_concept(
    year: tuple[Performance, pd.DataFrame],
) -> None:
    found, _ = year
    line = found.metrics["log_loss"]
    off = [
        abs(real - hoped)
        for real, hoped in zip(line.realised, line.estimated, strict=True)
        if real is not None and hoped is not None
    ]
    assert np.median(off) < 0.1
    assert max(off) > 2 * np.median(off)


def test_worst_segments_and_groups_are_real_ones(year: tuple[Performance, pd.DataFrame]) -> None:
    found, after = year
    carriers, origins = set(after["carrier"]), set(after["origin"])
    for row in found.segments:
        for by, value in zip(row.by, row.value, strict=True):
            assert value in (carriers if by == "carrier" else origins)
        assert row.n >= 100
    assert {one.group for one in found.fairness} == origins
