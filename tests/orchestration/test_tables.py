from __future__ import annotations

from itertools import permutations

import pytest

LINES = [
    {"i": 0, "kind": "metric", "expression": "a.x > 1", "state": "rejected", "sentence": "old"},
    {"i": 0, "kind": "metric", "expression": "a.x > 1", "state": "passed", "sentence": "new"},
    {"i": 1, "kind": "metric", "expression": "a.y > 1", "state": "rejected", "sentence": "y",
     "left": float("nan"), "right": 1.0},
]  # fmt: skip


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
def test_the_latest_line_of_a_gate_counts_in_whatever_order_they_arrive(workshop, arrival) -> None:
    project = workshop.project
    run_id = project.runs.start(name="p", kind="pipeline")

    for index in arrival:
        project.store.append({"e": "gate", "r": run_id, "t": 1_000_000 + index, **LINES[index]})

    gates = project.pipelines.gates(run_id)
    assert [(gate.index, gate.state, gate.sentence) for gate in gates] == [
        (0, "passed", "new"),
        (1, "rejected", "y"),
    ]
    assert (gates[0].left, gates[1].right) == (None, 1.0)
    assert gates[1].left != gates[1].left
    rows = project.store.query("select run_id, state from lab.gates order by index")
    assert rows == [(run_id, "passed"), (run_id, "rejected")]
    project.runs.end(run_id)
