"""Alarms of one cause are one incident, from its first alert to its second quiet chunk."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.monitoring.incidents import Cause, episodes


def spans(lines: dict[str, str], epochs: str | None = None, begins: str = "a") -> list[str]:
    size = len(next(iter(lines.values())))
    found = episodes(Cause("drift", "drift", lines, begins), list(epochs or "-" * size), 2)
    return [
        f"{one.first}-{one.last} {','.join(one.members)}{'' if one.open else ' over'}"
        for one in found
    ]


@pytest.mark.parametrize(
    ("lines", "epochs", "expected"),
    [
        ({"a": "oooo"}, None, []),
        ({"a": "owowo"}, None, []),  # warnings alone are none
        ({"a": "owaoo"}, None, ["2-2 a over"]),
        ({"a": "owaow"}, None, ["2-4 a"]),  # a warning keeps it open
        ({"a": "owaowoo"}, None, ["2-4 a over"]),
        ({"a": "aooaoo"}, None, ["0-0 a over", "3-3 a over"]),
        ({"a": "aosho"}, None, ["0-0 a over"]),  # what is not judged is neither
        ({"a": "ashh"}, None, ["0-0 a"]),
        ({"a": "aao", "b": "oaa"}, None, ["0-2 a,b"]),
        ({"a": "aoo", "b": "www"}, None, ["0-0 a over"]),  # another's warnings do not prolong it
        ({"a": "aaaa"}, "1122", ["0-1 a over", "2-3 a"]),  # a promotion ends it
    ],
)
def test_episodes(lines: dict[str, str], epochs: str | None, expected: list[str]) -> None:
    assert spans(lines, epochs) == expected


def test_a_shock_is_told_at_its_first_warning() -> None:
    assert spans({"log_loss": "owoo"}, begins="wa") == ["1-1 log_loss over"]


@given(st.lists(st.text("owashq-", min_size=12, max_size=12), min_size=1, max_size=4))
def test_every_alert_is_in_exactly_one_incident(lines: list[str]) -> None:
    named = {str(place): line for place, line in enumerate(lines)}
    found = episodes(Cause("drift", "drift", named), [None] * 12, 2)
    for name, line in named.items():
        for place, letter in enumerate(line):
            holding = [one for one in found if place in one.loud.get(name, [])]
            assert len(holding) == (letter == "a") or (letter == "w" and len(holding) < 2)
    assert all(one.first <= one.last for one in found)
    assert [one.open for one in found[:-1]] == [False] * (len(found) - 1)
    assert all(one.last < two.first for one, two in pairwise(found))


@given(st.text("owash", min_size=4, max_size=20), st.integers(1, 20))
def test_what_began_stays_when_more_is_seen(line: str, size: int) -> None:
    cause = Cause("drift", "drift", {"a": line})
    whole = episodes(cause, [None] * len(line), 2)
    size = min(size, len(line))
    start = episodes(Cause("drift", "drift", {"a": line[:size]}), [None] * size, 2)
    assert [one.first for one in start] == [one.first for one in whole if one.first < size]
