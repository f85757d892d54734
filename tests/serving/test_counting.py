"""What is counted arrives once, whenever reports are taken."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.serving.counting import Counts

answers = st.tuples(
    st.sampled_from(["stable", "canary"]), st.sampled_from([200, 400, 429, 500, 504]), st.booleans()
)


@given(st.lists(answers, max_size=40))
def test_reports_add_up_to_the_totals_also_when_some_are_not_taken(
    given_answers: list[tuple[str, int, bool]],
) -> None:
    counts = Counts()
    told: dict[str, Counter[str]] = {}
    latencies: Counter[int] = Counter()

    def report() -> None:
        since, latency, _ = counts.since()
        for role, more in since.items():
            told.setdefault(role, Counter()).update(more)
        latencies.update(dict(latency))
        counts.told()

    for role, status, taken in given_answers:
        counts.answered(role, status, 2, 0.01)
        counts.since()
        if taken:
            report()
    report()
    assert told == {role: +counted for role, counted in counts.totals.roles.items()}
    assert latencies == counts.totals.latency
    assert sum(one["requests"] for one in told.values()) == len(given_answers)
    errors = sum(status >= 500 for _, status, _ in given_answers)
    assert sum(one["errors"] for one in told.values()) == errors


def test_bad_events_are_told_once() -> None:
    counts = Counts()
    counts.bad(("error", "r2", "3c976e1308e9e188"))
    assert counts.since()[2] == [("error", "r2", "3c976e1308e9e188")]
    counts.told()
    assert counts.since()[2] == []
