"""What continuous integration reads of a command: JUnit XML, and a summary in Markdown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mlops_lab.errors import InvalidInput

__all__ = ["check_writable", "for_ci", "write_for_ci"]

F = TypeVar("F", bound=Callable[..., Any])


def for_ci(what: str) -> Callable[[F], F]:
    """Give a command the options ``--junit F`` and ``--summary F``.

    Parameters
    ----------
    what
        What the test cases are, for the help.
    """

    def add(command: F) -> F:
        path = click.Path(dir_okay=False, path_type=Path)
        command = click.option(
            "--summary",
            type=path,
            metavar="F",
            help="Append a Markdown summary; in GitHub Actions give $GITHUB_STEP_SUMMARY.",
        )(command)
        return click.option("--junit", type=path, metavar="F", help=f"Write {what} as JUnit XML.")(
            command
        )

    return add


def check_writable(*reports: Path | None) -> None:
    """Refuse a report that cannot be written before the work is done that it would tell of."""
    for report in reports:
        if report is None:
            continue
        folder = report.absolute().parent
        while not folder.exists():
            folder = folder.parent
        there = report if report.exists() else folder
        if not folder.is_dir() or not os.access(there, os.W_OK):
            raise InvalidInput(f"{report} cannot be written: no permission, or not below a folder.")


def write_for_ci(
    junit: Path | None,
    as_junit: Callable[[], str],
    summary: Path | None,
    as_markdown: Callable[[], str],
) -> None:
    """Write what was asked for."""
    if junit is not None:
        junit.parent.mkdir(parents=True, exist_ok=True)
        junit.write_text(as_junit(), encoding="utf-8")
    if summary is not None:
        summary.parent.mkdir(parents=True, exist_ok=True)
        # Appended: in GitHub's step summary other steps may have written before us.
        with summary.open("a", encoding="utf-8") as file:
            file.write(as_markdown())
