import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate

from mlops_lab.errors import Corrupt
from mlops_lab.serving import latency
from mlops_lab.serving.records import Guard as Limits
from mlops_lab.serving.records import Rollout
from mlops_lab.serving.rollouts.evalues import log_e_above, log_e_apart
from mlops_lab.serving.rollouts.guard import CRASHES, Figures, Guard, Side
from mlops_lab.serving.rollouts.ordering import PATIENCE_US, InOrder
from mlops_lab.serving.rollouts.ramp import ENOUGH, due, held, plan_sentence

SECOND = 1_000_000
NAMES = {"r1": "5", "r2": "6"}


def rollout(share: float = 5.0, **guard: float) -> Rollout:
    return Rollout("a" * 32, "canary", "r2", "r1", share, guard=Limits(**guard))


def events(metric: str, candidate: int, base: int) -> list[tuple[str, str, str]]:
    return [(metric, "r2", f"c{n}") for n in range(candidate)] + [
        (metric, "r1", f"b{n}") for n in range(base)
    ]


def answers(n: int, ms: float) -> Side:
    return Side(n, {latency.bucket(ms / 1000.0): n})


@pytest.mark.parametrize(
    ("k", "m", "w"), [(0, 3, 0.05), (1, 14, 0.05), (9, 11, 0.3), (40, 61, 0.5)]
)
def test_the_evidence_is_the_mixture_over_shares_above(k: int, m: int, w: float) -> None:
    area, _ = integrate.quad(lambda p: p**k * (1 - p) ** (m - k), w, 1, epsabs=0, epsrel=1e-10)
    expected = area / (1 - w) / (w**k * (1 - w) ** (m - k))
    assert math.exp(log_e_above(k, m, w)) == pytest.approx(expected, rel=1e-6)


def test_evidence_is_finite_and_fair_at_the_edges() -> None:
    for log_e in (log_e_above, log_e_apart):
        assert log_e(0, 0, 0.5) == log_e(5, 5, 0.0) == log_e(5, 5, 1.0) == 0.0
        assert all(math.isfinite(log_e(k, 100_000, 0.9)) for k in (0, 50_000, 100_000))
    # On average at most 1 after any number of events, when nothing is wrong.
    for m in (1, 5, 40):
        weight = [math.comb(m, k) * 0.05**k * 0.95 ** (m - k) for k in range(m + 1)]
        for log_e in (log_e_above, log_e_apart):
            mean = sum(p * math.exp(log_e(k, m, 0.05)) for k, p in enumerate(weight))
            assert mean == pytest.approx(1.0)


def test_the_sentences_are_those_of_the_design() -> None:
    guard = Guard(rollout(p99_ms=80), names=NAMES)
    guard.feed([*events("error", 1, 13), *events("slow", 4, 57), *events("reject", 0, 3)])
    guard.look(0, Figures(Side(24_206), Side(1_274)))
    told = guard.evidence()
    assert [one.sentence.replace("\N{NO-BREAK SPACE}", " ") for one in told.metrics] == [
        "1 of 14 users' first errors fell on 6; chance gives 0.7. E 0.16 of 60.",
        "4 of 61 users' first answers over 80 ms fell on 6; chance gives 3.1. E 0.08 of 60.",
        "0 of 3 users' first rejects fell on 6; chance gives 0.15. E 0.25 of 60.",
    ]
    assert told.ratio.sentence.replace("\N{NO-BREAK SPACE}", " ") == (
        "5.00 % of 25,480 requests, as planned."
    )
    assert told.state == "ok"
    assert json.loads(json.dumps(told.to_json()))["metrics"][0]["limit"] == pytest.approx(60)


def test_only_the_first_bad_event_of_a_unit_counts() -> None:
    guard = Guard(rollout(), names=NAMES)
    guard.feed([("error", "r2", "one")] * 1_000)
    assert guard.look(0, Figures()).state == "ok"
    assert guard.evidence().metrics[0].total == 1
    # Another metric is another first event; other revisions and metrics are none.
    guard.feed([("slow", "r2", "one"), ("error", "r9", "two"), ("odd", "r2", "three")])
    assert [one.total for one in guard.evidence().metrics] == [1, 1, 0]


def test_a_broken_canary_goes_and_stays_gone() -> None:
    guard = Guard(rollout(), names=NAMES)
    guard.feed(events("error", 4, 1))
    verdict = guard.look(0, Figures())
    assert (verdict.state, verdict.metric) == ("rollback", "error")
    assert verdict.sentence.startswith("6 fails more often than 5: ")
    assert verdict.e is not None
    assert verdict.e >= verdict.limit == pytest.approx(60)
    # What was proved stays proved, whatever comes after it.
    guard.feed(events("error", 0, 500))
    assert guard.look(SECOND, Figures()) == verdict
    assert guard.evidence().state == "rollback"


def test_who_reports_first_makes_nobody_bad() -> None:
    rng = np.random.default_rng(2)
    for late in ("r1", "r2"):
        guard, order = Guard(rollout(30.0), names=NAMES), InOrder()
        for tick in range(200):
            now = tick * SECOND // 5
            for worker in sorted(NAMES, key=lambda name: name == late):
                bad = rng.random(8) < 0.5 * (0.3 if worker == "r2" else 0.7)
                at = now - rng.integers(0, SECOND // 5, 8)
                told = [("reject", worker, f"{worker}{at[n]}{n}", int(at[n])) for n in range(8)]
                # One that is busy tells a second later of what happened until then.
                lag = 5 * SECOND // 5 if worker == late else 0
                order.add(
                    worker, now - lag, [e for e, is_bad in zip(told, bad, strict=True) if is_bad]
                )
            if tick % 5 == 0:
                guard.feed(order.until(now))
                assert guard.look(now, Figures()).state == "ok", (late, tick)
        assert guard.evidence().metrics[2].total > 100


def test_events_come_in_the_order_of_time() -> None:
    order = InOrder()
    order.add("a", 50, [("error", "r1", "x", 40), ("error", "r1", "y", 10)])
    order.add("b", 30, [("error", "r2", "z", 20)])
    assert [unit for *_, unit in order.until(60)] == ["y", "z"]
    # One that was silent for long is not waited for.
    assert [unit for *_, unit in order.until(30 + PATIENCE_US)] == ["x"]
    # At a change of the share what was before goes out, and what follows at once is left out.
    order.add("a", 70, [("error", "r1", "old", 65)])
    assert [unit for *_, unit in order.begin(100)] == ["old"]
    order.add("a", 3 * SECOND, [("error", "r1", "new", 2 * SECOND), ("error", "r1", "soon", 200)])
    assert [unit for *_, unit in order.until(3 * SECOND)] == ["new"]


def test_a_change_of_the_share_begins_anew_and_keeps_what_was_known() -> None:
    guard = Guard(rollout(5.0), names=NAMES)
    guard.feed(events("error", 1, 9))
    before = math.log(guard.evidence().metrics[0].e)
    guard.follow(replace(guard.rollout, share=20.0))
    assert math.log(guard.evidence().metrics[0].e) == pytest.approx(before)
    guard.feed([("error", "r2", "new"), ("error", "r1", "b1")])
    after = guard.evidence().metrics[0]
    # b1 had its first error before.
    assert math.log(after.e) == pytest.approx(before + log_e_above(1, 1, 0.2))
    assert (after.candidate, after.total) == (2, 11)
    assert after.expected == pytest.approx(10 * 0.05 + 1 * 0.2)
    with pytest.raises(ValueError, match="This guard is of rollout"):
        guard.follow(replace(guard.rollout, id="b" * 32))


def test_hard_stops() -> None:
    crashed = Guard(rollout(), names=NAMES)
    assert crashed.look(0, Figures(crashes=CRASHES - 1)).state == "ok"
    assert crashed.look(1, Figures(crashes=1)).sentence == "6 crashed three times."
    ill = Guard(rollout(), names=NAMES)
    assert ill.look(0, Figures(unhealthy="Its model cannot be loaded.")).metric == "health"
    over = Guard(rollout(50.0, error_rate=0.02), names=NAMES)
    for second in range(20):
        over.feed([("error", side, f"{side}-{second}-{n}") for side in NAMES for n in range(4)])
        verdict = over.look(second * SECOND, Figures(Side(50), Side(50)))
    # Its base is as bad: nothing says that it is worse. It is over its limit all the same.
    assert (verdict.state, verdict.metric) == ("rollback", "error_rate")
    assert "2\N{NO-BREAK SPACE}%" in verdict.sentence


def _slow(guard: Guard, seconds: int, base_ms: float, ms: float) -> str | None:
    for second in range(seconds):
        guard.feed([("slow", "r2", f"u{second}"), ("slow", "r1", f"b{second}")])
        found = guard.look(second * SECOND, Figures(answers(200, base_ms), answers(5, ms)))
        if found.state == "rollback":
            return found.metric
    return None


def test_a_p99_over_twice_the_baseline_stops_in_the_third_window() -> None:
    slow = Guard(rollout(50.0), names=NAMES)
    assert _slow(slow, 25, 4.0, 12.0) is None
    slow = Guard(rollout(50.0), names=NAMES)
    assert _slow(slow, 45, 4.0, 12.0) == "p99"
    # Not at 1.5 times, not below the limit that people set, not when the machine is slow for both.
    assert _slow(Guard(rollout(50.0), names=NAMES), 60, 4.0, 6.0) is None
    assert _slow(Guard(rollout(50.0, p99_ms=20), names=NAMES), 60, 4.0, 12.0) is None
    assert _slow(Guard(rollout(50.0), names=NAMES), 60, 12.0, 12.0) is None


def test_a_slow_client_blames_nobody() -> None:
    guard = Guard(rollout(50.0), names=NAMES)
    for second in range(60):
        guard.feed([("slow", "r2", "the one with the heavy requests")])
        verdict = guard.look(second * SECOND, Figures(answers(200, 4.0), answers(5, 400.0)))
    assert verdict.state == "ok"


def test_what_is_slow_is_settled_by_the_base_once() -> None:
    guard = Guard(rollout(), names=NAMES)
    assert guard.slow_ms is None
    assert guard.evidence().metrics[1].state == "waiting"
    guard.look(0, Figures(answers(99, 4.0), answers(5, 4.0)))
    assert guard.slow_ms is None
    guard.look(1, Figures(answers(1, 4.0)))
    assert guard.slow_ms == pytest.approx(8.0, rel=0.05)
    settled = guard.slow_ms
    guard.look(2, Figures(answers(5_000, 40.0)))
    assert guard.slow_ms == settled
    assert Guard(rollout(p99_ms=80)).slow_ms == 80


def test_another_supervisor_goes_on_where_the_guard_was() -> None:
    guard = Guard(rollout(), names=NAMES)
    guard.feed([*events("error", 1, 12), *events("slow", 1, 3)])
    guard.look(0, Figures(answers(190, 4.0), answers(10, 5.0), crashes=1))
    kept = json.loads(json.dumps(guard.to_json()))
    other = Guard.from_json(guard.rollout, kept, names=NAMES)
    assert other.evidence() == guard.evidence()
    assert other.slow_ms == guard.slow_ms
    for one in (guard, other):
        one.feed(events("error", 1, 13))  # all of them seen but one
        one.follow(replace(one.rollout, share=20.0))
        one.look(SECOND, Figures(answers(1, 4.0), crashes=2))
    assert other.evidence() == guard.evidence()
    assert other.evidence().state == "rollback"
    # One that was raised meanwhile takes note of it.
    raised = Guard.from_json(replace(guard.rollout, share=30.0), kept, names=NAMES)
    assert raised.rollout.share == 30.0
    for wrong in (None, {}, {**kept, "rollout": "b" * 32}, {**kept, "stages": []}):
        with pytest.raises(Corrupt):
            Guard.from_json(guard.rollout, wrong)


def test_the_chart_stays_small_and_keeps_its_ends() -> None:
    guard = Guard(rollout(50.0), names=NAMES)
    rng = np.random.default_rng(1)
    for second in range(2_000):
        guard.feed([("error", "r2" if rng.random() < 0.5 else "r1", f"{second}")])
        guard.look(second * SECOND, Figures(Side(5), Side(5)))
    history = guard.evidence().history
    assert len({len(points) for points in history.values()}) == 1
    assert 50 < len(history["requests"]) <= 240
    assert history["requests"][-1] == 20_000
    assert history["error"][-1] == pytest.approx(guard.evidence().metrics[0].e)
    # A quiet hour is one step.
    for second in range(2_000, 2_200):
        guard.look(second * SECOND, Figures(Side(5), Side(5)))
    assert guard.evidence().history["requests"][-1] == 22_000


def test_a_ramp_rises_step_by_step_and_waits_for_answers_and_calm() -> None:
    hour = 3_600 * SECOND
    canary = replace(rollout(5.0), ramp=((hour, 20.0), (2 * hour, 50.0)))
    assert due(canary, hour - 1) is None
    guard = Guard(canary, names=NAMES)
    assert due(canary, 3 * hour, guard.evidence()) is None
    assert "waits for 20 answers" in str(held(canary, 3 * hour, guard.evidence()))
    guard.look(0, Figures(Side(400), Side(ENOUGH)))
    raised = due(canary, 3 * hour, guard.evidence())
    assert raised is not None
    assert raised.share == 20.0
    # Both steps are overdue: the second one comes when the first one was seen.
    canary = replace(canary, share=20.0)
    guard.follow(canary)
    assert due(canary, 3 * hour, guard.evidence()) is None
    guard.look(SECOND, Figures(Side(80), Side(ENOUGH)))
    assert due(canary, 3 * hour, guard.evidence()) is not None
    guard.feed(events("error", 3, 0))
    assert "waits" in str(held(canary, 3 * hour, guard.evidence()))
    assert due(canary, 3 * hour, guard.evidence()) is None
    assert plan_sentence(canary) == "ramp: 20 % now, 50 % Thu 02:00"
    assert due(replace(canary, share=50.0), 9 * hour, guard.evidence()) is None
