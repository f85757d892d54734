"""The tables: whatever the batches in which lines arrive, the public views come out equal."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mlops_lab.data.tables import TABLES
from mlops_lab.tracking import TABLES as TRACKING

Line = tuple[str, int, dict[str, Any]]
RUNS = ["a" * 32, "b" * 32]


def digest(n: int) -> str:
    return f"b3-{n:064x}"


def history() -> list[Line]:
    """Two datasets with aliases that move, suites that change their minds, a delete, and inputs."""
    rng = random.Random(5)
    said: list[dict[str, Any]] = []
    for n in range(1, 13):
        name = ("flights", "weather")[n % 2]
        version = (n + 1) // 2
        checks = [
            {"suite": name, "suite_digest": digest(900), "state": rng.choice(
                ["passed", "warned", "blocked"]), "failed": 1, "result": digest(800 + n)}
        ]  # fmt: skip
        commit = {
            "dataset": name, "version": version, "digest": digest(n), "kind": "file",
            "file": "a.csv", "tree": False, "files": 1, "size": 10 * n, "rows": n, "columns": 2,
            "profile": digest(700 + n), "source": {"path": "a.csv"}, "note": None,
            "run": rng.choice([None, *RUNS]), "alias": rng.choice([None, "train"]),
            "checks": checks,
        }  # fmt: skip
        said.append({"kind": "dataset.commit", "data": commit})
        if n % 3 == 0:
            again = {**commit, "run": RUNS[0], "alias": None, "checks": []}
            said.append({"kind": "dataset.commit", "data": again})
        if n % 4 == 0:
            said.append({"kind": "dataset.check", "data": {
                "dataset": name, "version": version, "digest": digest(n), **checks[0],
                "state": "passed", "failed": 0}})  # fmt: skip
        if n % 5 == 0:
            moved = {"dataset": name, "alias": "train", "version": rng.choice([None, version])}
            said.append({"kind": "dataset.alias", "data": moved})
    said.append({"kind": "dataset.delete", "data": {"dataset": "flights", "version": 2}})
    lines: list[Line] = [
        ("decisions", 100 * n, {"t": 1000 + n, "by": {"id": "mara"}, **one})
        for n, one in enumerate(said)
    ]
    for n, run in enumerate(RUNS):
        lines.append(("w1", n, {"e": "run", "r": run, "t": n + 1, "name": f"run-{n}",
                                "status": "running"}))  # fmt: skip
        for k in range(5):
            given: dict[str, Any] = (
                {"dataset": "flights", "version": k % 3 + 1, "digest": digest(k)}
                if k < 3
                else {"model": "delay", "version": 1, "digest": digest(50)}
                if k == 3
                else {"external": {"name": "x.csv", "digest": digest(60), "source": "x.csv"}}
            )
            line = {"e": "input", "r": run, "t": 2000 + k, "role": rng.choice([None, "train"])}
            lines.append((f"w{k % 2 + 1}", 10 + 10 * n + k, {**line, **given}))
    return lines


def fold(path: Path, batches: Iterable[list[Line]]) -> dict[str, list[str]]:
    connection = duckdb.connect()
    connection.execute(f"attach '{path}' as lab")
    concepts = (TRACKING, TABLES)
    for concept in concepts:
        connection.execute(concept.ddl)
    for concept in concepts:
        for name, sql in concept.views.items():
            connection.execute(f"create view lab.{name} as {sql}")
    for batch in batches:
        connection.execute(
            "create or replace temp table lines(writer varchar, off bigint, t bigint, "
            "kind varchar, run varchar, line json)"
        )
        rows = [
            (writer, off, line["t"], line.get("e") or line["kind"],
             line.get("r") or line["data"].get("run"), json.dumps(line))
            for writer, off, line in batch
        ]  # fmt: skip
        connection.executemany("insert into lines values (?, ?, ?, ?, ?, ?)", rows)
        kinds = {row[3] for row in rows}
        for concept in concepts:
            for one in concept.folds:
                if kinds & set(one.kinds):
                    connection.execute(one.sql)
    found = {
        name: sorted(map(repr, connection.execute(f"from lab.{name}").fetchall()))
        for name in TABLES.views
    }
    for name, sql in (("nodes", TABLES.nodes), ("edges", TABLES.edges), ("of", TABLES.objects)):
        assert sql is not None
        found[name] = sorted(map(repr, connection.execute(sql).fetchall()))
    connection.close()
    return found


def test_the_order_of_arrival_does_not_matter(tmp_path: Path) -> None:
    lines = history()
    expected = fold(tmp_path / "all.duckdb", [lines])
    assert expected["datasets"]
    assert len(expected["inputs"]) == 10
    rng = random.Random(6)
    for n in range(6):
        shuffled = rng.sample(lines, len(lines))
        cuts = sorted(rng.sample(range(1, len(lines)), 5))
        batches = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
        assert fold(tmp_path / f"{n}.duckdb", batches) == expected


@pytest.mark.parametrize(
    ("states", "latest"),
    [
        (["passed", "passed"], 2),
        (["passed", "blocked"], 1),
        (["blocked", "warned"], 2),
        (["blocked", "blocked"], None),
    ],
)
def test_the_latest_is_the_newest_that_nothing_blocks(
    tmp_path: Path, states: list[str], latest: int | None
) -> None:
    lines: list[Line] = []
    for n, state in enumerate(states, start=1):
        data = {"dataset": "x", "version": n, "digest": digest(n), "kind": "file", "file": "a",
                "files": 1, "size": 1, "source": {},
                "checks": [{"suite": "x", "state": state, "failed": 1}]}  # fmt: skip
        lines.append(("decisions", n, {"t": n, "by": {"id": "mara"}, "kind": "dataset.commit",
                                       "data": data}))  # fmt: skip
    path = tmp_path / "x.duckdb"
    fold(path, [lines])
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as lab (read_only)")
        assert connection.execute("select latest from lab.datasets").fetchall() == [(latest,)]
