"""Evaluations of any size as the wire has them, for tests, benches and pictures; seeded."""

from __future__ import annotations

import base64
import zlib
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_lab.monitoring.settings import Policy

NAMES = [
    "temp",
    "dewp",
    "pressure",
    "humid",
    "precip_3h",
    "visib",
    "wind_speed",
    "minute_of_day",
    "hour_traffic",
    "block_min",
    "weekday",
    "distance",
    "carrier",
    "dest",
    "origin",
    "seats",
    "plane_age",
]
UNITS = {"temp": "°F", "dewp": "°F", "pressure": "mbar", "wind_speed": "mph", "visib": "mi"}
CATEGORIES = {
    "carrier": ["EV", "UA", "B6", "DL", "AA", "MQ", "US", "WN"],
    "origin": ["EWR", "JFK", "LGA"],
    "dest": ["ATL", "ORD", "LAX", "BOS", "MCO", "CLT", "SFO", "FLL", "MIA", "DCA", "DTW", "DFW"],
}
MONTHS = "January February March April May June July August September October November December"


def evaluation(
    features: int = len(NAMES), chunks: int = 39, bins: int = 40, seed: int = 7
) -> dict[str, Any]:
    """A year of weeks (or days, from 100 chunks on): a warm spring, a shock, a model that slips."""
    rng = np.random.default_rng(seed)
    days = 1 if chunks >= 100 else 7
    start = date(2013, 4, 1) if days == 7 else date(2013, 1, 1)
    slices = [_chunk(start + timedelta(days=days * i), days, i, chunks, rng) for i in range(chunks)]
    names = [NAMES[i] if i < len(NAMES) else f"feature_{i:03d}" for i in range(features)]
    columns = [_column(name, i, chunks, bins, slices, rng) for i, name in enumerate(names)]
    columns.append(_column("score", 90, chunks, bins, slices, rng, role="score"))
    performance = _performance(chunks, slices, rng)
    alerts = _alerts(slices) if chunks >= 36 else []
    return {
        "format": 1,
        "id": "a" * 32,
        "monitor": "delay",
        "title": "predictions@9 against reference@2",
        "at": "2013-12-30T03:00:00Z",
        "reference": {
            "kind": "training",
            "told": "training window of each version",
            "rows": 79_623,
            "from": "2013-01-01T05:00:00Z",
            "until": "2013-04-01T04:00:00Z",
            "chunks": 13,
        },
        "current": {
            "told": "predictions@9",
            "rows": sum(one["rows"] for one in slices),
            "from": slices[0]["from"],
            "until": slices[-1]["until"],
        },
        "chunking": {
            "by": "day" if days == 1 else "week",
            "time": "scheduled_at",
            "timezone": "America/New_York",
            "told": "by day" if days == 1 else "by week",
        },
        "policy": asdict(Policy()) | {"persistence": [2, 3]},
        "notes": ["tailnum is an id: only its uniqueness is looked at."],
        "summary": {
            "state": "alert",
            "sentence": "39.1 % of flights were late in the week of 22 April, 22.4 % were "
            "predicted, and no input explains it.",
        },
        "chunks": slices,
        "columns": columns,
        "quality": _quality(slices) if chunks >= 8 else [],
        "performance": performance,
        "alerts": alerts,
        "events": _events(slices) if chunks >= 36 else [],
    }


def packed(counts: NDArray[Any]) -> dict[str, Any]:
    """Counts as the wire packs them."""
    data = zlib.compress(np.ascontiguousarray(counts, "<u4").tobytes())
    return {
        "shape": list(counts.shape),
        "dtype": "u4",
        "codec": "deflate",
        "data": base64.b64encode(data).decode(),
    }


def _chunk(day: date, days: int, i: int, chunks: int, rng: Any) -> dict[str, Any]:
    last = day + timedelta(days=days - 1)
    month = MONTHS.split()
    end = f"{last.day} {month[last.month - 1]}"
    begin = f"{day.day}" if day.month == last.month else f"{day.day} {month[day.month - 1]}"
    rows = int(rng.integers(6_000, 6_700)) if days == 7 else int(rng.integers(860, 960))
    states = {chunks - 1: "partial"}
    return {
        "key": day.isoformat(),
        "label": end if days == 1 else f"{begin} to {end}",
        "from": f"{day.isoformat()}T04:00:00Z",
        "until": f"{(last + timedelta(days=1)).isoformat()}T04:00:00Z",
        "rows": rows // 3 if i == chunks - 1 else rows,
        "state": states.get(i, "complete"),
        "version": str(1 + (i >= 3) + (i >= 13) + (i >= 25) + (i >= 34)),
    }


def _numbers(values: NDArray[Any]) -> list[float | None]:
    return [None if np.isnan(value) else float(f"{value:.4g}") for value in values]


def _column(
    name: str,
    i: int,
    chunks: int,
    bins: int,
    slices: list[dict[str, Any]],
    rng: Any,
    role: str = "feature",
) -> dict[str, Any]:
    categories = CATEGORIES.get(name)
    rows = np.array([one["rows"] for one in slices])
    season = np.sin(np.linspace(0, np.pi, chunks)) * (1.2 if name in ("temp", "dewp") else 0.1)
    moved = season + rng.normal(0, 0.08, chunks)
    if name == "hour_traffic":
        moved[1:3] += 0.9
    if categories is not None:
        k = len(categories) + 2
        base = np.append(rng.dirichlet(np.full(k - 2, 3.0)) * 0.97, [0.03, 0.0])
        tilt = 1 + 0.15 * moved[:, None] * np.linspace(-1, 1, k)
        shares = base * np.clip(tilt, 0.05, None)
        shares /= shares.sum(axis=1, keepdims=True)
        described: dict[str, Any] = {
            "kind": "category",
            "values": categories,
            "other": True,
            "new": True,
        }
        edges = np.arange(k + 1.0)
    else:
        k = bins
        centre, scale = (45.0, 12.0) if name == "temp" else (10.0 * (1 + i % 5), 4.0)
        edges = np.linspace(centre - 3.2 * scale, centre + 4.2 * scale, k + 1)
        middle = (edges[1:] + edges[:-1]) / 2
        base = np.exp(-0.5 * ((middle - centre) / scale) ** 2)
        base /= base.sum()
        shares = np.exp(-0.5 * ((middle - centre - scale * moved[:, None]) / scale) ** 2)
        shares /= shares.sum(axis=1, keepdims=True)
        described = {"kind": "number", "edges": [float(f"{edge:.6g}") for edge in edges]}
    counts = np.stack([rng.multinomial(n, share) for n, share in zip(rows, shares, strict=True)])
    reference = rng.multinomial(79_623, base)
    effect = _effect(reference, counts, categorical=categories is not None)
    natural = 0.78 if name in ("temp", "dewp") else float(np.quantile(effect, 0.93)) * 0.98
    states = np.where(effect > max(natural, 0.05), "w", "o")
    states[(effect > max(natural, 0.05) * 1.1) & (np.arange(chunks) > 4)] = "a"
    if name == "visib" and chunks > 36:
        states[[5, 7, 13, 35]] = "q"
    if name == "seats" and chunks > 8:
        states[:2] = ["s", "h"]
    if name == "wind_speed" and chunks > 20:
        states[20] = "-"
    missing = np.abs(rng.normal(0.01, 0.003, chunks)) if name in ("pressure", "seats") else None
    share = np.clip(0.03 + 0.3 * moved, 0, 1)
    nothing: list[None] = [None] * chunks
    empty = states == "-"
    effect = np.where(empty, np.nan, effect)
    importance = 0.05 * 0.72**i if role == "feature" else None
    numeric = categories is None
    mean = float((reference * (edges[1:] + edges[:-1]) / 2).sum() / reference.sum())
    std = float(
        np.sqrt((reference * ((edges[1:] + edges[:-1]) / 2 - mean) ** 2).sum() / reference.sum())
    )
    return {
        "name": name,
        "kind": "number" if numeric else "category",
        "declared": name == "minute_of_day",
        "role": role,
        "unit": UNITS.get(name),
        "importance": importance,
        "impact": None if importance is None else float(np.nanmax(effect)) * importance,
        "measure": "ks" if numeric else "tvd",
        "warn": 0.05,
        "alert": 0.1,
        "natural": float(f"{natural:.4g}"),
        "provisional": name == "plane_age",
        "states": "".join(states),
        "effect": _numbers(effect),
        "effect_low": _numbers(effect),
        "effect_high": _numbers(effect * 1.001),
        "wasserstein": _numbers(np.abs(moved)) if numeric else nothing,
        "psi": _numbers(effect**2),
        "missing": nothing if missing is None else _numbers(missing),
        "p_value": _numbers(np.exp(-1000 * effect**2)),
        "median": _numbers(mean + std * moved) if numeric else nothing,
        "outside": {"low": 14.0, "high": 57.0, "natural": 0.33, "share": _numbers(share)}
        if name == "temp"
        else None,
        "reference": {
            "n": int(reference.sum()),
            "missing": 0.01 if missing is not None else 0.0,
            "mean": mean if numeric else None,
            "median": mean if numeric else None,
            "std": std if numeric else None,
            "low": float(edges[0]) if numeric else None,
            "high": float(edges[-1]) if numeric else None,
        },
        "bins": described,
        "reference_counts": reference.tolist(),
        "counts": packed(counts),
    }


def _effect(
    reference: NDArray[Any], counts: NDArray[Any], *, categorical: bool
) -> NDArray[np.float64]:
    p, q = reference / reference.sum(), counts / counts.sum(axis=1, keepdims=True)
    if categorical:
        found: NDArray[np.float64] = np.abs(q - p).sum(axis=1) / 2
    else:
        found = np.abs(np.cumsum(q - p, axis=1)).max(axis=1)
    return found


def _performance(chunks: int, slices: list[dict[str, Any]], rng: Any) -> dict[str, Any]:
    scores = (np.arange(100) + 0.5) / 100
    late = np.clip(
        0.24 + 0.08 * np.sin(np.linspace(0, 9, chunks)) + rng.normal(0, 0.03, chunks), 0.05, 1
    )
    said = np.clip(0.23 + 0.05 * np.sin(np.linspace(0, 8.5, chunks)), 0.05, 1)
    if chunks > 3:
        late[2:4], said[2:4] = (0.281, 0.391), (0.178, 0.224)
    counts = np.zeros((chunks, 100, 3), np.int64)
    maturity = np.ones(chunks)
    maturity[-1] = 0.64
    for i, one in enumerate(slices):
        n = rng.multinomial(one["rows"], _beta(scores, said[i]))
        positive = rng.binomial(n, np.clip(scores + late[i] - said[i], 0.01, 0.99))
        seen = rng.binomial(n, maturity[i])
        kept = np.minimum(positive, seen)
        counts[i] = np.stack([seen - kept, kept, n - seen], axis=1)
    auc = 0.69 + rng.normal(0, 0.02, chunks) - np.linspace(0, 0.04, chunks)
    loss = 0.45 + (late - 0.24) * 0.9 + rng.normal(0, 0.01, chunks)
    nothing: list[None] = [None] * chunks
    half = 0.011

    def line(
        label: str,
        goal: str | None,
        values: NDArray[Any],
        estimated: NDArray[Any] | None,
        band: tuple[float, float, float] | None,
        wide: float = half,
    ) -> dict[str, Any]:
        loud = np.array(["o"] * chunks)
        if chunks > 3 and label in ("Late share", "Log loss"):
            loud[2:4] = "a"
        expected = nothing if estimated is None else _numbers(estimated)
        return {
            "label": label,
            "goal": goal,
            "unit": None,
            "realised": _numbers(values),
            "low": _numbers(values - wide),
            "high": _numbers(values + wide),
            "estimated": expected,
            "estimated_low": nothing if estimated is None else _numbers(estimated - 3 * wide),
            "estimated_high": nothing if estimated is None else _numbers(estimated + 3 * wide),
            "natural": None
            if band is None
            else dict(zip(("low", "high", "median"), band, strict=True)),
            "states": "".join(loud),
        }

    metrics = {
        "auc": line("AUC", "max", auc, auc + 0.02 + rng.normal(0, 0.01, chunks), (0.66, 0.73, 0.7)),
        "log_loss": line("Log loss", "min", loss, loss * 0.6 + 0.18, (0.38, 0.56, 0.47)),
        "brier": line("Brier", "min", late * (1 - late), None, None),
        "positive_share": line("Late share", None, late, None, (0.13, 0.36, 0.24)),
        "mean_score": line("Mean score", None, said, None, None),
        "gap": line("Gap", None, said - late, None, (-0.079, 0.079, 0.0)),
    }
    keys = [one["key"] for one in slices]
    return {
        "target": "late",
        "score": "score",
        "positive": "1",
        "kind": "binary",
        "metrics": metrics,
        "maturity": _numbers(maturity),
        "mature": [bool(value > 0.9) for value in maturity],
        "calibration": {
            "reference": [
                {
                    "score": (g + 0.5) / 10,
                    "share": (g + 0.5) / 10,
                    "n": 5_000 - 400 * g,
                    "low": max(0.0, (g + 0.3) / 10),
                    "high": (g + 0.7) / 10,
                }
                for g in range(9)
            ],
            "chunks": None,
        },
        "segments": [
            _segment(by, value, chunk, n, gap, share)
            for chunk in (None, keys[min(3, chunks - 1)])
            for by, value, n, gap, share in (
                (["carrier", "origin"], ["EV", "EWR"], 612, -0.31, 0.16),
                (["carrier", "origin"], ["UA", "EWR"], 843, -0.24, 0.10),
                (["carrier", "origin"], ["MQ", "LGA"], 231, -0.48, 0.10),
                (["carrier"], ["FL"], 118, -0.17, 0.03),
            )
        ],
        "fairness": [
            _group("network", 119_919, 0.174, 0.364, 0.125),
            _group("low-cost", 56_781, 0.311, 0.537, 0.231),
            _group("regional", 71_023, 0.394, 0.591, 0.315),
        ],
        "counts": packed(counts),
        "reference_counts": packed(counts[: max(1, chunks // 3)].sum(axis=0)),
        "notes": [],
    }


def _beta(scores: NDArray[Any], mean: float) -> NDArray[np.float64]:
    density = scores ** (4 * mean - 1) * (1 - scores) ** (4 * (1 - mean) - 1)
    found: NDArray[np.float64] = density / density.sum()
    return found


def _segment(
    by: list[str], value: list[str], chunk: str | None, n: int, gap: float, share: float
) -> dict[str, Any]:
    wide = 1 / n**0.5
    shown = gap if chunk is not None else gap / 3
    return {
        "by": by,
        "value": value,
        "chunk": chunk,
        "n": n if chunk is not None else n * 39,
        "metric": "gap",
        "value_of": round(shown, 4),
        "low": round(shown - wide, 4),
        "high": round(shown + wide, 4),
        "share_of_gap": share,
    }


def _group(name: str, n: int, selected: float, tpr: float, fpr: float) -> dict[str, Any]:
    def rate(value: float) -> list[float]:
        half = 1.96 * (value * (1 - value) / n) ** 0.5
        return [value, round(value - half, 4), round(value + half, 4)]

    return {
        "by": "carrier_kind",
        "group": name,
        "n": n,
        "selection_rate": rate(selected),
        "tpr": rate(tpr),
        "fpr": rate(fpr),
        "precision": None if name == "low-cost" else rate(0.41),
    }


def _quality(slices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "chunk": slices[i]["key"],
            "column": "visib",
            "check": "missing",
            "state": "warn",
            "sentence": f"visib is missing in {share} % of rows, usual 0.4 %.",
            "value": share / 100,
            "usual": 0.004,
        }
        for i, share in ((5, 4.1), (7, 3.2), (min(13, len(slices) - 1), 5.0))
    ]


def _alerts(slices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def incident(
        kind: str, severity: str, columns: list[str], first: int, last: int, sentence: str
    ) -> dict[str, Any]:
        lines = {
            "What fired": [sentence, "Second week running: −.091 the week before."],
            "Inputs": [
                "34.8 % of flights met a temperature the champion never saw, outside 14 to 57 °F.",
                "Mass moved in temp: above 52 °F 3 % → 62 %; 31 to 43 °F 52 % → 5 %.",
                "hour_traffic D 0.17 is above its natural 0.11, but its importance is 0.001.",
            ],
            "Where": ["EWR UA carries 17 % of the gap, JFK B6 7 %, LGA DL 6 %."],
            "Unchanged": ["Schema, missing share, volume (6,351 flights)."],
            "Done": ["flight-delay-12 ran by itself. 2 promoted Monday 06:14."],
        }
        return {
            "key": f"{kind}:{','.join(columns)}",
            "kind": kind,
            "severity": severity,
            "columns": columns,
            "segment": None,
            "first": slices[first]["key"],
            "last": slices[last]["key"],
            "open": last >= len(slices) - 3,
            "sentence": sentence,
            "impact": 0.01,
            "sections": [{"title": title, "lines": list(told)} for title, told in lines.items()],
            "id": f"{first:02d}" * 16,
            "status": "open" if last >= len(slices) - 3 else "resolved",
        }

    return [
        incident(
            "performance", "alert", [], 1, 2, "28.1 % of flights were late, 17.8 % were predicted."
        ),
        incident("domain", "warn", ["temp"], 2, 2, "35 % of rows are outside temp 14 to 57 °F."),
        incident(
            "concept", "warn", [], 3, 3, "39.1 % were late under an easy sky: no input explains it."
        ),
        incident("domain", "alert", ["dewp"], 8, 12, "dewp is out of the training range."),
        incident("performance", "alert", [], 24, 25, "auc 0.601, the reference has 0.714."),
        incident(
            "performance", "alert", [], len(slices) - 4, len(slices) - 2, "auc 0.600, before 0.727."
        ),
        incident("drift", "info", ["hour_traffic"], 1, 2, "hour_traffic D 0.17, importance .001."),
    ]


def _events(slices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def event(i: int, kind: str, label: str, sentence: str) -> dict[str, Any]:
        at = datetime.fromisoformat(slices[i]["from"]).astimezone(UTC)
        return {
            "at": at.isoformat().replace("+00:00", "Z"),
            "chunk": slices[i]["key"],
            "kind": kind,
            "label": label,
            "sentence": sentence,
            "node": f"model:flight-delay@{label}" if kind == "promotion" else None,
        }

    return [
        event(3, "promotion", "2", "2 became champion on 22 April."),
        event(9, "refused", "3", "A challenger was refused: auc .753 against .760."),
        event(13, "promotion", "3", "3 became champion on 1 July."),
        event(25, "promotion", "4", "4 became champion on 23 September."),
        event(34, "promotion", "5", "5 became champion on 25 November."),
    ]
