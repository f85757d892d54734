"""What every command shares: its options, its help with examples, its project."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_lab.errors import NotFound

if TYPE_CHECKING:
    from mlops_lab.project import Project

__all__ = ["Example", "LabCommand", "LabGroup", "Session", "pass_session"]

Example = tuple[str, str]
"""A command line that can be typed as it is, and what it does."""


@dataclass(slots=True)
class Session:
    """One call of the command line: what its general options said.

    Parameters
    ----------
    as_json
        Programs read the answer: one JSON document on stdout, everything else on stderr.
    debug
        Show stack traces.
    directory
        Where ``--project`` points.
    """

    as_json: bool = False
    debug: bool = False
    directory: Path | None = None

    def project(self) -> Project:
        """The project that was named, else the one around the current folder.

        Raises
        ------
        NotFound
            There is none; commands that only look never make one.
        """
        from mlops_lab.project import Project

        near = self.directory or _from_environment() or Path.cwd()
        if not near.exists():
            raise NotFound(f"There is no folder {near}.")
        found = Project.find(near)
        if found is None:
            raise NotFound(
                f"There is no project in {near.absolute()} or above it. Make one with "
                f"`mlops-lab init`, name one with --project DIR, or see `mlops-lab demo`."
            )
        return found


pass_session = click.make_pass_decorator(Session, ensure=True)


def _from_environment() -> Path | None:
    import os

    named = os.environ.get("MLOPS_LAB_PROJECT")
    return Path(named) if named else None


def _general_options() -> list[click.Parameter]:
    def remember(name: str) -> Any:
        def callback(ctx: click.Context, _: click.Parameter, value: Any) -> None:
            # Given before or after the verb: `mlops-lab --project X run list` is right as well.
            if value:
                setattr(ctx.ensure_object(Session), name, value)

        return callback

    return [
        click.Option(
            ["--project"],
            metavar="DIR",
            type=click.Path(path_type=Path),
            expose_value=False,
            callback=remember("directory"),
            help="The project, or a folder in it.  [default: around the current folder]",
        ),
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            expose_value=False,
            callback=remember("as_json"),
            help="Answer with JSON, for programs.",
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            callback=remember("debug"),
            help="Show the stack trace of an error.",
        ),
    ]


class _Helpful(click.Command):
    """Help with examples, and the general options after the command's own."""

    def __init__(self, *arguments: Any, examples: Sequence[Example] = (), **options: Any) -> None:
        options["context_settings"] = {
            "help_option_names": ["-h", "--help"],
            "max_content_width": 100,
        }
        super().__init__(*arguments, **options)
        self.examples = list(examples)
        self.params.extend(_general_options())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for command, purpose in self.examples:
                    indent = " " * formatter.current_indent
                    formatter.write(f"{indent}{click.style(f'# {purpose}', dim=True)}\n")
                    formatter.write(f"{indent}{command}\n")
        super().format_epilog(ctx, formatter)


class LabCommand(_Helpful):
    """A command of ours; what is typed as for papermill or MLflow hears how it is written here."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, and say more where there is one too many."""
        typed = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if "extra argument" in error.message and (meant := _meant(typed)):
                raise click.UsageError(meant, ctx) from error
            raise


def _meant(typed: Sequence[str]) -> str | None:
    """What was meant by a word too many: ``-p alpha 0.6`` or ``churn 2``."""
    words = [*typed, "VALUE"]
    for first, second, third in zip(words, words[1:], [*words[2:], "VALUE"], strict=False):
        if first in ("-p", "--param") and "=" not in second:
            return f"A param is written NAME=VALUE: {first} {second}={third}"
        version = re.fullmatch("v?([1-9][0-9]*)", second)
        if version and re.fullmatch(r"\w[\w.-]*", first):
            return f"A version is written NAME@VERSION: {first}@{version[1]}"
    return None


class LabGroup(_Helpful, click.Group):
    """A noun; its verbs are commands of ours, and a misspelt one hears the nearest."""

    command_class = LabCommand

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs with their whole first sentences: click would cut them off."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, command.get_short_help_str(limit=200))
                    for name, command in found
                    if command
                ]
            )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; where there is none of that name, say what does it, or is near."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from mlops_lab.cli.habits import HABITS
            from mlops_lab.expressions.suggest import nearest

            known = self.list_commands(ctx)
            if line := HABITS.get(self.name or "", {}).get(args[0]):
                hint = f" Use {line}."
            elif near := nearest(args[0], known):
                hint = f" Did you mean {near}?"
            else:
                hint = f" There are {', '.join(known)}."
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx) from error
