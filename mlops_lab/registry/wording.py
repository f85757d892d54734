"""How the registry says times, numbers and people in its sentences, and what people may write."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from mlops_lab.errors import InvalidInput

__all__ = ["LONGEST_TEXT", "ago", "day", "either", "short", "some_text", "times"]

LONGEST_TEXT: Final = 10_000
"""Characters of a note, a description, a part of a card."""


def ago(at: datetime, now: datetime | None = None) -> str:
    """Say how long ago something was, as part of a sentence.

    Examples
    --------
    >>> noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    >>> ago(datetime(2026, 11, 20, 10, tzinfo=UTC), noon)
    '2 h ago'
    >>> ago(datetime(2026, 11, 4, 10, tzinfo=UTC), noon)
    'on 4 Nov'
    """
    now = now or datetime.now(UTC)
    seconds = (now - at).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h ago"
    days = int(seconds // 86_400)
    if days == 1:
        return "yesterday"
    return f"{days} d ago" if days < 7 else f"on {day(at, now)}"


def day(at: datetime, now: datetime | None = None) -> str:
    """Name a day (UTC): ``17 Nov``, with the year when it is another one."""
    now = now or datetime.now(UTC)
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b}" if at.year == now.year else f"{at.day} {at:%b %Y}"


def either(names: Iterable[str]) -> str:
    """Join names with or.

    Examples
    --------
    >>> either(["ivo", "mara"])
    'ivo or mara'
    """
    listed = sorted(names)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"


def short(digest: str) -> str:
    """Give a content id as people say it: its first eight digits."""
    return digest.removeprefix("b3-")[:8]


def times(count: int, noun: str) -> str:
    """Give a number and a noun in its number.

    Examples
    --------
    >>> times(1, "approval"), times(2, "approval")
    ('1 approval', '2 approvals')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def some_text(text: Any, what: str, most: int = LONGEST_TEXT) -> str:
    """Check what people wrote.

    Raises
    ------
    InvalidInput
        It is no text, or too long.
    """
    if not isinstance(text, str):
        raise InvalidInput(f"{what} is text; got {type(text).__name__}.")
    if len(text) > most:
        raise InvalidInput(f"{what} has at most {most:,} characters; got {len(text):,}.")
    return text
