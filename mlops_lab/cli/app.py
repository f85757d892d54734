"""The root of the command line, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from mlops_lab.cli.command import LabGroup, Session
from mlops_lab.cli.failures import report

__all__ = ["main", "root"]

# Noun: module and one-line help, so that `mlops-lab --help` imports none of them.
_COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Make a project"),
    "demo": ("demo", "Make the example project, run it end to end, open JupyterLab on it"),
    "doctor": ("doctor", "Say what is broken, and the command that mends it"),
    "pipeline": ("pipeline", "Run notebooks as pipelines, with gates"),
    "run": ("run", "Find, show and settle runs"),
    "data": ("data", "Keep versions of data, look into them, check them"),
    "model": ("model", "Look at models, approve and promote versions, go back"),
    "endpoint": ("endpoint", "Serve models, try versions on a part of the traffic, go back"),
    "report": ("report", "Write one HTML file of runs, models, data and monitors, to send"),
    "monitor": ("monitor", "Watch data and models: is it still true?"),
    "alert": ("alert", "Look at alerts and settle them"),
    "trigger": ("trigger", "Start pipelines by themselves: schedules, alerts, new data, code"),
    "sql": ("sql", "Ask the project's tables with read-only SQL"),
    "store": ("store", "Look after what the project keeps on disk"),
    "audit": ("audit", "Read what was decided, and check that nobody has changed it"),
}


class _Root(LabGroup):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"mlops_lab.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=_Root,
    name="mlops-lab",
    examples=[
        ("mlops-lab demo", "see it work"),
        ("mlops-lab pipeline run pipelines/flight-delay.yaml", "run notebooks, with gates"),
        ('mlops-lab run list "best(auc) > 0.7"', "find runs"),
    ],
)
@click.version_option(package_name="mlops-lab", message="mlops-lab %(version)s")
def root() -> None:
    """From a notebook to a monitored model, without leaving JupyterLab.

    \b
    Exit codes: 0 done · 1 a step or check failed · 2 bad input, not found
    3 a gate rejected · 4 waiting for approval · 5 store busy or damaged
    6 forbidden · 130 interrupted
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code.

    Parameters
    ----------
    arguments
        What follows the program's name; default the process's own.
    """
    _have_streams()
    _speak_utf8()
    session = Session()
    code = _invoke(list(sys.argv[1:] if arguments is None else arguments), session)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered has nowhere to go, and Python would complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _invoke(arguments: list[str], session: Session) -> int:
    try:
        result: Any = root.main(
            arguments, prog_name="mlops-lab", standalone_mode=False, obj=session
        )
    except BrokenPipeError:
        return 0  # the reader (`| head`) has had enough
    except BaseException as error:  # noqa: BLE001 - the place where all errors end
        return report(error, session)
    return result if isinstance(result, int) else 0


def _have_streams() -> None:
    # A parent that closed them (`>&-`, some daemons) leaves None in their place.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the process's life
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the process's life


def _speak_utf8() -> None:
    # A C locale would make a crash of every "✓"; what cannot be shown is replaced instead.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
