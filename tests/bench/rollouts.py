"""How often a healthy canary is taken back, how soon a bad one, and how often an A/B test errs.

    python tests/bench/rollouts.py [--small]

Seeded traffic goes through the routing and the guard as they run, which looks every second.
*Healthy*: 1,000 canaries that are no worse than their base, at one share, on a ramp, with users of
whom a few send most and some always fail or are always slow, and with requests of no known user.
*Bad*: canaries that always fail, fail ten times as often, are three times as slow, or refuse.
*Split*: the share on 100,000 users, and who moves when it is raised. *A/B*: quiet tests looked at
all the time, and what an effect costs. The z-test looked at each second is beside them.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

from mlops_lab.serving import latency
from mlops_lab.serving.records import Rollout
from mlops_lab.serving.rollouts.ab import effects, ratio_check
from mlops_lab.serving.rollouts.compare import compare
from mlops_lab.serving.rollouts.evalues import log_e_above
from mlops_lab.serving.rollouts.guard import Figures, Guard, Side
from mlops_lab.serving.rollouts.intervals import running_means
from mlops_lab.serving.rollouts.routing import place, variant

SECOND = 1_000_000
DAY = 86_400 * SECOND
RPS = 20
BASE, CANDIDATE = "r1", "r2"


@dataclass(frozen=True)
class World:
    """Who asks, and how the two revisions answer.

    Shares of users with ``heavy``: activity is Pareto distributed (the busiest of 2,000 sends some
    percent of all), every 20th user fails on a third of their requests and every 20th is slow on
    each, on whichever side they are.
    """

    users: int = 2_000
    requests: int = 10_000
    shares: tuple[float, ...] = (5.0,)
    heavy: bool = False
    anonymous: bool = False
    error: float = 0.01
    reject: float = 0.005
    error_times: float = 1.0
    reject_times: float = 1.0
    slow_times: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """What the guard did, after how many requests, and how many bad ones of the canary."""

    metric: str | None
    requests: int
    bad: int
    z: bool


def canary(world: World, seed: int) -> Outcome:
    """Send a canary its traffic, look every second, and stop when it is taken back."""
    rng = np.random.default_rng([seed, world.users, world.requests])
    n = world.requests
    salt = f"{seed}"
    rollout = Rollout("a" * 32, "canary", CANDIDATE, BASE, world.shares[0], salt=salt)
    guard = Guard(rollout, names={BASE: "5", CANDIDATE: "6"})
    weight = rng.pareto(1.2, world.users) + 0.05 if world.heavy else np.ones(world.users)
    user = rng.choice(world.users, n, p=weight / weight.sum())
    prone = world.heavy & (np.arange(world.users) % 20 == 0)
    dull = world.heavy & (np.arange(world.users) % 20 == 1)
    where = np.array([place(salt, f"user{k}") for k in range(world.users)])
    at = rng.random(n) if world.anonymous else where[user]
    unit = np.arange(n) if world.anonymous else user
    stage = np.arange(n) * len(world.shares) // n
    mine = at < np.array(world.shares)[stage] / 100.0
    chance = np.where(prone[user], 1 / 3, world.error)
    error = rng.random(n) < chance * np.where(mine, world.error_times, 1.0)
    reject = rng.random(n) < world.reject * np.where(mine, world.reject_times, 1.0)
    took = rng.lognormal(np.log(0.004), 0.5, n) * np.where(dull[user], 10.0, 1.0)
    took *= np.where(mine, world.slow_times, 1.0)
    scale = 1 / np.log(latency.GROWTH)
    bucket = np.ceil(np.log(np.maximum(took, latency.FIRST_S) / latency.FIRST_S) * scale).astype(
        int
    )
    z_at = _z_tests(error, mine)
    for start in range(0, n, RPS):
        rows = slice(start, start + RPS)
        share = world.shares[stage[start]]
        if share != guard.rollout.share:
            guard.follow(replace(guard.rollout, share=share))
        slow = took[rows] * 1000.0 > (guard.slow_ms or np.inf)
        for metric, bad in (("error", error[rows]), ("slow", slow), ("reject", reject[rows])):
            guard.feed(
                (metric, CANDIDATE if mine[i] else BASE, f"{unit[i]}")
                for i in np.flatnonzero(bad) + start
            )
        sides = [
            Side(int(side.sum()), Counter(bucket[rows][side].tolist()))
            for side in (~mine[rows], mine[rows])
        ]
        verdict = guard.look(start // RPS * SECOND, Figures(*sides))
        if verdict.state == "rollback":
            done = slice(0, rows.stop)
            slow = took[done] * 1000.0 > (guard.slow_ms or np.inf)
            bad = mine[done] & (error[done] | reject[done] | slow)
            return Outcome(verdict.metric, rows.stop, int(bad.sum()), z_at < rows.stop)
    return Outcome(None, n, int((mine & (error | reject)).sum()), z_at < n)


def _z_tests(bad: np.ndarray, mine: np.ndarray) -> float:
    """The first look at which the two-proportion test at .05 says it: what many canaries have."""
    last = np.arange(RPS - 1, len(bad), RPS)
    n, m = mine.cumsum()[last], (~mine).cumsum()[last]
    k, j = (bad & mine).cumsum()[last], (bad & ~mine).cumsum()[last]
    pooled = (k + j) / (n + m)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        said = ((k / n - j / m) / error > 1.645) & (np.minimum(n, m) >= 30)
    return float(last[said][0]) if said.any() else np.inf


def told(outcomes: list[Outcome]) -> dict[str, Any]:
    back = [one for one in outcomes if one.metric is not None]
    found: dict[str, Any] = {
        "canaries": len(outcomes),
        "rolled_back": round(len(back) / len(outcomes), 4),
        "by": {m: sum(o.metric == m for o in back) for m in sorted({str(o.metric) for o in back})},
        "z_test": round(sum(one.z for one in outcomes) / len(outcomes), 4),
    }
    if len(back) > len(outcomes) / 2:
        found["requests"] = _quantiles([one.requests for one in back])
        found["bad_requests"] = _quantiles([one.bad for one in back])
    return found


def _quantiles(values: list[int]) -> dict[str, int]:
    return {f"p{q}": int(np.quantile(values, q / 100)) for q in (50, 95)}


HEALTHY = {
    "healthy": World(),
    "healthy_ramp": World(shares=(5.0, 10.0, 20.0, 50.0)),
    "healthy_down_and_up": World(shares=(10.0, 2.0, 10.0, 25.0, 5.0, 50.0)),
    "healthy_heavy_users": World(heavy=True),
    "healthy_heavy_users_ramp": World(heavy=True, shares=(5.0, 10.0, 20.0, 50.0)),
    "healthy_no_users": World(anonymous=True, shares=(5.0, 20.0)),
}
MOST = ("healthy", "healthy_heavy_users_ramp")
"""These 1,000 times, the others 250 times."""

BAD = {
    "always_fails": World(error_times=1e9),
    "fails_ten_times_as_often": World(error_times=10.0),
    "three_times_as_slow": World(slow_times=3.0),
    "half_as_slow_again": World(slow_times=1.5),
    "refuses_a_fifth": World(reject_times=40.0),
    "heavy_users_always_fails": World(heavy=True, error_times=1e9),
}


def split(users: int) -> dict[str, Any]:
    """The share of the users, and whether anybody moves out when it is raised."""
    shares = [
        100 * float(np.mean([variant(f"{s}", f"u{k}", 5.0) for k in range(users)]))
        for s in range(5)
    ]
    five = {k for k in range(users) if variant("s", f"u{k}", 5.0)}
    ten = {k for k in range(users) if variant("s", f"u{k}", 10.0)}
    return {
        "users": users,
        "share_of_5": [round(min(shares), 3), round(max(shares), 3)],
        "moved_out_at_10": len(five - ten),
        "share_of_10": round(100 * len(ten) / users, 3),
    }


def new_shares(rounds: int, shares: tuple[float, ...] = (5.0, 10.0, 20.0, 50.0)) -> dict[str, Any]:
    """What a new share does to the evidence: multiplied with that of before, or begun anew."""
    limit, events, metrics = float(np.log(60)), 60, 3
    wrong = {"multiplied": 0, "begun_anew": 0}
    for seed in range(rounds):
        rng = np.random.default_rng([seed, events])
        highest = {"multiplied": -np.inf, "begun_anew": -np.inf}
        for _ in range(metrics):
            before = 0.0
            for share in shares:
                fell = (rng.random(events) < share / 100.0).cumsum()
                e = [log_e_above(int(k), m, share / 100.0) for m, k in enumerate(fell, 1)]
                highest["multiplied"] = max(highest["multiplied"], before + max(e))
                highest["begun_anew"] = max(highest["begun_anew"], max(e))
                before += e[-1]
        for how, most in highest.items():
            wrong[how] += most >= limit
    return {how: round(count / rounds, 4) for how, count in wrong.items()}


def quiet_units(
    rounds: int, share: float, draw: Callable[[Any, int], Any], n: int = 20_000
) -> float:
    """How many A/B tests of units without a difference have one at any look."""
    wrong = 0
    for seed in range(rounds):
        rng = np.random.default_rng([seed, int(share)])
        mine = rng.random(n) < share / 100.0
        _, low, high = effects(draw(rng, n), mine, share=share, horizon=n // 2, alpha=0.05)
        wrong += bool(((low > 0) | (high < 0)).any())
    return round(wrong / rounds, 4)


def quiet_days(rounds: int, hang: float, n: int = 100) -> float:
    """How many series of days without a difference have one at any look."""
    wrong = 0
    for seed in range(rounds):
        noise = np.random.default_rng([seed, n]).normal(size=n)
        days = np.zeros(n)
        for day in range(n):
            days[day] = hang * days[day - 1] + noise[day] if day else noise[0]
        means, half = running_means(days, 28, 0.05)
        wrong += bool((np.abs(means) > half)[6:].any())
    return round(wrong / rounds, 4)


def log(seed: int, effect: float, days: int, per_day: int, users: int) -> pd.DataFrame:
    """A prediction log with labels: users come back, days have their own level."""
    rng = np.random.default_rng([seed, days])
    n = days * per_day
    day = np.repeat(np.arange(days), per_day)
    user = rng.integers(0, users, n)
    salt = f"{seed}"
    mine = np.array([variant(salt, f"u{k}", 50.0) for k in range(users)])[user]
    level = rng.normal(0, 0.3, days)[day] + rng.normal(0, 0.3, users)[user]
    miss = 5.0 + level + rng.normal(0, 1, n) + effect * mine
    return pd.DataFrame(
        {
            "prediction_id": np.arange(n).astype(str),
            "t": 20_000 * DAY + day * DAY + rng.integers(0, DAY, n),
            "revision": np.where(mine, CANDIDATE, BASE),
            "rollout": "a" * 32,
            "unit": [f"u{k}" for k in user],
            "status": 200,
            "prediction": 0.0,
            "truth": miss,
        }
    )


def ab_tests(rounds: int) -> dict[str, Any]:
    rollout = Rollout("a" * 32, "ab", CANDIDATE, BASE, 50.0)
    found: dict[str, Any] = {}
    for name, effect in (("quiet", 0.0), ("better", -0.3)):
        states = []
        for seed in range(rounds):
            rows = log(seed, effect, 28, 400, 2_000)
            now = 20_000 * DAY + 28 * DAY
            # Looked at after each week; the interval is that of every look anyway.
            looks = [
                compare(
                    rows[rows["t"] < end], rollout, truth="truth", now=end, metric="absolute_error"
                )
                for end in range(20_000 * DAY + 7 * DAY, now + 1, 7 * DAY)
            ]
            states.append(next((c.state for c in looks if c.winner is not None), looks[-1].state))
        found[name] = {state: states.count(state) for state in sorted(set(states))}
    return found


def bench(small: bool = False) -> dict[str, Any]:
    """Everything, as one value."""
    began = time.process_time()
    healthy, bad = (40, 20) if small else (1_000, 100)
    quiet = 40 if small else 400
    found: dict[str, Any] = {"bench": "rollouts"}
    for name, world in HEALTHY.items():
        rounds = healthy if name in MOST or small else healthy // 4
        found[name] = told([canary(world, seed) for seed in range(rounds)])
    for name, world in BAD.items():
        found[name] = told([canary(world, seed) for seed in range(bad)])
    found["new_shares_taken_back"] = new_shares(40 if small else 1_000)
    found["split"] = split(100_000)
    found["quiet_ab_by_units"] = {
        f"{what} at {share:g} %": quiet_units(quiet, share, draw)
        for what, draw in (
            ("conversions of 5 %", lambda rng, n: (rng.random(n) < 0.05) * 1.0),
            ("long tails", lambda rng, n: rng.lognormal(0, 1.5, n)),
        )
        for share in (50.0, 20.0, 5.0)
    }
    found["quiet_days"] = {f"r = {r:g}": quiet_days(quiet, r) for r in (0.0, 0.3)}
    found["quiet_ratio"] = float(
        np.mean(
            [
                any(
                    not ratio_check(int(k), n, 50.0).passed
                    for n, k in zip(
                        range(100, 10_001, 100),
                        (np.random.default_rng(seed).random(10_000) < 0.5).cumsum()[99::100],
                        strict=True,
                    )
                )
                for seed in range(quiet)
            ]
        )
    )
    found["ab_by_days"] = ab_tests(10 if small else 100)
    found["cpu_s"] = round(time.process_time() - began, 1)
    return found


if __name__ == "__main__":
    print(json.dumps(bench("--small" in sys.argv)), flush=True)
