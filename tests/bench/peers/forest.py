"""The forest that both sides keep: trained from a fixed seed, so that it is the same model."""

from __future__ import annotations

from typing import Any

ROWS = 4_000
COLUMNS = 20
TREES = 100


def forest(trees: int = TREES) -> tuple[Any, Any]:
    """A fitted random forest and a hundred rows of its input."""
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier

    rng = np.random.default_rng(13)
    data = pd.DataFrame(
        rng.normal(size=(ROWS, COLUMNS)), columns=[f"feature_{i}" for i in range(COLUMNS)]
    )
    late = (data["feature_0"] + 0.5 * rng.normal(size=ROWS) > 0).to_numpy()
    model = RandomForestClassifier(trees, max_depth=12, random_state=13, n_jobs=1)
    return model.fit(data, late), data.head(100)
