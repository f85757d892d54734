"""Reports: one HTML file, interactive and printable, which needs neither a network nor a kernel."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, Final

from mlops_lab.errors import Forbidden, InvalidInput, LabError
from mlops_lab.handles.card import size_text
from mlops_lab.project import Project
from mlops_lab.reports.kind import ItemKind, find_kind
from mlops_lab.reports.markdown import highest_heading, without_front
from mlops_lab.reports.page import page_html
from mlops_lab.reports.writer import Options, Writer

__all__ = ["Page", "Report", "render_report", "report", "write_report"]

_log = logging.getLogger("mlops_lab")

LONGEST_TITLE: Final = 200


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was written.

    Parameters
    ----------
    path
        The file.
    title
        What stands above it.
    size_bytes
        Of the file.
    problems
        A sentence for each item that could not be shown; the file says them in their places.
    """

    path: Path
    title: str
    size_bytes: int
    problems: tuple[str, ...] = ()

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        told = f" · {_left_out(self.problems)}" if self.problems else ""
        return f"<Report {str(self.path)!r} · {size_text(self.size_bytes)}{told}>"

    def _repr_html_(self) -> str:
        name = escape(self.path.name)
        told = "".join(f"<div>{escape(problem)}</div>" for problem in self.problems)
        # Below the notebook's folder a link leads there; elsewhere JupyterLab serves nothing.
        try:
            shown = self.path.relative_to(Path.cwd()).as_posix()
            link = f'<a href="{escape(shown)}" target="_blank" rel="noopener">{name}</a>'
        except ValueError:
            link = f"<code>{escape(str(self.path))}</code>"
        return f"<div>{escape(self.title)}: {link}, {size_text(self.size_bytes)}</div>{told}"


def report(
    items: Any,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    code: bool = False,
) -> Report:
    """Write a report: one HTML file to send, to keep and to print.

    It opens anywhere, without a network and without a kernel; what can be chosen in its views and
    sorted in its tables stays so. An item that cannot be shown is named in its place, the others
    are there.

    Parameters
    ----------
    items
        What is in it, in its order: texts (Markdown), tables, charts, pictures, widgets; runs,
        several runs beside one another, evaluations, models, datasets, alerts, pipeline runs;
        files. Or a pair of a heading and such an item. A text as ``model:flight-delay@2`` names a
        thing of the project.
    path
        The file to write; one that is there is replaced.
    title
        What stands above it; by default the first item, if that is a line of text.
    code
        Whether executed notebooks show their code beside their outputs.

    Returns
    -------
    Report
        With ``path``, ``size_bytes`` and ``problems``.

    Raises
    ------
    InvalidInput
        Something among the items cannot be in a report, or the path is no HTML file.
    Forbidden
        The file cannot be written.

    Examples
    --------
    >>> import mlops_lab as lab
    >>> lab.report(["Risk review", evaluation, run], "risk-review.html")  # doctest: +SKIP
    """
    # A report of what a notebook has needs no project, and makes none.
    found = Project.locate() if "MLOPS_LAB_PROJECT" in os.environ else Project.find(Path.cwd())
    made = write_report(items, path, Options(found, code), title=title)
    for problem in made.problems:
        _log.warning("MLOps Lab: %s", problem)
    return made


def write_report(
    items: Any, path: str | os.PathLike[str], options: Options, *, title: str | None = None
) -> Report:
    """Write a report of things of a project that is open; see `report`."""
    target = _target(path)
    page = render_report(items, options, title=title)
    data = page.html.encode("utf-8")
    _write(target, data)
    return Report(target, page.title, len(data), page.problems)


@dataclass(frozen=True, slots=True)
class Page:
    """A report as text, before it is a file."""

    html: str
    title: str
    problems: tuple[str, ...]


def render_report(
    items: Any, options: Options, *, title: str | None = None, about: str | None = None
) -> Page:
    """Make the page of a report; see `report`.

    Parameters
    ----------
    items
        One item, or several in a list.
    options
        What holds for all of them.
    title
        What stands above it.
    about
        Where it comes from; by default the project and who makes it.
    """
    several = isinstance(items, list | tuple | Generator) and not _is_pair(items)
    listed = list(items) if several else [items]
    if title is not None and (not isinstance(title, str) or not title.strip()):
        raise InvalidInput(f"A report's title is text; got {title!r}.")
    if title is None and listed and isinstance(listed[0], str):
        title, listed[0] = _title_of(listed[0], alone=len(listed) == 1)
    places = [(place, thing) for place, thing in enumerate(listed, start=1) if not _is_blank(thing)]
    if not places:
        raise InvalidInput("A report of nothing: give at least one item.")
    # All are looked at before anything is written: a typing mistake costs no minutes of work.
    chosen = [(place, *_choose(thing, place, len(listed))) for place, thing in places]
    texts = (highest_heading(without_front(one)) for _, one in places if isinstance(one, str))
    options = replace(options, below=2 - min((one for one in texts if one), default=1))
    writers, problems = [], []
    for place, heading, kind, thing in chosen:
        writer, problem = _written(kind, thing, heading, place, options)
        writers.append(writer)
        problems += [problem] if problem else []
    named = title or next((one.title for w in writers for one in w.entries), "Report")
    if about is None:
        about = _about(options.project)
    html = page_html(named[:LONGEST_TITLE], writers, about=about, at=datetime.now(UTC))
    return Page(html, named[:LONGEST_TITLE], tuple(problems))


def _choose(thing: Any, place: int, of: int) -> tuple[str | None, ItemKind, Any]:
    if _is_pair(thing):
        return thing[0], find_kind(thing[1], place, of), thing[1]
    return None, find_kind(thing, place, of), thing


def _is_blank(thing: Any) -> bool:
    return isinstance(thing, str) and not thing.strip()


def _is_pair(thing: Any) -> bool:
    """A heading and what stands below it; a tuple, because a list is several items."""
    return isinstance(thing, tuple) and len(thing) == 2 and isinstance(thing[0], str)


def _written(
    kind: ItemKind, thing: Any, heading: str | None, place: int, options: Options
) -> tuple[Writer, str | None]:
    """Write an item; one that fails leaves its sentence, and nothing half done."""
    writer = Writer(place, options)
    if heading:
        writer.heading(heading)
    try:
        kind.write(thing, writer)
    except LabError as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001 - a stranger's object: the other items are worth having
        _log.debug("item %d of a report failed", place, exc_info=True)
        why = f"{type(error).__name__}: {error}"
    else:
        return writer, None
    told = f"Item {place}, {kind.told(thing)}, could not be shown: {why}"
    writer = Writer(place, options)
    if heading:
        writer.heading(heading)
    writer.notice(told, "failed")
    return writer, told


def _title_of(first: str, *, alone: bool) -> tuple[str | None, str]:
    """The title that a first text gives, and what is left of the text."""
    lines = first.strip().split("\n")
    line = lines[0].strip()
    if line.startswith("# "):
        return line[2:].strip() or None, "\n".join(lines[1:]).strip()
    from mlops_lab.reports.references import is_reference

    if not alone and len(lines) == 1 and _could_be_title(line) and not is_reference(line):
        return line, ""
    return None, first


def _could_be_title(line: str) -> bool:
    return 0 < len(line) <= 120 and line[-1] not in ".:;,"


def _about(project: Project | None) -> str:
    return "" if project is None else f"{project.name} · {project.identity.id}"


def _target(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise InvalidInput(f"A report is written to a file; got {path!r} as its path.")
    target = Path(path).expanduser()
    if target.suffix.lower() not in (".html", ".htm"):
        hint = " Open it in a browser to print it as PDF." if target.suffix == ".pdf" else ""
        raise InvalidInput(f"A report is an HTML file: {str(target)!r} ends not in .html.{hint}")
    try:
        is_folder = target.is_dir()
    except OSError as error:
        raise InvalidInput(f"No file can be called {str(target)[:300]!r}: {error}.") from error
    if is_folder:
        raise InvalidInput(f"{str(target)!r} is a folder.")
    return target.absolute()


def _write(target: Path, data: bytes) -> None:
    """Write a file that appears whole; a browser may have the old one open."""
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            # A disk at the other end of a network says only now that it is full.
            os.fsync(file.fileno())
        part.replace(os.path.realpath(target))  # a link goes on leading there
    except (OSError, ValueError) as error:  # of no value: a name with a zero in it
        why = getattr(error, "strerror", None) or str(error)
        raise Forbidden(f"{target} cannot be written: {why}.") from error
    finally:
        with suppress(OSError, ValueError):
            part.unlink()


def _left_out(problems: Sequence[str]) -> str:
    return f"{len(problems)} item{'s' * (len(problems) != 1)} could not be shown"
