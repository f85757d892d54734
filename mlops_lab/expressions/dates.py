"""Quoted dates: ISO 8601, UTC unless they say otherwise, as microseconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

__all__ = ["parse_date_us", "timestamp_us"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Narrower than fromisoformat, which also takes 20260301 and 2026-W09.
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII
)


def timestamp_us(moment: datetime) -> float:
    """Give a datetime as microseconds since 1970; without a zone it is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return float((moment - _EPOCH) // _MICROSECOND)


def parse_date_us(text: str) -> float:
    """Read a date.

    Raises
    ------
    ValueError
        When it is none.

    Examples
    --------
    >>> parse_date_us("1970-01-02 00:00:01")
    86401000000.0
    """
    stripped = text.strip()
    if not _DATE.fullmatch(stripped):
        raise ValueError(text)
    try:
        return timestamp_us(datetime.fromisoformat(stripped))
    except OverflowError as error:
        raise ValueError(text) from error
