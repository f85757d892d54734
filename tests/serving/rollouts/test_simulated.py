"""What the guard and the intervals promise, on seeded traffic: the bench, in small."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = Path(__file__).parents[2] / "bench" / "rollouts.py"
    spec = importlib.util.spec_from_file_location("bench_rollouts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_healthy_canaries_stay(bench: ModuleType) -> None:
    world = bench.World(requests=3_000, heavy=True, shares=(5.0, 10.0, 20.0, 50.0))
    outcomes = [bench.canary(world, seed) for seed in range(30)]
    # 5 % are allowed: of 30 more than 5 would be so in one of 1,000 draws, and these are seeded.
    assert sum(one.metric is not None for one in outcomes) <= 5
    assert sum(one.z for one in outcomes) > 5, "the traffic has nothing to be misled by"


@pytest.mark.parametrize(
    ("name", "metric"),
    [("always_fails", "error"), ("three_times_as_slow", "slow"), ("refuses_a_fifth", "reject")],
)
def test_bad_canaries_go(bench: ModuleType, name: str, metric: str) -> None:
    outcomes = [bench.canary(bench.BAD[name], seed) for seed in range(5)]
    assert all(one.metric is not None for one in outcomes)
    assert metric in {one.metric for one in outcomes}
    assert max(one.bad for one in outcomes) < 100


def test_quiet_intervals_are_quiet_at_every_look(bench: ModuleType) -> None:
    conversions = bench.quiet_units(40, 50.0, lambda rng, n: (rng.random(n) < 0.05) * 1.0, 5_000)
    uneven = bench.quiet_units(40, 5.0, lambda rng, n: rng.lognormal(0, 1.5, n), 5_000)
    assert max(conversions, uneven) <= 0.1
    assert bench.quiet_days(100, 0.0, 60) <= 0.07


def test_new_shares_spend_no_new_alpha(bench: ModuleType) -> None:
    taken_back = bench.new_shares(100)
    assert taken_back["multiplied"] <= 0.05 < taken_back["begun_anew"]
