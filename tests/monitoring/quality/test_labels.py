"""Labels that have not come are no data quality: performance tells how mature a chunk is."""

from __future__ import annotations

import numpy as np
import pandas as pd

import mlops_lab as lab


def test_missing_labels_are_late_and_not_bad_data() -> None:
    draw = np.random.default_rng(1)
    n = 9 * 400
    frame = pd.DataFrame(
        {
            "at": pd.Timestamp("2013-01-07") + pd.to_timedelta(np.arange(n) // 400, unit="W"),
            "x": draw.normal(size=n),
            "score": draw.random(n),
        }
    )
    frame["late"] = (draw.random(n) < frame["score"]).astype(object)
    later = frame.assign(at=frame["at"] + pd.Timedelta(weeks=12))
    later.loc[later.index[-400:], "late"] = None
    found = lab.drift(
        frame, later, time="at", by="week", target="late", score="score", domain=False
    )
    assert found.record.quality == ()
    assert found.record.performance.mature == (True,) * 8 + (False,)
