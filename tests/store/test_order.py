"""Fold order must not matter: any interleaving of writing and folding gives equal public views."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_lab.orchestration.tables import TABLES as ORCHESTRATION
from mlops_lab.store import Store
from mlops_lab.store.lock import HeldLock
from mlops_lab.tracking.tables import TABLES as TRACKING

RUNS = [f"{number:032x}" for number in range(3)]
WRITERS = ["w0", "w1", "w2"]
BY = {"id": "ada", "via": "test"}

# Few times, so that lines compete; what is the same everywhere is settled by writer and place.
times = st.integers(1, 4).map(lambda number: 1_700_000_000_000_000 + number)
runs = st.sampled_from(RUNS)
keys = st.sampled_from(["loss", "val/loss", "ä b"])
values = st.sampled_from([0.5, -1.0, 3.0, 1e300, "NaN", "Infinity", "-Infinity"])


def line(event: str, /, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"e": st.just(event), "r": runs, "t": times, **members})


lines = st.one_of(
    line(
        "run",
        name=st.sampled_from(["one", "two"]),
        experiment=st.sampled_from(["Default", "flights"]),
        kind=st.just("training"),
        parent=st.sampled_from([None, RUNS[0]]),
        author=st.sampled_from(["ada", "bob"]),
        status=st.sampled_from(["running", "scheduled"]),
        source=st.fixed_dictionaries({"notebook": st.sampled_from(["a.ipynb", "b.ipynb"])}),
    ),
    line(
        "end",
        status=st.sampled_from(["finished", "failed"]),
        outcome=st.sampled_from([None, "passed"]),
    ),
    line("param", k=st.dictionaries(keys, st.sampled_from([1, 0.5, "x", None, True]), max_size=2)),
    line("metric", s=st.integers(-2, 3), m=st.dictionaries(keys, values, max_size=2)),
    line("metric", s=st.integers(-2, 3), m=st.dictionaries(keys, values, max_size=2)),
    line("tag", k=st.dictionaries(st.sampled_from(["team", "mlops.name", "mlops.star"]), keys)),
    line("untag", k=st.lists(st.sampled_from(["team", "mlops.name", "mlops.star"]), max_size=2)),
    line("note", text=keys),
    line("artifact", path=keys, digest=keys, size=st.integers(0, 9), kind=st.just("file")),
    line("cell", c=keys, i=st.integers(1, 2), n=st.just(2), state=st.just("done"), s=values),
    line("gate", i=st.integers(1, 2), kind=st.just("metric"), state=st.just("passed")),
)
decisions = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["run.delete", "run.restore"]),
        "runs": st.lists(runs, min_size=1, max_size=2, unique=True),
    }
)
# One event: a line of a writer, a decision, or a fold (None).
events = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(WRITERS), lines),
        st.tuples(st.just("decisions"), decisions),
        st.none(),
    ),
    max_size=25,
)


class Play:
    """Writers whose lines are written, and folded, in a given order."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.store = Store(root, [TRACKING, ORCHESTRATION])
        self._folder = self.store.dir / "journal"
        self._locks = {name: HeldLock(self._folder / f"{name}.lock") for name in WRITERS}
        self._decided = 0

    def write(self, writer: str, event: dict[str, Any]) -> None:
        if writer == "decisions":
            self._decided += 1
            kind = event["kind"]
            event = {"v": 1, "n": self._decided, "t": 1_700_000_000_000_000 + self._decided,
                     "by": BY, "kind": kind, "data": {"runs": event["runs"]},
                     "prev": ""}  # fmt: skip
            path = self.store.dir / "decisions.jsonl"
        else:
            path = self._folder / f"{writer}.jsonl"
        with path.open("a") as file:
            file.write(json.dumps(event) + "\n")

    def die(self, writers: Sequence[str]) -> None:
        for writer in writers:
            self._locks[writer].close()

    def views(self) -> dict[str, list[tuple[Any, ...]]]:
        self.store.fold(force=True)
        found = {}
        for name in (*TRACKING.views, *ORCHESTRATION.views):
            rows = self.store.query(f"select * from lab.{name} order by all", fresh=False)
            found[name] = [tuple(map(_plain, row)) for row in rows]
        return found

    def close(self) -> None:
        self.die(WRITERS)
        self.store.close()


def _plain(value: Any) -> Any:
    """Equal where it means the same: NaN is NaN, and a mean may differ in its last bit."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else float(f"{value:.12g}")
    return value


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(events=events, dead=st.lists(st.sampled_from(WRITERS), unique=True), seed=st.randoms())
def test_any_order_of_folds_gives_equal_views(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[str, dict[str, Any]] | None],
    dead: list[str],
    seed: Any,
) -> None:
    folder = tmp_path_factory.mktemp("order")
    bite_by_bite, at_once = Play(folder / "a"), Play(folder / "b")
    try:
        for event in events:
            if event is None:
                bite_by_bite.store.fold(force=True)
            else:
                bite_by_bite.write(*event)
        # The other one sees the writers' lines in another interleaving, all before its only fold.
        queues = {
            writer: [event for event in events if event is not None and event[0] == writer]
            for writer in (*WRITERS, "decisions")
        }
        while waiting := [writer for writer, queue in queues.items() if queue]:
            at_once.write(*queues[seed.choice(waiting)].pop(0))
        bite_by_bite.die(dead)
        at_once.die(dead)
        expected = at_once.views()
        assert bite_by_bite.views() == expected
        bite_by_bite.store.rebuild()
        assert bite_by_bite.views() == expected
    finally:
        bite_by_bite.close()
        at_once.close()
