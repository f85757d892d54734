"""What follows from decisions: pure, so tried with many histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.registry.state import Event, ModelState, VersionRow

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
VERSIONS = range(1, 5)


def row(version: int) -> VersionRow:
    return VersionRow(
        "late",
        version,
        f"b3-{version:064x}",
        None,
        None,
        "sklearn",
        False,
        9,
        NOON,
        "mara",
        None,
        "",
        version,
    )


class Story:
    """A model whose champion is moved about, as the manager would move it."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @property
    def state(self) -> ModelState:
        return ModelState("late", {v: row(v) for v in VERSIONS}, tuple(self.events))

    def move(self, version: int | None, how: str) -> None:
        n = len(self.events) + 10
        digest = None if version is None else row(version).digest
        at = NOON + timedelta(minutes=n)
        self.events.append(
            Event(n, at, "ivo", "model.alias", version, "champion", digest, {"how": how})
        )

    def act(self, what: int) -> None:
        state = self.state
        if what in VERSIONS:
            if state.aliases.get("champion") != what:
                self.move(what, "promote")
        elif what == 0:
            if back := state.before("champion"):
                self.move(back[0], "rollback")
        elif "champion" in state.aliases:
            self.move(None, "remove")


# 1 to 4 promote that version, 0 rolls back, 5 takes the alias away.
stories = st.lists(st.integers(0, 5), max_size=25)


def told(story: list[int]) -> Story:
    made = Story()
    for what in story:
        made.act(what)
    return made


@given(stories)
def test_history_has_no_gap_and_no_overlap(story: list[int]) -> None:
    moves = told(story).state.history("champion")
    assert [one.until for one in moves[:-1]] == [one.since for one in moves[1:]]
    assert [one.until for one in moves[-1:]] == [None] * len(moves[-1:])


@given(stories)
def test_rollback_leads_to_one_that_was_champion_and_is_not(story: list[int]) -> None:
    made = told(story)
    state = made.state
    before = state.before("champion")
    assert state.aliases.get("champion") not in before
    assert len(set(before)) == len(before)
    assert set(before) <= {one.version for one in state.history("champion")}


@given(stories)
def test_rolling_back_comes_to_an_end(story: list[int]) -> None:
    made = told(story)
    held = []
    while back := made.state.before("champion"):
        held.append(back[0])
        made.act(0)
        assert made.state.aliases["champion"] == back[0]
    assert len(held) <= len(story)


@given(stories, st.sampled_from(VERSIONS))
def test_a_rollback_undoes_a_promotion(story: list[int], version: int) -> None:
    made = told(story)
    was = made.state.aliases.get("champion")
    if was in (None, version):
        return
    made.move(version, "promote")
    made.act(0)
    assert made.state.aliases["champion"] == was


@given(stories)
def test_what_was_taken_away_comes_back_first(story: list[int]) -> None:
    made = told(story)
    was = made.state.aliases.get("champion")
    if was is None:
        return
    made.move(None, "remove")
    made.act(0)
    assert made.state.aliases["champion"] == was
