"""How often drift is told where there is none, and how often where there is: ours, and others'.

    python tests/bench/drift_alarms.py [--small]

Three questions, on seeded data. *Alone*: one table beside another of the same law, from 100 to
1,000,000 rows. *Days*: thirty days beside thirty, with and without days that differ by a tenth of a
standard deviation, gate by gate. *Power*: known shifts. Evidently and NannyML answer with their
defaults, on the same files (build/peers).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import mlops_lab as lab  # noqa: E402
from mlops_lab.monitoring.policy import significant_cells  # noqa: E402

PEER_PYTHON = ROOT / "build" / "peers" / "bin" / "python"
PEER = Path(__file__).parent / "peers" / "drift_alarms.py"

SIZES = (100, 300, 1_000, 10_000, 100_000, 1_000_000)
PEER_ROWS = 100_000
DAYS, DAY_ROWS, FEATURES = 30, 3_000, 20
DAY_EFFECT = 0.1


def table(rng: np.random.Generator, rows: int, columns: int = 12) -> pd.DataFrame:
    """Numbers of three laws, categories of 5, 50 and 200 values, flags, counts."""
    found: dict[str, Any] = {}
    for i in range(columns // 3):
        found[f"normal{i}"] = rng.normal(size=rows)
        found[f"heavy{i}"] = rng.standard_t(3, rows)
        found[f"skewed{i}"] = rng.lognormal(size=rows)
    for size in (5, 50, 200):
        for i in range(2):
            weights = 1 / np.arange(1, size + 1)
            drawn = rng.choice(size, rows, p=weights / weights.sum())
            found[f"category_of_{size}_{i}"] = np.char.add("v", drawn.astype(str)).astype(object)
    for i in range(2):
        found[f"flag{i}"] = rng.random(rows) < 0.05
        found[f"count{i}"] = rng.poisson(4, rows)
    return pd.DataFrame(found)


def kind(name: str) -> str:
    return name.rstrip("0123456789")


def ours(reference: Path, current: Path, **options: Any) -> lab.Evaluation:
    return lab.drift(reference, current, domain=False, progress=False, **options)


def by_kind(evaluation: lab.Evaluation, letters: str = "wa") -> dict[str, float]:
    found: dict[str, list[bool]] = {}
    for column in evaluation.columns:
        found.setdefault(kind(column.name), []).extend(one in letters for one in column.states)
    return {name: float(np.mean(alarms)) for name, alarms in sorted(found.items())}


def peers(tool: str, folder: Path) -> dict[str, dict[str, float]]:
    """What another tool says of all pairs in a folder; nothing where it is not installed."""
    if not PEER_PYTHON.exists():
        return {}
    done = subprocess.run(
        [PEER_PYTHON, PEER, tool, folder], capture_output=True, text=True, timeout=3_000
    )
    if done.returncode:
        print(json.dumps({"bench": "drift_alarms", tool: done.stderr.strip()[-300:]}), flush=True)
        return {}
    answer: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def write(folder: Path, reference: pd.DataFrame, current: pd.DataFrame) -> tuple[Path, Path]:
    folder.mkdir(parents=True)
    reference.to_parquet(folder / "reference.parquet")
    current.to_parquet(folder / "current.parquet")
    return folder / "reference.parquet", folder / "current.parquet"


def mean(answers: list[dict[str, float]]) -> dict[str, float]:
    """Per kind, and over all."""
    kinds = sorted({name for one in answers for name in one})
    found = {name: float(np.mean([one[name] for one in answers if name in one])) for name in kinds}
    return {name: round(value, 4) for name, value in found.items()}


def alone(folder: Path, sizes: tuple[int, ...], rounds: Callable[[int], int]) -> Iterator[Any]:
    """No drift: one table beside another."""
    for rows in sizes:
        root = folder / f"alone-{rows}"
        mine, naive = [], []
        for seed in range(rounds(rows)):
            rng = np.random.default_rng([rows, seed])
            # The reference is ten times as large, as it is, up to a million rows.
            before = table(rng, min(10 * rows, 1_000_000))
            pair = write(root / f"{seed:02}", before, table(rng, rows))
            found = ours(*pair)
            mine.append(by_kind(found))
            naive.append({c.name: float((c.p_value[0] or 1.0) < 0.05) for c in found.columns})
        evidently = list(peers("evidently", root).values()) if rows <= PEER_ROWS else []
        yield {
            "question": "alone",
            "rows": rows,
            "rounds": len(mine),
            "alarms": mean(mine),
            "all": round(float(np.mean([list(one.values()) for one in mine])), 4),
            "p_below_.05": round(float(np.mean([list(one.values()) for one in naive])), 4),
            "evidently": mean(evidently),
        }


def days(folder: Path, effect: float, seed: int) -> tuple[Path, Path]:
    rng = np.random.default_rng([int(100 * effect), seed])

    def side(first: str) -> pd.DataFrame:
        at = pd.date_range(first, periods=DAYS * DAY_ROWS, freq=f"{86_400 / DAY_ROWS}s")
        moved = rng.normal(0, effect, (DAYS, 1, FEATURES)) if effect else 0.0
        values = rng.normal(size=(DAYS, DAY_ROWS, FEATURES)) + moved
        flat = values.reshape(-1, FEATURES)
        return pd.DataFrame({"at": at} | {f"normal{i}": flat[:, i] for i in range(FEATURES)})

    return write(folder, side("2024-01-01"), side("2024-01-31"))


def over_time(folder: Path, rounds: int) -> Iterator[Any]:
    """No drift: days that differ, and days that do not; the gates one after the other."""
    for effect in (0.0, DAY_EFFECT):
        root = folder / f"days-{effect}"
        gates: list[list[float]] = []
        for seed in range(rounds):
            pair = days(root / f"{seed:02}", effect, seed)
            found = ours(*pair, time="at", by="day")
            columns = found.columns
            p = np.array([[one or 0.0 for one in c.p_value] for c in columns])
            size = np.array([c.effect_low for c in columns], dtype=float)
            natural = np.array([[c.natural or 0.0] for c in columns])
            kept = np.array(significant_cells(p.ravel().tolist(), 0.01)).reshape(p.shape)
            large = kept & (size >= 0.05)
            above = large & (size > natural)
            alerts = np.array([[one == "a" for one in c.states] for c in columns])
            gates.append([float(one.mean()) for one in (p < 0.05, kept, large, above, alerts)])
        nannyml = list(peers("nannyml", root).values())
        names = ("p_below_.05", "multiplicity", "effect", "natural", "alerts")
        yield {
            "question": "days",
            "day_effect_sd": effect,
            "cells": rounds * DAYS * FEATURES,
            **{
                name: round(float(value), 4)
                for name, value in zip(names, np.mean(gates, axis=0), strict=True)
            },
            "nannyml": mean(nannyml),
        }


def tilted(rng: np.random.Generator, rows: int, tilt: float) -> Any:
    weights = np.ones(10)
    weights[:5] += tilt
    weights[5:] -= tilt
    drawn = rng.choice(10, rows, p=weights / weights.sum())
    return np.char.add("v", drawn.astype(str)).astype(object)


SHIFTS: dict[str, tuple[int, Callable[[np.random.Generator, int, float], Any], float]] = {
    ".2 sd": (1_000, lambda rng, n, by: rng.normal(by, 1, n), 0.2),
    ".1 sd": (10_000, lambda rng, n, by: rng.normal(by, 1, n), 0.1),
    "spread × 1.3": (3_000, lambda rng, n, by: rng.normal(0, 1 + by, n), 0.3),
    "tilt of ten categories by a quarter": (3_000, tilted, 0.25),
    "tilt of ten categories by 2 % (too small to matter)": (100_000, tilted, 0.02),
    "flag 2 % → 5 %": (3_000, lambda rng, n, by: rng.random(n) < 0.02 + by, 0.03),
    ".02 sd (too small to matter)": (
        1_000_000,
        lambda rng, n, by: rng.normal(by, 1, n),
        0.02,
    ),
}


def power(folder: Path, rounds: Callable[[int], int]) -> Iterator[Any]:
    """Known shifts: the share that is told."""
    for place, (name, (rows, draw, by)) in enumerate(SHIFTS.items()):
        rng = np.random.default_rng([place, rows])
        times = rounds(rows)
        # All rounds are columns of one pair: the more columns, the harder for the multiplicity.
        before = pd.DataFrame({f"x{i}": draw(rng, rows, 0.0) for i in range(times)})
        after = pd.DataFrame({f"x{i}": draw(rng, rows, by) for i in range(times)})
        pair = write(folder / f"power-{place}" / "pair", before, after)
        found = ours(*pair)
        psi = [column.psi[0] or 0.0 for column in found.columns]
        yield {
            "question": "power",
            "shift": name,
            "rows": rows,
            "columns": times,
            "told": round(float(np.mean([c.states[0] in "wa" for c in found.columns])), 4),
            "psi_above_.1": round(float(np.mean([one > 0.1 for one in psi])), 4),
            "evidently": mean(list(peers("evidently", folder / f"power-{place}").values())),
        }


def main(small: bool) -> None:
    """Print a JSON line for each question and size."""
    sizes = SIZES[:4] if small else SIZES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        for answers in (
            alone(folder, sizes, lambda rows: 3 if rows <= 10_000 else 1),
            over_time(folder, 1 if small else 2),
            power(folder, lambda rows: 20 if rows <= 10_000 else 3),
        ):
            for answer in answers:
                print(json.dumps({"bench": "drift_alarms", **answer}), flush=True)
        print(json.dumps({"bench": "drift_alarms", "s": round(time.perf_counter() - start, 1)}))


if __name__ == "__main__":
    main("--small" in sys.argv)
