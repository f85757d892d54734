"""Errors become a sentence on stderr and an exit code of the contract: here, and nowhere else."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

import click

from mlops_lab.cli.command import Session
from mlops_lab.cli.output import printable
from mlops_lab.errors import LabError

__all__ = ["INTERRUPTED", "report"]

INTERRUPTED = 130


def report(error: BaseException, session: Session) -> int:
    """Say what went wrong and give the exit code for it.

    Parameters
    ----------
    error
        Whatever left the command.
    session
        Whether a stack trace or JSON is wanted.
    """
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    code, name, message, facts = _read(error)
    if session.debug:
        traceback.print_exception(error, file=sys.stderr)
    if session.as_json:
        document = {"code": name, "message": message, **facts}
        print(json.dumps(document, ensure_ascii=False, default=str), file=sys.stderr)
    elif message:
        _say(error, message)
    return code


def _read(error: BaseException) -> tuple[int, str, str, dict[str, Any]]:
    """Exit code, name for programs, sentence and further facts of an error."""
    if isinstance(error, KeyboardInterrupt | click.exceptions.Abort):
        return INTERRUPTED, "interrupted", "Interrupted.", {}
    if isinstance(error, LabError):
        return error.exit_code, error.code, str(error), error.details
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return 2, "usage", error.format_message(), {}
    if isinstance(error, click.ClickException):
        return 2, "usage", error.format_message(), {}
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return 5, "system", f"{error.strerror}{where}", {}
    name = type(error).__name__
    detail = f"{name}: {error}" if str(error) else name
    hint = "" if "--debug" in sys.argv else " (--debug shows where)"
    return 1, "unexpected", f"Something went wrong that should not: {detail}{hint}", {}


def _say(error: BaseException, message: str) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(message, err=True)
        return
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
        message = f"{message}\nSee '{error.ctx.command_path} --help'."
    if isinstance(error, KeyboardInterrupt | click.exceptions.Abort):
        # The terminal has just echoed ^C: begin a line of our own.
        click.echo("", err=True)
        click.echo(message, err=True)
        return
    click.echo(f"{click.style('error:', fg='red', bold=True)} {printable(message)}", err=True)
