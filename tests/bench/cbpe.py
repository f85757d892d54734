"""Estimates without labels against what came, on the example's real year, and beside NannyML's.

    python tests/bench/cbpe.py

One model, learnt on the first quarter of 2013, for ever; the reference are its out-of-fold scores.
``off`` is the mean of |estimated − realised| over the 39 weeks, ``constant_off`` the same of always
saying the reference's value, ``inside`` the share of weeks in the estimate's interval. NannyML
needs the environment build/peers, which `make bench` makes; ``nannyml_differs`` is the
largest difference of any week, with the calibration decided for it as ours is;
``nannyml_default_differs`` without.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "flight-delay"
PEERS = ROOT / "build" / "peers" / "bin" / "python"
PEER = Path(__file__).parent / "peers" / "nannyml_cbpe.py"

QUERY = """
select f.local_date::timestamp as at, date_trunc('week', f.local_date) as week, f.carrier, f.origin,
    f.dest, f.distance::double as distance,
    (sched_dep_time // 100 * 60 + sched_dep_time % 100)::double as minute_of_day,
    isodow(f.local_date)::double - 1 as weekday, hour_traffic::double as hour_traffic,
    w.temp, w.dewp, w.humid, if(w.wind_speed < 150, w.wind_speed, null) as wind_speed, w.pressure,
    w.visib, case when arr_delay is not null then arr_delay > 15 end as late
from '{data}/flights.parquet' f asof left join '{data}/weather.parquet' w
    on f.origin = w.origin and f.scheduled_at >= w.available_at
where f.local_date < '2013-12-30' order by flight_id
"""
WEATHER = ["temp", "dewp", "humid", "wind_speed", "pressure", "visib"]
COLUMNS = ["carrier", "origin", "dest", "minute_of_day", "weekday", "distance", "hour_traffic"]
COLUMNS += WEATHER


def scored() -> tuple[Any, Any]:
    """Out-of-fold scores of the first quarter, and scores of all later weeks."""
    import duckdb
    import numpy as np
    from sklearn.model_selection import GroupKFold

    sys.path.insert(0, str(EXAMPLE / "notebooks"))
    import delays

    table = duckdb.sql(QUERY.format(data=EXAMPLE / "data")).df()
    before = table[(table["at"] < "2013-04-01") & table["late"].notna()].reset_index(drop=True)
    late, score = before["late"].astype(int), np.zeros(len(before))
    for fold, rest in GroupKFold(5).split(before, groups=before["week"]):
        model = delays.make_model("hgb", COLUMNS, seed=7)
        model.fit(before[COLUMNS].iloc[fold], late.iloc[fold])
        score[rest] = model.predict_proba(before[COLUMNS].iloc[rest])[:, 1]
    model = delays.make_model("hgb", COLUMNS, seed=7).fit(before[COLUMNS], late)
    after = table[table["at"] >= "2013-04-01"].reset_index(drop=True)
    return before.assign(score=score), after.assign(score=model.predict_proba(after[COLUMNS])[:, 1])


def ours(reference: Path, current: Path) -> tuple[Any, float, float]:
    """The performance, with the seconds of counting and of judging."""
    from mlops_lab.compute import Chunking, count_scores, fit_scores
    from mlops_lab.monitoring import performance
    from mlops_lab.monitoring.records import ChunkRecord
    from mlops_lab.monitoring.settings import Settings

    week = Chunking("week", "at")
    began = time.perf_counter()
    grid = fit_scores(reference, score="score", target="late", segments=["carrier", "origin"])
    cubes = [count_scores(path, grid, chunking=week) for path in (reference, current)]
    counted = time.perf_counter()
    chunks = [
        ChunkRecord(one.key, one.key, one.from_, one.until, 0, "complete")
        for one in cubes[1].chunks
    ]
    found = performance.judge(cubes[0], cubes[1], Settings(), chunks=chunks)
    return found, counted - began, time.perf_counter() - counted


def theirs(reference: Path, current: Path) -> dict[str, Any] | None:
    """NannyML's estimates; None where it is not installed."""
    if not PEERS.exists():
        return None
    done = subprocess.run(
        [str(PEERS), str(PEER), str(reference), str(current)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if done.returncode:
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def against(line: Any, reference: float) -> dict[str, float]:
    """How far the estimates are from what came."""
    import numpy as np

    real, hoped = (np.array(one, dtype=float) for one in (line.realised, line.estimated))
    low, high = (np.array(one, float) for one in (line.estimated_low, line.estimated_high))
    there = np.isfinite(real) & np.isfinite(hoped)
    real, hoped = real[there], hoped[there]
    return {
        "off": round(float(np.abs(real - hoped).mean()), 4),
        "constant_off": round(float(np.abs(real - reference).mean()), 4),
        "correlation": round(float(np.corrcoef(real, hoped)[0, 1]), 3),
        "inside": round(float(((low[there] <= real) & (real <= high[there])).mean()), 3),
    }


def main() -> None:
    """Print one JSON line."""
    import numpy as np

    from mlops_lab.monitoring.performance.baseline import Baseline
    from mlops_lab.monitoring.settings import Policy

    os.environ["OMP_NUM_THREADS"] = "1"
    before, after = scored()
    with tempfile.TemporaryDirectory() as name:
        paths = Path(name) / "reference.parquet", Path(name) / "current.parquet"
        for frame, path in zip((before, after), paths, strict=True):
            frame["late"] = frame["late"].astype("boolean")
            frame[["at", "score", "late", "carrier", "origin"]].to_parquet(path)
        found, count_s, judge_s = ours(*paths)
        found, count_s, judge_s = ours(*paths)  # once more: without imports
        for frame, path in zip((before, after), paths, strict=True):
            frame["answer"] = (frame["score"] >= 0.5).astype(int)
            frame["late"] = frame["late"].astype("float")
            frame[["at", "score", "answer", "late"]].to_parquet(path)
        peer = theirs(*paths)
    base = Baseline(found.live.reference, Policy())
    # Unrounded: the record has four significant digits, and so many are to agree.
    grid = found.live.current
    raw = [base.cbpe.estimate(grid.window([key])) for key in found.live.chunks]  # type: ignore[union-attr]
    line: dict[str, Any] = {
        "bench": "cbpe",
        "weeks": len(found.mature),
        "rows": int(found.counts.array().sum()),
        "count_s": round(count_s, 3),
        "judge_s": round(judge_s, 3),
        **{
            metric: against(found.metrics[metric], base.overall[metric].value)
            for metric in ("auc", "log_loss", "brier", "f1", "positive_share")
        },
        "nannyml_differs": None,
    }
    if peer is not None:
        names = {"auc": "roc_auc", "f1": "f1", "precision": "precision", "recall": "recall"}
        for key, how in (
            ("nannyml_differs", "calibrated"),
            ("nannyml_default_differs", "default"),
        ):
            line[key] = {
                metric: round(
                    float(
                        np.nanmax(
                            np.abs(
                                np.array([one[metric].value for one in raw])
                                - np.array(peer[how][name], float)
                            )
                        )
                    ),
                    6,
                )
                for metric, name in names.items()
            }
        line["nannyml_s"] = round(peer["s"], 3)
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
