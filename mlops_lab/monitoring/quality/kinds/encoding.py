"""``encoding``: known categories written in another way: case, spaces, accents, a decimal point."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.wording import counted, listed, quoted, share

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK"]


def _repaired(word: str) -> str:
    """UTF-8 that was read as Latin-1 or Windows-1252, read as it should have been."""
    for wrong in ("cp1252", "latin-1"):
        try:
            return word.encode(wrong).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
    return word


def _plain(word: str) -> str:
    return "".join(
        one for one in unicodedata.normalize("NFKD", word) if not unicodedata.combining(one)
    )


def _whole(word: str) -> str:
    """A whole number without leading zeros and decimal point; other words as they are."""
    head, point, tail = word.strip().lstrip("+").partition(".")
    if not head.isdigit() or (point and tail.strip("0")):
        return word
    return head.lstrip("0") or "0"


WAYS: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("in another case", str.casefold),
    ("with spaces around", str.strip),
    ("in quotes", lambda word: word.strip().strip("'\"")),
    ("with a broken encoding (UTF-8 read as Latin-1)", _repaired),
    ("in another form of Unicode", lambda word: unicodedata.normalize("NFKC", word)),
    ("without accents", _plain),
    ("with or without a decimal point or leading zeros", _whole),
    ("with other signs between", lambda word: "".join(filter(str.isalnum, word)).casefold()),
)
"""How a word can be another one and mean the same, the plainest first."""

CUT: Final = 4
"""Letters that a value has at least, where another one that begins so says that it was cut off."""

SHARE: Final = 0.001
"""Of the rows: a category that is the same as another one is news even where it is rare."""


class Encoding(Check):
    """New categories that are old ones."""

    name = "encoding"
    about = "Categories that are the same as known ones, but for case, spaces or encoding."
    rank = 35

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Look at the new values of each vocabulary."""
        material = looking.material
        for name in material.names:
            grid = material.grids[name]
            if grid.form != "words" or grid.kind not in ("category", "boolean"):
                continue
            known = {way: _folded(fold, grid.words) for way, fold in WAYS}
            first, last = 0, -2
            for place, now, _ in material.places(name, material.policy.small):
                if looking.is_explained(name, place) or not now.examples:
                    continue
                found = _same(now, known)
                if found is None:
                    continue
                way, pairs, rows = found
                if rows < SHARE * now.total:
                    continue
                first, last = (first if last == place - 1 else place), place
                least = "" if rows == now.new else "at least "
                told = [f"{quoted(new)} for {quoted(old)}" for new, old in pairs]
                shown = listed(told, open_end=bool(least))
                worst = now.new >= material.policy.missing_alert * now.total
                yield looking.found(
                    self,
                    "alert" if worst else "warn",
                    f"{name} has known values {way} in {least}{share(rows / now.total)} of the rows"
                    f"{material.since(first, place)}: {shown}. A model takes them for new ones; "
                    "write them as before.",
                    column=name,
                    place=place,
                    value=rows / now.total,
                    usual=0.0,
                    explains=2 * len(pairs) >= len(now.examples),
                )


CHECK = Encoding()


def _folded(fold: Callable[[str], str], words: tuple[str, ...]) -> dict[str, str]:
    """Words by what is left of them; what several share tells none of them."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for word in words:
        key = fold(word)
        if key in found:
            twice.add(key)
        found[key] = word
    return {key: word for key, word in found.items() if key not in twice and key}


def _cut_off(now: Counts) -> dict[str, str]:
    """New values that are the first letters of known ones, all of one length: a field is too short.

    Empty where any other new value is longer than that.
    """
    examples = [word for word, _ in now.examples]
    length = max(map(len, examples))
    found = {}
    for word in examples:
        longer = [one for one in now.grid.words if len(one) > length and one.startswith(word)]
        if len(word) == length >= CUT and longer:
            # Of several that begin so nobody knows which it was; the first stands for them.
            found[word] = longer[0]
    return found if 2 * len(found) >= len(examples) else {}


def _same(
    now: Counts, known: dict[str, dict[str, str]]
) -> tuple[str, list[tuple[str, str]], int] | None:
    """The first way in which new values are known ones, with both, and their rows."""
    cut = _cut_off(now)
    if cut:
        rows = sum(count for word, count in now.examples if word in cut)
        return f"cut off after {counted(len(next(iter(cut))), 'letter')}", list(cut.items()), rows
    for way, fold in WAYS:
        pairs, rows = [], 0
        for word, count in now.examples:
            old = known[way].get(fold(word))
            if old is not None and old != word:
                pairs.append((word, old))
                rows += count
        if pairs:
            return way, pairs, rows
    return None
