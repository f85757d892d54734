"""Numbers that the drift view must compute as Python does: cases, and their answers.

The answers come from scipy, scikit-learn and `mlops_lab.compute`; the browser's are held to the
same file, ``tests/wire/drift_statistics.json``, which this module writes when it is run.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, stats
from sklearn import metrics

from mlops_lab.compute.statistics.psi import EMPTY
from mlops_lab.compute.statistics.total_variation import expected_variation
from mlops_lab.monitoring.wire import Packed

FILE = Path(__file__).parents[1] / "wire" / "drift_statistics.json"

Counts = NDArray[np.int64]
_BIG = [[1, 0], [2, 2**32 - 1]]


def cases() -> dict[str, Any]:
    """All cases with their answers."""
    rng = np.random.default_rng(5)
    edges = np.array([-3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.5, 4.0])
    shares = rng.dirichlet(np.full(10, 4.0), size=2)
    before, after = rng.multinomial(20_000, shares[0]), rng.multinomial(3_000, shares[1])
    gap = before.copy()
    gap[4:6] = 0
    numbers = [
        _number(edges, before, after),
        _number(edges, before, before),
        _number(edges, gap, after),
        _number(edges, before, np.eye(10, dtype=int)[9] * 50),
        _number(edges, rng.multinomial(40, shares[0]), rng.multinomial(1, shares[1])),
    ]
    categories = [
        _category(np.array([500, 300, 150, 50, 0]), np.array([45, 40, 10, 3, 2])),
        _category(np.array([500, 300, 150, 50, 0]), np.array([5, 3, 1, 1, 0])),
        _category(np.array([1]), np.array([7])),
    ]
    return {
        "number": numbers,
        "category": categories,
        "score": [_score(rng, 4_000), _score(rng, 60)],
        "packed": {"packed": Packed.of(_BIG).to_json(), "counts": [n for row in _BIG for n in row]},
        "wilson": [_wilson(k, n) for k, n in ((0, 10), (3, 10), (412, 1_000), (10, 10))],
    }


def _number(edges: NDArray[np.float64], before: Counts, after: Counts) -> dict[str, Any]:
    p, q = before / before.sum(), after / after.sum()
    first, second = np.append(0, np.cumsum(p)), np.append(0, np.cumsum(q))

    def apart(x: float) -> float:
        return abs(float(np.interp(x, edges, first) - np.interp(x, edges, second)))

    area = sum(
        integrate.quad(
            apart, low, high, limit=200, points=_crossing(low, high, edges, first, second)
        )[0]
        for low, high in pairwise(edges)
    )
    # The first bin by which a tenth of the reference is reached ends a group.
    tenths = np.arange(1, 10) / 10 * before.sum()
    cuts = np.unique(np.searchsorted(np.cumsum(before), tenths - 1e-9 * before.sum()))
    group = np.searchsorted(cuts, np.arange(len(before)))
    return {
        "edges": edges.tolist(),
        "reference": before.tolist(),
        "counts": after.tolist(),
        "ks": float(np.abs(first - second).max()),
        "wasserstein": area,
        "psi": _psi(np.bincount(group, before), np.bincount(group, after)),
        "median": float(np.interp(0.5, second[_rising(second)], edges[_rising(second)])),
    }


def _rising(cumulated: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The edges at which the function rises: the last of those before it, then each."""
    rises = np.diff(cumulated) > 0
    return np.append(rises, False) | np.append(False, rises)


def _crossing(
    low: float,
    high: float,
    edges: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
) -> list[float] | None:
    a, b = (float(np.interp(x, edges, first) - np.interp(x, edges, second)) for x in (low, high))
    return [low + (high - low) * a / (a - b)] if a * b < 0 else None


def _psi(before: NDArray[Any], after: NDArray[Any]) -> float:
    p, q = before / before.sum(), after / after.sum()
    seen = (p > 0) | (q > 0)
    p, q = np.where(p == 0, EMPTY, p)[seen], np.where(q == 0, EMPTY, q)[seen]
    return float(((q - p) * np.log(q / p)).sum())


def _category(before: Counts, after: Counts) -> dict[str, Any]:
    raw = float(np.abs(before / before.sum() - after / after.sum()).sum() / 2)
    return {
        "reference": before.tolist(),
        "counts": after.tolist(),
        "tvd": raw,
        "expected": expected_variation(before, after),
        "psi": _psi(before, after),
    }


def _score(rng: np.random.Generator, n: int) -> dict[str, Any]:
    bins = np.minimum((rng.beta(2, 5, n) * 100).astype(int), 99)
    scores = (bins + 0.5) / 100
    labels = (rng.random(n) < scores).astype(int)
    known = rng.random(n) < 0.8
    counts = np.zeros((100, 3), np.int64)
    np.add.at(counts, (bins, np.where(known, labels, 2)), 1)
    x, y = scores[known], labels[known]
    by_bin = [
        abs(float((x[bins[known] == b] - y[bins[known] == b]).sum()))
        for b in np.unique(bins[known])
    ]
    return {
        "counts": counts.ravel().tolist(),
        "labelled": len(y),
        "auc": float(metrics.roc_auc_score(y, x)),
        "log_loss": float(metrics.log_loss(y, x)),
        "brier": float(metrics.brier_score_loss(y, x)),
        "gap": float(x.mean() - y.mean()),
        "ece": sum(by_bin) / len(y),
    }


def _wilson(k: int, n: int) -> list[float]:
    ends = stats.binomtest(k, n).proportion_ci(method="wilson")
    return [k, n, float(ends.low), float(ends.high)]


if __name__ == "__main__":
    FILE.write_text(json.dumps(cases(), indent=1) + "\n", encoding="utf-8")
