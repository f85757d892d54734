import os
import random
import stat
import threading
from pathlib import Path

import pytest

from mlops_lab.errors import Corrupt
from mlops_lab.serving.records import Kind, Rollout
from mlops_lab.serving.rollouts import cookies
from mlops_lab.serving.rollouts.routing import (
    LONGEST_UNIT,
    Table,
    place,
    route,
    shadowed,
    unit_key,
    unit_of,
    unit_of_column,
    variant,
)

USERS = [f"N{n}" for n in range(100_000)]


def table(kind: Kind = "canary", share: float = 5.0) -> Table:
    rollout = Rollout("a" * 32, kind, candidate="r2", base="r1", share=share, salt="s")
    return Table(1, "r1", "r1", rollout=rollout)


def test_a_share_is_kept_and_raising_it_moves_nobody_out() -> None:
    inside = {share: {u for u in USERS if variant("s", u, share)} for share in (5.0, 10.0, 50.0)}
    assert len(inside[5.0]) / len(USERS) == pytest.approx(0.05, abs=0.002)
    assert inside[5.0] < inside[10.0] < inside[50.0]
    assert not any(variant("s", u, 0.0) for u in USERS[:1000])
    assert all(variant("s", u, 100.0) for u in USERS[:1000])


def test_rollouts_draw_independently() -> None:
    first = {u for u in USERS if variant("one", u, 10.0)}
    both = sum(variant("two", u, 10.0) for u in first)
    assert both / len(first) == pytest.approx(0.1, abs=0.01)


def test_a_place_is_below_one_for_any_text() -> None:
    for unit in ("", "\x00", "é" * 1000, "\udcff", "🛩"):
        assert 0.0 <= place("s", unit) < 1.0
        assert unit_key("s", unit) == unit_key("s", unit)
    assert unit_key("a", "bc") != unit_key("ab", "c")


def test_roles_and_what_counts() -> None:
    inside = next(u for u in USERS if variant("s", u, 5.0))
    outside = next(u for u in USERS if not variant("s", u, 5.0))
    assert route(table(), inside, random.random) == ("r2", "canary", True)
    assert route(table(), outside, random.random) == ("r1", "stable", True)
    # Both sides of an A/B test are stable; without a unit it is drawn, and not compared.
    assert route(table("ab"), inside, random.random) == ("r2", "stable", True)
    assert route(table("ab"), None, lambda: 0.01) == ("r2", "stable", False)
    assert route(table("ab"), None, lambda: 0.99) == ("r1", "stable", False)
    # A shadow answers nobody.
    assert route(table("shadow"), inside, random.random) == ("r1", "stable", False)
    assert shadowed(table("shadow"), inside, random.random) == "r2"
    assert shadowed(table("shadow"), outside, random.random) is None
    assert shadowed(table(), inside, random.random) is None
    assert route(Table(1, "r1", "r1"), inside, random.random) == ("r1", "stable", False)


def test_a_table_survives_json() -> None:
    full = Table(
        7,
        "r2",
        "r1",
        roles={"r1": "stable", "r2": "canary"},
        sockets={"r2": ("/tmp/a", "/tmp/b")},
        rollout=Rollout("b" * 32, "canary", "r2", "r1", 5.0, by="tailnum", ramp=((9, 20.0),)),
        versions={"r1": "flight-delay@5"},
        slow_ms=80.0,
    )
    assert Table.from_json(full.to_json()) == full
    for wrong in (None, [], {}, {"seq": "x", "self": 1, "stable": "r1"}):
        with pytest.raises(Corrupt):
            Table.from_json(wrong)


def test_the_unit_is_the_first_that_is_said() -> None:
    assert unit_of(header="h", parameter="p", column="c", cookie="k") == "h"
    assert unit_of(parameter=7, column="c") == "7"
    assert unit_of(parameter={"odd": 1}, column="c", cookie="k") == "c"
    assert unit_of(header="", parameter="") is None
    long = unit_of(header="x" * (LONGEST_UNIT + 1))
    assert long is not None
    assert len(long) < 20
    assert long != unit_of(header="x" * (LONGEST_UNIT + 2))


def test_the_rows_of_a_request_share_a_unit_or_have_none() -> None:
    import numpy as np
    import pandas as pd

    assert unit_of_column(np.array([7, 7])) == unit_of_column(np.array([7.0])) == "7"
    assert unit_of_column(pd.Series(["a", "b"])) is None
    for missing in (None, float("nan"), pd.NA, pd.NaT, np.nan):
        assert unit_of_column(["a", missing]) is None
        assert unit_of_column([missing]) is None
    assert unit_of_column(["nan"]) == "nan"
    assert unit_of_column([]) is None


def test_a_cookie_holds_only_with_its_signature(tmp_path: Path) -> None:
    path = tmp_path / "endpoints" / "delay.cookie"
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(cookies.key_at(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["delay.cookie"]
    unit = cookies.new_unit()
    cookie = cookies.cookie_of(keys[0], unit)
    assert cookies.unit_in(keys[0], cookie) == unit
    assert cookie in cookies.set_cookie(keys[0], unit)
    for forged in (
        None,
        "",
        ".",
        unit,
        f"{unit}.",
        f"x{cookie}",
        cookie[:-1],
        "\udcff.é",
        f".{cookie}",
    ):
        assert cookies.unit_in(keys[0], forged) is None
