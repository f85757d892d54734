from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.orchestration.graph import find_cycle, order

NAMES = [f"s{index}" for index in range(8)]
graphs = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3), min_size=1
).map(lambda needs: {step: [one for one in found if one in needs] for step, found in needs.items()})


@given(graphs)
def test_there_is_an_order_exactly_when_there_is_no_cycle(needs: dict[str, list[str]]) -> None:
    cycle = find_cycle(needs)

    if cycle is None:
        steps = order(needs)
        assert sorted(steps) == sorted(needs)
        assert all(
            steps.index(needed) < steps.index(step) for step in needs for needed in needs[step]
        )
    else:
        assert cycle[0] == cycle[-1]
        assert all(after in needs[before] for before, after in pairwise(cycle))


def test_a_chain_of_thousands_costs_no_recursion() -> None:
    needs = {str(step): [str(step + 1)] if step < 3000 else [] for step in range(3001)}

    assert find_cycle(needs) is None


def test_free_steps_keep_the_order_of_the_file() -> None:
    assert order({"c": [], "a": ["b"], "b": [], "d": []}) == ["c", "b", "a", "d"]
