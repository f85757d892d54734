"""How answers look: JSON for programs, quiet tables for people."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_lab.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.text import Text

__all__ = [
    "GLYPHS",
    "Column",
    "age",
    "console",
    "duration",
    "glyph",
    "number",
    "plain",
    "print_table",
    "printable",
    "say",
    "shown",
    "size",
    "write_file",
    "write_json",
]

Column = str | tuple[str, Mapping[str, Any]]
"""A column's name, or its name with options of `rich.table.Column`."""

# Shape and colour, never colour alone: the same glyphs as in JupyterLab.
GLYPHS: Mapping[str, tuple[str, str]] = {
    "finished": ("●", "green"),
    "passed": ("✓", "green"),
    "running": ("◌", "blue"),
    "scheduled": ("○", "dim"),
    "failed": ("✗", "red"),
    "rejected": ("⊗", "red"),
    "killed": ("■", "dim"),
    "waiting": ("‖", "yellow"),
    "skipped": ("·", "dim"),
    "warned": ("!", "yellow"),
    "blocked": ("✗", "red"),
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "hint": ("·", "dim"),
}


def console(*, stderr: bool = False) -> Console:
    """A console: colours on a terminal unless NO_COLOR is set, and nothing cut off in pipes."""
    from rich.console import Console
    from rich.segment import Segment

    class Patient(Console):
        """Rich would end the program when its reader goes away (`| head`): the work goes on."""

        def on_broken_pipe(self) -> None:
            self.quiet = True

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            # Every text that is shown passes here; rich's own codes are added later.
            for segment in super().render(renderable, options):
                yield (
                    segment
                    if segment.control
                    else Segment(printable(segment.text), segment.style, segment.control)
                )

    stream = sys.stderr if stderr else sys.stdout
    # Rich would also mark every number and path: here colour has a meaning.
    made = Patient(stderr=stderr, highlight=False, emoji=False)
    if not stream.isatty():
        made.width = 1000
    return made


def write_json(value: Any) -> None:
    """One JSON document on stdout; what is not finite is a string, times are ISO 8601 in UTC."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def write_file(path: Path, text: str, *, new: bool = False) -> None:
    """Write what ``-o`` asks for.

    Parameters
    ----------
    path
        Where.
    text
        What.
    new
        Replace nothing.

    Raises
    ------
    InvalidInput, Conflict
        It cannot be written there; or something is there, and it is to be `new`.
    """
    try:
        with path.open("x" if new else "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Conflict(f"{shown(path)} is there already; a draft replaces nothing.") from error
    except FileNotFoundError as error:
        raise NotFound(f"There is no folder {shown(path.parent)}.") from error
    except (PermissionError, NotADirectoryError, IsADirectoryError) as error:
        raise InvalidInput(f"{shown(path)} cannot be written: {error.strerror}.") from error


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def say(message: str = "", *, err: bool = False) -> None:
    """A line of text."""
    click.echo(printable(message), err=err)


_COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """A text whose characters are shown and command nothing.

    Names and errors are other people's: an escape sequence in one would set the terminal's title,
    hide lines or turn the direction of writing.

    >>> printable("red: \\x1b[31m, a tab:\\t.")
    'red: \ufffd[31m, a tab:\\t.'
    """
    return _COMMANDING.sub("\N{REPLACEMENT CHARACTER}", text)


def glyph(status: str, outcome: str | None = None) -> Text:
    """The mark of a status; a gate's answer replaces *finished*."""
    from rich.text import Text

    word = outcome if outcome and status == "finished" else status
    mark, style = GLYPHS.get(word, ("?", "dim"))
    return Text(_drawable(mark), style=style)


def _drawable(mark: str) -> str:
    # The process's own stream: a live display puts one without an encoding in its place.
    encoding = getattr(sys.__stdout__, "encoding", None) or "utf-8"
    try:
        mark.encode(encoding)
    except UnicodeEncodeError:
        return {"✗": "x", "⊗": "x", "✓": "+", "!": "!", "‖": "="}.get(mark, "*")
    return mark


def print_table(
    target: Console,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
) -> None:
    """Print a table without frame: names in grey, no names at all when each is empty.

    Parameters
    ----------
    columns
        Names, or names with options of `rich.table.Column`.
    rows
        Cells: text, rich renderables, or None for nothing.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    named = any(column if isinstance(column, str) else column[0] for column in columns)
    made = Table(
        # In a pipe every line is data, but for the names.
        box=SIMPLE_HEAD if named and target.is_terminal else None,
        show_header=named,
        pad_edge=False,
        show_edge=False,
        padding=(0, 2, 0, 0),
        header_style="dim",
        border_style="dim",
    )
    for column in columns:
        name, options = column if isinstance(column, tuple) else (column, {})
        made.add_column(name, **{"no_wrap": True, "overflow": "ellipsis", **options})
    for row in rows:
        made.add_row(*[_cell(one) for one in row])
    if target.is_terminal:
        target.print(made)
        return
    with target.capture() as captured:
        target.print(made)
    for line in captured.get().splitlines():
        target.print(line.rstrip(), markup=False, soft_wrap=True)


def _cell(value: Any) -> RenderableType:
    from rich.text import Text

    if value is None:
        return Text("")
    # Names and values are the user's: never markup; and made printable before they are measured.
    return Text(printable(value)) if isinstance(value, str) else value


def number(value: float | None) -> str:
    """A figure with as few digits as a decision needs.

    >>> number(0.70214), number(84194.0), number(0.00001234), number(None), number(float("nan"))
    ('0.702', '84,194', '1.23e-05', '–', 'NaN')
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    sign = "−" if value < 0 else ""
    size_of = abs(value)
    if value == int(value) and size_of < 1e15:
        return f"{sign}{int(size_of):,}"
    if size_of < 0.001:
        return f"{sign}{size_of:.3g}"
    digits = 3 if size_of < 1 else (2 if size_of < 10 else 1)
    return f"{sign}{size_of:,.{digits}f}"


def duration(seconds: float | None) -> str:
    """A length of time.

    >>> duration(0.0044), duration(9.84), duration(64), duration(7500), duration(None)
    ('4 ms', '9.8 s', '1:04', '2:05:00', '–')
    """
    if seconds is None:
        return "–"
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago, as the sidebar says it: now, 14 min, 2 h, yesterday, 6 d, 4 Nov."""
    if moment is None:
        return "–"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 10:
        return "now"
    if seconds < 60:
        return f"{int(seconds)} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    if seconds < 24 * 3600:
        return f"{int(seconds // 3600)} h"
    days = int(seconds // 86400)
    if days == 1:
        return "yesterday"
    return f"{days} d" if days < 7 else f"{moment.day} {moment:%b}"


def size(count: int) -> str:
    """A number of bytes.

    >>> size(900), size(262_144), size(3_500_000)
    ('900 B', '256 kB', '3.3 MB')
    """
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1024 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit in ("B", "kB") else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError("the loop returns")


def shown(path: Path | str) -> str:
    """A path as short as it can be typed from here."""
    import os

    text = str(path)
    try:
        relative = os.path.relpath(text)
    except ValueError:
        return text
    return relative if not relative.startswith(os.path.join("..", "..")) else text
