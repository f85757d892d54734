"""Ctrl-C comes between any two lines: what must not stay half done is done to its end all the same.

A lock that nobody lets go of, or an index that stays attached, would keep every other process out
until this one ends; and a kernel lives for days.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["is_ctrl_c", "to_its_end"]


def is_ctrl_c(error: BaseException) -> bool:
    """Whether it is Ctrl-C, or what DuckDB makes of it."""
    return isinstance(error, KeyboardInterrupt) or (
        type(error) is RuntimeError and str(error) == "Query interrupted"
    )


def to_its_end(work: Callable[[], object]) -> None:
    """Do it to its end, however often Ctrl-C is pressed meanwhile; it counts afterwards.

    Parameters
    ----------
    work
        What may be done again from its beginning, whichever part of it was done.

    Raises
    ------
    KeyboardInterrupt
        It was pressed.
    """
    pressed: BaseException | None = None
    while True:
        try:
            work()
            break
        except (KeyboardInterrupt, RuntimeError) as error:
            if not is_ctrl_c(error):
                raise
            pressed = error
    if pressed is not None:
        raise KeyboardInterrupt from pressed
