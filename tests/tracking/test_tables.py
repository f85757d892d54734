"""The tables: whatever the order in which lines arrive, the public views come out equal."""

import json
import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mlops_lab.tracking.tables import TABLES

A, B, C = "a" * 32, "b" * 32, "c" * 32
Line = tuple[str, int, dict[str, Any]]


class Index:
    """An index file and the way in which the store folds into it."""

    def __init__(self, path: Path) -> None:
        self.connection = duckdb.connect()
        self.connection.execute(f"attach '{path}' as lab")
        self.connection.execute(TABLES.ddl)
        for name, sql in TABLES.views.items():
            self.connection.execute(f"create view lab.{name} as {sql}")

    def fold(
        self, lines: Iterable[Line], dead: Sequence[str] = (), alive: Sequence[str] = ()
    ) -> None:
        rows = [
            (writer, off, line["t"], line.get("e") or line["kind"], line.get("r"), json.dumps(line))
            for writer, off, line in lines
        ]
        run = self.connection.execute
        run("""create or replace temp table lines(writer varchar, off bigint, t bigint,
                                                  kind varchar, run varchar, line json)""")
        if rows:
            self.connection.executemany("insert into lines values (?, ?, ?, ?, ?, ?)", rows)
        for name, writers in (("dead", dead), ("alive", alive)):
            run(f"create or replace temp table {name}(writer varchar)")
            run(f"insert into {name} select unnest(?::varchar[])", [list(writers)])
        kinds = {row[3] for row in rows}
        run("begin")
        try:
            for fold in TABLES.folds:
                if kinds & set(fold.kinds):
                    run(fold.sql)
            run(TABLES.deaths or "")
            run("commit")
        except duckdb.Error:
            run("rollback")
            raise

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def views(self) -> dict[str, list[str]]:
        """Every public view as sorted text; a sum of floats is equal to twelve digits."""
        found = {}
        for name in TABLES.views:
            rows = self.rows(f"from lab.{name}")
            found[name] = sorted(
                repr(
                    [
                        float(f"{v:.12g}") if isinstance(v, float) and math.isfinite(v) else v
                        for v in row
                    ]
                )
                for row in rows
            )
        return found


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index.duckdb")


def run_line(run: str = A, t: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "e": "run",
        "r": run,
        "t": t,
        "name": "gbm",
        "experiment": "flight",
        "status": "running",
        **more,
    }


def metric(
    value: Any, step: Any = 0, t: int = 5, key: str = "loss", run: str = A
) -> dict[str, Any]:
    return {"e": "metric", "r": run, "t": t, "s": step, "m": {key: value}}


def numbered(lines: Iterable[dict[str, Any]], writer: str = "w") -> list[Line]:
    return [(writer, off, line) for off, line in enumerate(lines)]


def history_of_everything(seed: int) -> list[Line]:
    """Lines of three runs by three writers, with times that tie."""
    chance = random.Random(seed)
    lines: list[Line] = [
        (
            "decisions",
            1,
            {"kind": "experiment.create", "t": 1, "data": {"id": "1", "name": "flight"}},
        )
    ]
    for writer in ("w1", "w2", "w3"):
        made: list[dict[str, Any]] = []
        for _ in range(40):
            run, t = chance.choice((A, B, C)), chance.randrange(1, 12)
            made.append(
                chance.choice(
                    (
                        run_line(
                            run,
                            t,
                            name=chance.choice(("x", "y", None)),
                            parent=chance.choice((None, A)),
                            status=chance.choice(("running", "scheduled")),
                        ),
                        {
                            "e": "end",
                            "r": run,
                            "t": t,
                            "c": f"c{t}",
                            "status": chance.choice(("finished", "failed")),
                            "outcome": chance.choice((None, "passed", "waiting")),
                        },
                        {"e": "param", "r": run, "t": t, "k": {"lr": chance.random(), "n": t}},
                        metric(
                            chance.choice((0.1, 0.7, "NaN", "Infinity", -3)),
                            chance.randrange(4),
                            t,
                            chance.choice(("auc", "loss")),
                            run,
                        ),
                        {
                            "e": "tag",
                            "r": run,
                            "t": t,
                            "k": {"team": chance.choice("ab"), "mlops.star": "true"},
                        },
                        {"e": "tag", "r": run, "t": t, "k": {"mlops.name": f"named {t}"}},
                        {"e": "untag", "r": run, "t": t, "k": ["mlops.name", "team"]},
                        {
                            "e": "artifact",
                            "r": run,
                            "t": t,
                            "path": "p",
                            "digest": f"b3-{t:064x}",
                            "size": t,
                            "media": "text/plain",
                            "environment": {"commit": f"{t}", "dirty": True, "python": "3.11"},
                        },
                        {
                            "e": "cell",
                            "r": run,
                            "t": t,
                            "c": "c1",
                            "i": 1,
                            "n": 2,
                            "state": chance.choice(("running", "done")),
                        },
                        {"e": "note", "r": run, "t": t, "text": f"n{t}"},
                    )
                )
            )
        lines += numbered(made, writer)
    return [
        *lines,
        ("decisions", 2, {"kind": "run.delete", "t": 5, "data": {"runs": [A, B]}}),
        ("decisions", 3, {"kind": "run.restore", "t": 5, "data": {"runs": [B]}}),
        ("decisions", 4, settling("model.reject", B, "rejected")),
        ("decisions", 5, settling("model.approve", C, "passed")),
        ("decisions", 6, settling("model.alias", B, "passed")),
    ]


def settling(kind: str, run: str | None, outcome: str, t: int = 5) -> dict[str, Any]:
    """A decision about a model that settles what a run waits for."""
    settles = None if run is None else {"run": run, "outcome": outcome, "reason": f"{kind}."}
    return {"kind": kind, "t": t, "data": {"model": "m", "version": 1, "settles": settles}}


@pytest.mark.parametrize("seed", range(4))
def test_views_are_equal_in_any_order_and_any_batches(seed: int, tmp_path: Path) -> None:
    lines = history_of_everything(seed)
    expected = Index(tmp_path / "0.duckdb")
    expected.fold(lines, dead=["w1"], alive=["w2", "w3"])
    chance = random.Random(seed + 1000)
    for attempt in range(2):
        shuffled = lines[:]
        chance.shuffle(shuffled)
        other = Index(tmp_path / f"{attempt + 1}.duckdb")
        while shuffled:
            size = chance.randrange(1, 60)
            other.fold(shuffled[:size], alive=["w1", "w2", "w3"])
            shuffled = shuffled[size:]
        other.fold([], dead=["w1"], alive=["w2", "w3"])
        assert other.views() == expected.views()


def test_views_name_every_public_view(index: Index) -> None:
    assert sorted(TABLES.views) == [
        "artifacts",
        "cells",
        "experiments",
        "history",
        "metrics",
        "notes",
        "params",
        "runs",
        "tags",
    ]


def test_best_min_and_max_are_over_finite_values_and_nan_is_counted(index: Index) -> None:
    values = [0.5, "NaN", "Infinity", 0.2, "-Infinity"]
    index.fold(numbered([run_line(), *(metric(v, s, 5 + s) for s, v in enumerate(values))]))
    found = index.rows("select n, min, min_step, max, max_step, mean, not_finite from lab.metrics")
    assert found == [(5, 0.2, 3, 0.5, 0, 0.35, 3)]
    assert index.rows("select last from lab.metrics") == [(-math.inf,)]
    assert len(index.rows("from lab.history")) == 5


def test_metric_that_is_never_finite_has_no_best(index: Index) -> None:
    index.fold(numbered([run_line(), metric("NaN", 0), metric("NaN", 1)]))
    assert index.rows("select min, max, mean, not_finite from lab.metrics") == [(None,) * 3 + (2,)]


def test_last_is_by_step_then_time_then_value(index: Index) -> None:
    index.fold(
        numbered(
            [run_line(), metric(0.9, 2, 5), metric(0.1, 1, 9), metric(0.4, 2, 7), metric(0.3, 2, 7)]
        )
    )
    assert index.rows("select last, last_step from lab.metrics") == [(0.4, 2)]


def test_extremes_name_the_first_step_that_reached_them(index: Index) -> None:
    index.fold(numbered([run_line(), metric(1, 5), metric(1, 3)]))
    index.fold([("w", 9, metric(1, 4)), ("w", 10, metric(0, 8)), ("w", 11, metric(0, 9))])
    assert index.rows("select min_step, max_step from lab.metrics") == [(8, 3)]


@pytest.mark.parametrize(
    "bad", [metric("high"), metric(1, 1.5), metric(None), {"e": "metric", "r": A, "t": 1, "m": [1]}]
)
def test_bent_metric_line_is_refused_not_bent(index: Index, bad: dict[str, Any]) -> None:
    with pytest.raises(duckdb.Error):
        index.fold(numbered([run_line(), bad]))
    assert index.rows("from lab.history") == []


@pytest.mark.parametrize(
    "bad",
    [
        {"e": "run", "status": "paused"},
        {"e": "end", "status": "done"},
        {"e": "end", "status": "finished", "outcome": "maybe"},
        {"e": "artifact", "path": "a", "digest": "b3-1"},
        {"e": "artifact", "path": "a", "digest": "../../etc/passwd"},
        {"e": "artifact", "path": "../a", "digest": f"b3-{1:064x}"},
        {"e": "artifact", "path": "a/../../b", "digest": f"b3-{1:064x}"},
        {"e": "artifact", "path": "/a", "digest": f"b3-{1:064x}"},
        {"e": "artifact", "digest": f"b3-{1:064x}"},
    ],
)
def test_line_that_would_break_what_shows_it_is_refused(index: Index, bad: dict[str, Any]) -> None:
    with pytest.raises(duckdb.Error, match=r"no such status|path inside the run"):
        index.fold(numbered([run_line(), {"r": A, "t": 2, **bad}]))
    index.fold(numbered([run_line()]))
    assert index.rows("select status from lab.runs") == [("running",)]


def test_param_keeps_text_type_and_number(index: Index) -> None:
    index.fold(
        numbered(
            [
                run_line(),
                {
                    "e": "param",
                    "r": A,
                    "t": 2,
                    "k": {
                        "f": 0.5,
                        "i": 3,
                        "s": "6",
                        "t": "six",
                        "b": True,
                        "n": None,
                        "l": [1, "a"],
                        "nan": "NaN",
                    },
                },
            ]
        )
    )
    found = {
        row[0]: row[1:] for row in index.rows("select key, value, type, number from lab.params")
    }
    assert found == {
        "f": ("0.5", "float", 0.5),
        "i": ("3", "int", 3),
        "s": ("6", "str", 6),
        "t": ("six", "str", None),
        "b": ("True", "bool", None),
        "n": ("None", "null", None),
        "l": ('[1,"a"]', "list", None),
        "nan": ("NaN", "str", None),
    }


def test_changed_param_keeps_both_values_and_shows_the_last(index: Index) -> None:
    lines = [
        {"e": "param", "r": A, "t": t, "k": {"lr": v}, "c": f"c{t}"} for t, v in ((3, 1), (2, 9))
    ]
    index.fold(numbered([run_line(), *lines]))
    assert index.rows("select value from lab.params") == [("1",)]
    assert index.rows("select value, cell from lab.param order by t") == [("9", "c2"), ("1", "c3")]


def test_run_of_a_dead_writer_is_killed_with_its_last_news(index: Index) -> None:
    index.fold(numbered([run_line(), {**metric(1, 40, 9), "c": "cell-7"}]), dead=["w"])
    assert index.rows("select status, epoch_us(ended_at), reason from lab.runs") == [
        ("killed", 9, "Its process is gone.")
    ]
    assert index.rows("select cell.id from lab.run_activity") == [("cell-7",)]


def test_death_is_reversible(index: Index) -> None:
    index.fold(numbered([run_line()]), dead=["w"])
    index.fold([("w", 5, metric(1, 0, 20))], alive=["w"])
    assert index.rows("select status, ended_at, reason from lab.runs") == [("running", None, None)]


def test_death_of_one_who_only_logged_kills_nothing(index: Index) -> None:
    index.fold([("executor", 0, run_line()), ("kernel", 0, metric(1))], dead=["kernel"])
    assert index.rows("select status from lab.runs") == [("running",)]


def test_remote_run_is_judged_by_nobody(index: Index) -> None:
    index.fold(numbered([run_line(owner="remote")]), dead=["w"])
    assert index.rows("select status from lab.runs") == [("running",)]


def test_ended_run_of_a_dead_writer_stays_as_it_ended(index: Index) -> None:
    index.fold(
        numbered([run_line(), {"e": "end", "r": A, "t": 7, "status": "finished"}]), dead=["w"]
    )
    assert index.rows("select status, epoch_us(ended_at) from lab.runs") == [("finished", 7)]


def test_taking_over_a_scheduled_run_moves_its_owner_and_its_start(index: Index) -> None:
    index.fold([("server", 0, run_line(t=1, status="scheduled"))])
    assert index.rows("select status from lab.runs") == [("scheduled",)]
    index.fold([("executor", 0, run_line(t=9, name=None, experiment=None))], dead=["server"])
    assert index.rows("select status, name, epoch_us(started_at) from lab.runs") == [
        ("running", "gbm", 9)
    ]


def test_resumed_run_is_running_again(index: Index) -> None:
    index.fold(
        numbered([run_line(), {"e": "end", "r": A, "t": 5, "status": "failed", "reason": "x"}])
    )
    index.fold([("w2", 0, {"e": "run", "r": A, "t": 8, "status": "running"})])
    assert index.rows(
        "select status, name, ended_at, reason, epoch_us(started_at) from lab.runs"
    ) == [("running", "gbm", None, None, 1)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_what_a_run_waits_for_is_settled_in_whatever_order_the_news_come(
    index: Index, order: tuple[int, ...]
) -> None:
    waits = {"e": "end", "r": A, "t": 9, "status": "finished", "outcome": "waiting", "reason": "w."}
    lines: list[Line] = [
        ("w", 0, run_line()),
        ("w", 1, waits),
        # decided in the moment between the request and the run's own last line
        ("decisions", 3, settling("model.approve", A, "passed", t=8)),
    ]

    for place in order:
        index.fold([lines[place]], alive=["w"])

    assert index.rows("select status, outcome, reason from lab.runs") == [
        ("finished", "passed", "model.approve.")
    ]


def test_only_a_run_that_waits_is_settled(index: Index) -> None:
    end = {"e": "end", "r": A, "t": 9, "status": "finished", "outcome": "rejected", "reason": "r."}
    index.fold(
        [
            *numbered([run_line(), end]),
            ("decisions", 1, settling("model.approve", A, "passed")),
            ("decisions", 2, settling("model.reject", None, "rejected")),
            ("decisions", 3, settling("model.alias", A, "excellent")),
        ]
    )

    assert index.rows("select outcome, reason from lab.runs") == [("rejected", "r.")]


def test_deleted_run_is_in_no_view(index: Index) -> None:
    index.fold([*numbered(history_line for _, _, history_line in history_of_everything(1)[1:-2])])
    index.fold([("decisions", 9, {"kind": "run.delete", "t": 5, "data": {"runs": [A, B, C]}})])
    views = index.views()
    views.pop("experiments")
    assert all(rows == [] for rows in views.values())


def test_names_with_quotes_slashes_and_scripts_stay_as_they_are(index: Index) -> None:
    odd = "a'b\"c/ü日本/\\n`$.x"
    index.fold(
        numbered(
            [
                run_line(name=odd),
                metric(1, key=odd),
                {"e": "param", "r": A, "t": 1, "k": {odd: odd}},
                {"e": "tag", "r": A, "t": 1, "k": {odd: odd}},
            ]
        )
    )
    assert index.rows("select name from lab.runs") == [(odd,)]
    assert index.rows("select key from lab.metrics") == [(odd,)]
    assert index.rows("select key, value from lab.params") == [(odd, odd)]
    assert index.rows("select key, value from lab.tags") == [(odd, odd)]
