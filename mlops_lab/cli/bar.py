"""A line on the terminal that fills while something is counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlops_lab.cli.command import Session
from mlops_lab.cli.output import console, size

if TYPE_CHECKING:
    from mlops_lab.store import Progress

__all__ = ["bar"]


@contextmanager
def bar(
    session: Session, verb: str, *, count: str = "", then: str = ""
) -> Iterator[Progress | None]:
    """A line on the terminal that goes when the work is done; nothing in pipes and for programs.

    Parameters
    ----------
    session
        Whether programs read the answer.
    verb
        What is done.
    count
        What the pieces are: ``rows``; default bytes.
    then
        What is done when all pieces are, for an unknown time.
    """
    target = console(stderr=True)
    if session.as_json or not target.is_terminal or target.is_dumb_terminal:
        yield None
        return
    from rich.progress import BarColumn
    from rich.progress import Progress as Bars

    with Bars(
        "{task.description}",
        BarColumn(bar_width=20),
        "{task.fields[told]}",
        console=target,
        transient=True,
    ) as bars:
        task = bars.add_task(verb, total=None, told="")

        def progress(done: int, total: int) -> None:
            if then and done >= total:
                bars.update(task, description=then, total=None, told="")
                return
            told = f"{done:,} of {total:,} {count}" if count else f"{size(done)} of {size(total)}"
            bars.update(task, completed=done, total=total, told=told)

        yield progress
