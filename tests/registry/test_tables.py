"""The tables: whatever the order in which lines arrive, the same is known in the end."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mlops_lab.data.tables import TABLES as DATA
from mlops_lab.registry.state import read_states
from mlops_lab.registry.tables import EVENTS, TABLES
from mlops_lab.store.layout import ConceptTables, lineage_views
from mlops_lab.tracking.tables import TABLES as TRACKING

CONCEPTS: tuple[ConceptTables, ...] = (TRACKING, DATA, TABLES)
RUNS = ["a" * 32, "b" * 32]
DIGESTS = [f"b3-{n:064x}" for n in range(4)]
Line = tuple[str, int, dict[str, Any]]


class Index:
    """An index file and the way in which the store folds into it."""

    def __init__(self, path: Path) -> None:
        self.connection = duckdb.connect()
        self.connection.execute(f"attach '{path}' as lab")
        for concept in CONCEPTS:
            self.connection.execute(concept.ddl)
        for concept in CONCEPTS:
            for name, sql in concept.views.items():
                self.connection.execute(f"create view lab.{name} as {sql}")
        for name, sql in lineage_views(CONCEPTS).items():
            self.connection.execute(f"create view lab.{name} as {sql}")

    def fold(self, lines: Iterable[Line]) -> None:
        rows = [
            (writer, off, line["t"], line.get("e") or line["kind"], line.get("r"), json.dumps(line))
            for writer, off, line in lines
        ]
        run = self.connection.execute
        run("""create or replace temp table lines(writer varchar, off bigint, t bigint,
                                                  kind varchar, run varchar, line json)""")
        self.connection.executemany("insert into lines values (?, ?, ?, ?, ?, ?)", rows)
        kinds = {row[3] for row in rows}
        for concept in CONCEPTS:
            for fold in concept.folds:
                if kinds & set(fold.kinds):
                    run(fold.sql)

    def known(self) -> dict[str, list[str]]:
        names = [*TABLES.views, "nodes", "edges"]
        found = {
            name: sorted(map(repr, self.connection.execute(f"from lab.{name}").fetchall()))
            for name in names
        }
        found["objects"] = sorted(map(repr, self.connection.execute(TABLES.objects).fetchall()))
        found["states"] = [repr(state) for _, state in sorted(self.states().items())]
        return found

    def states(self) -> dict[str, Any]:
        cursor = self.connection.cursor()
        cursor.execute("set timezone = 'UTC'")
        return read_states(cursor)


def decision(n: int, kind: str, t: int, by: str = "mara", **data: Any) -> Line:
    line = {"n": n, "t": t, "by": {"id": by, "via": "os"}, "kind": kind, "data": data}
    return ("decisions", n * 100, line)


def logged(run: str, t: int, writer: str = "w", off: int = 1, **more: Any) -> Line:
    line = {"e": "model", "r": run, "t": t, "model": f"m-{run}", "name": "model", **more}
    return (writer, off, {"flavor": "sklearn", "digest": DIGESTS[0], "size": 9, **line})


def history_of_everything(seed: int) -> list[Line]:
    """Two runs that keep models again and again, and decisions that nobody would take."""
    chance = random.Random(seed)
    lines: list[Line] = [
        (f"w{place}", 0, {"e": "run", "r": run, "t": 1, "name": "fit", "status": "finished"})
        for place, run in enumerate(RUNS)
    ]
    for off in range(1, 12):
        # Times tie, so writer and offset decide.
        writer, digest = chance.choice("xyz"), chance.choice(DIGESTS)
        lines.append(
            logged(chance.choice(RUNS), chance.randrange(2, 4), writer, off, digest=digest)
        )
    for n in range(1, 60):
        version, digest = chance.randrange(1, 4), chance.choice(DIGESTS[:2])
        about = {"model": "late", "version": version, "digest": digest}
        kind = "model.register" if n < 8 else chance.choice(EVENTS)
        more: dict[str, Any] = {
            "alias": chance.choice(("champion", "staging")),
            "how": chance.choice(("promote", "rollback")),
            "role": "approver",
            "run": chance.choice(RUNS),
            "outcome": chance.choice(("passed", "rejected", "waiting")),
            "promotes": chance.choice((None, {"from": None})),
            "note": str(n),
            "tags": {"a": chance.choice((None, "b"))},
            "sections": {"limitations": str(n)},
        }
        if kind == "model.alias" and chance.random() < 0.2:
            about |= {"version": None, "digest": None}
        lines.append(decision(n, kind, 5, chance.choice(("mara", "ivo")), **about, **more))
    return lines


@pytest.mark.parametrize("seed", range(3))
def test_the_same_is_known_in_any_order_and_any_batches(seed: int, tmp_path: Path) -> None:
    lines = history_of_everything(seed)
    expected = Index(tmp_path / "0.duckdb")
    expected.fold(lines)
    chance = random.Random(seed + 1000)
    shuffled = lines[:]
    chance.shuffle(shuffled)
    other = Index(tmp_path / "1.duckdb")
    while shuffled:
        size = chance.randrange(1, 20)
        other.fold(shuffled[:size])
        shuffled = shuffled[size:]
    assert other.known() == expected.known()
    state = expected.states()["late"]
    assert state.aliases == {alias: moves[-1].version for alias, moves in _moves(state).items()}


def _moves(state: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for move in state.moves:
        found.setdefault(move.alias, []).append(move)
    return {alias: moves for alias, moves in found.items() if moves[-1].version is not None}


@pytest.mark.parametrize(
    "bad",
    [
        {"model": "m-1"},
        {"model": None},
        {"digest": "b3-1"},
        {"digest": "../../etc/passwd"},
    ],
)
def test_a_logged_model_without_ids_is_refused(tmp_path: Path, bad: dict[str, Any]) -> None:
    index = Index(tmp_path / "index.duckdb")
    with pytest.raises(duckdb.Error, match="a logged model has an id"):
        index.fold([logged(RUNS[0], 2, **bad)])


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"model": 7},
        {"model": "late", "version": "one", "digest": DIGESTS[0]},
        {"model": "late", "version": -1, "digest": DIGESTS[0]},
        {"model": "late", "version": 1},
        {"model": {"a": 1}, "version": [1], "digest": None},
    ],
)
def test_a_decision_that_names_no_version_makes_none(tmp_path: Path, data: Any) -> None:
    index = Index(tmp_path / "index.duckdb")
    index.fold([decision(1, "model.register", 5, **data)])
    index.fold([decision(n, kind, 5, **data) for n, kind in enumerate(EVENTS, start=2)])
    assert index.states() == {}


def test_the_first_of_two_lines_for_one_number_counts(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.duckdb")
    about = {"model": "late", "version": 1}
    index.fold([decision(2, "model.register", 5, **about, digest=DIGESTS[1])])
    index.fold([decision(1, "model.register", 5, **about, digest=DIGESTS[0])])
    assert index.states()["late"].versions[1].digest == DIGESTS[0]
    (row,) = index.connection.execute("select digest from lab.model_versions").fetchall()
    assert row == (DIGESTS[0],)
