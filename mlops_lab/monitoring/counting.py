"""Counting both sides of an evaluation: which columns, which chunks, on whose grids.

A dataset version of many files is counted file by file, and what was counted of a file is kept: the
next version that has one more file costs one file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from mlops_lab.compute import (
    Chunking,
    Cube,
    Engine,
    Grids,
    Source,
    count,
    fit_grids,
    open_engine,
)
from mlops_lab.compute.frames import to_arrow
from mlops_lab.errors import InvalidInput
from mlops_lab.monitoring.recalling import recalled
from mlops_lab.monitoring.settings import Keep, Settings
from mlops_lab.monitoring.windows import Seen, choose_chunking, see
from mlops_lab.wording import listed

__all__ = ["Counted", "Progress", "Side", "between", "count_sides", "kept_pieces"]

Progress: TypeAlias = Callable[[float, str], None]
"""Told how much is done, from 0 to 1, and what is being done."""

_Done: TypeAlias = Callable[[int, int], None]

_HOURS_WANTED: Final = 1_000
"""With fewer rows a day nobody needs to count them by the hour."""
_MOST_DAYS: Final = 700

_FORMAT: Final = 2
"""Of what is kept: counts of an older way of counting are not asked for."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the comparison: its rows, their columns, its counts.

    Parameters
    ----------
    source
        What was given.
    handy
        The same rows in a form that can be read many times.
    types
        DuckDB's type by column.
    seen
        Its chunks.
    cube
        Its counts.
    chunking
        How it was cut.
    content
        Stands for everything that its counts depend on; None is not known.
    """

    source: Source
    handy: Source
    types: Mapping[str, str]
    seen: Seen
    cube: Cube
    chunking: Chunking
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Everything that was counted for an evaluation.

    Parameters
    ----------
    chunking, told
        Of the current data, and why so.
    columns
        The features that both sides have, in the reference's order.
    reference
        None where each chunk is compared with those before it.
    versions
        The reference of each model version.
    notes
        What a reader should know of it, as sentences.
    """

    chunking: Chunking
    told: str
    grids: Grids
    columns: tuple[str, ...]
    reference: Side | None
    versions: Mapping[str, Side]
    current: Side
    notes: tuple[str, ...] = field(default=())


def count_sides(
    reference: Source | None,
    current: Source,
    settings: Settings,
    tmp: Path,
    keep: Keep | None = None,
    progress: Progress | None = None,
) -> Counted:
    """Count reference and current data.

    Parameters
    ----------
    tmp
        A folder for what has to be written once to be read many times.

    Raises
    ------
    InvalidInput
        They have no column in common, or what the settings name is not there.
    """
    handy = _handy(current, tmp / "current.parquet")
    base = handy if reference is None else _handy(reference, tmp / "reference.parquet")
    types, base_types = _types([handy, base], [current, reference or current], tmp, keep)
    _check_names(settings, types, base_types)
    columns = _columns(settings, types, base_types)
    chunking, told, notes = _chunking(handy, base, settings, types, base_types, tmp)

    counted = [*columns, *(one for one in _answers(settings) if one in types and one in base_types)]
    if settings.time in types and settings.time in base_types:
        counted.append(settings.time)
    if settings.segment and settings.segment not in counted:
        counted.append(settings.segment)
    given_base = reference
    if given_base is None:
        given_base = _settled(current, keep)
        base = handy if given_base is current else given_base
    told_of = between(progress, 0.02, 0.1, "looking at the columns of the reference")
    grids = _grids(given_base, base, list(dict.fromkeys(counted)), settings, tmp, keep, told_of)

    def side(
        given: Source, ready: Source, has: Mapping[str, str], cut: Chunking, told_of: _Done
    ) -> Side:
        segment = settings.segment if settings.segment in has else None
        cube = _count(ready, given, grids, cut, segment, tmp, keep, told_of)
        content = _whole(keep, given)
        seen = _see(ready, cut, settings, has, cube, tmp, keep, content)
        counted_as = _joined([content, _cube_key(grids, cut, segment)])
        return Side(given, ready, has, seen, cube, cut, counted_as)

    told_of = between(progress, 0.1, 0.3, f"counting {current.told}")
    now = side(current, handy, types, chunking, told_of)
    rows = now.cube.total_rows
    before = None
    if reference is not None:
        told_of = between(progress, 0.3, 0.4, f"counting {reference.told}")
        before = side(reference, base, base_types, _like(chunking, base_types, rows), told_of)
    # What versions have learnt from that answered nothing is compared with nothing.
    versions = {
        name: settings.versions[name]
        for name in dict.fromkeys(now.seen.versions)
        if name is not None and name in settings.versions
    }
    ready = {
        name: _handy(source, tmp / f"version-{place}.parquet")
        for place, (name, source) in enumerate(versions.items())
    }
    of_versions = _types([*ready.values()], [*versions.values()], tmp, keep)
    others: dict[str, Side] = {}
    for (name, source), has in zip(versions.items(), of_versions, strict=True):
        first, last = (0.4 + 0.1 * one / len(versions) for one in (len(others), len(others) + 1))
        told_of = between(progress, first, last, f"counting {source.told}")
        others[name] = side(source, ready[name], has, _like(chunking, has, rows), told_of)
    return Counted(chunking, told, grids, tuple(columns), before, others, now, tuple(notes))


def between(progress: Progress | None, first: float, last: float, what: str) -> _Done:
    """Tell of pieces of one step, which goes from one share of the whole to another.

    What is called with the pieces done and all of them tells it only where a hundredth more is
    done. That the step begins is told at once.
    """
    told = first
    if progress is not None:
        progress(first, what)

    def done(pieces: int, of: int) -> None:
        nonlocal told
        share = first + (last - first) * pieces / max(of, 1)
        if progress is not None and share >= told + 0.01:
            told = share
            progress(share, what)

    return done


def _settled(current: Source, keep: Keep | None) -> Source:
    """The part of growing data that a rolling reference's grids are fitted to.

    The first one, two, four … files: the grids change when there are twice as many, and until then
    a new file costs that file. On grids of all files each new one would have everything counted
    anew.
    """
    pieces = [] if keep is None else list(keep.pieces(current))
    if len(pieces) < 2 or any(content is None for content, _ in pieces) or not current.by_column:
        return current
    first = pieces[: 1 << (len(pieces).bit_length() - 1)]
    if len(first) == len(pieces):
        return current
    return Source.of([file for _, piece in first for file in piece.files])


def kept_pieces(
    given: Source, handy: Source, keep: Keep | None, whole: bool
) -> Sequence[tuple[str | None, Source]]:
    """The parts in which data is counted: files of a version where they add, else the whole."""
    if keep is None:
        return [(None, handy)]
    pieces = list(keep.pieces(given))
    if len(pieces) == 1:
        return [(pieces[0][0], handy)]
    if whole:
        # Rows are counted off over all files: nothing of one file can be kept.
        return [(_joined([content for content, _ in pieces]), handy)]
    return pieces


def _whole(keep: Keep | None, given: Source) -> str | None:
    """The content id of all of some data; None where it was never committed."""
    return None if keep is None else _joined([content for content, _ in keep.pieces(given)])


def _joined(contents: Sequence[str | None]) -> str | None:
    """The content id of several files together."""
    if any(one is None for one in contents):
        return None
    return hashlib.sha256("\n".join(one or "" for one in contents).encode()).hexdigest()


def _count(
    handy: Source,
    given: Source,
    grids: Grids,
    chunking: Chunking,
    segment: str | None,
    tmp: Path,
    keep: Keep | None,
    progress: _Done,
) -> Cube:
    key = _cube_key(grids, chunking, segment)
    whole = chunking.by in ("size", "count")
    cubes: list[Cube] = []
    pieces = kept_pieces(given, handy, keep, whole)

    def columns_done(done: int, columns: int) -> None:
        progress(len(cubes) * columns + done, len(pieces) * columns)

    for content, piece in pieces:

        def make(piece: Source = piece) -> Cube:
            return count(
                piece, grids, chunking=chunking, segment=segment, progress=columns_done, tmp=tmp
            )

        def pack(make: Callable[[], Cube] = make) -> bytes:
            return make().to_bytes()

        if keep is None or content is None:
            cubes.append(make())
        else:
            cubes.append(Cube.from_bytes(keep.kept(content, key, pack)))
    return Cube.merge(*(replace(cube, grids=grids) for cube in cubes))


def _cube_key(grids: Grids, chunking: Chunking, segment: str | None) -> str:
    told = json.dumps([_FORMAT, grids.digest, chunking.to_json(), segment], sort_keys=True)
    return "cube:" + hashlib.sha256(told.encode()).hexdigest()


def _grids(
    given: Source,
    handy: Source,
    columns: Sequence[str],
    settings: Settings,
    tmp: Path,
    keep: Keep | None,
    progress: _Done,
) -> Grids:
    kinds = {name: kind for name, kind in settings.kinds.items() if name in columns}

    def make() -> Grids:
        # The time as well, where it is among the columns: others are told to be behind it.
        return fit_grids(handy, columns=columns, kinds=kinds, progress=progress, tmp=tmp)

    told = [list(columns), kinds, settings.time]
    content = _whole(keep, given)
    return Grids.from_json(recalled(keep, content, "grids", told, lambda: make().to_json()))


# ---------------------------------------------------------------------- columns


def _answers(settings: Settings) -> list[str]:
    """Columns that are no features but whose drift is told."""
    return [one for one in (settings.score, settings.prediction, settings.target) if one]


def _columns(
    settings: Settings, types: Mapping[str, str], base_types: Mapping[str, str]
) -> list[str]:
    if settings.columns is not None:
        wanted = list(dict.fromkeys(settings.columns))
    else:
        apart = {settings.time, settings.version, *_answers(settings)}
        wanted = [name for name in base_types if name not in apart]
    # What the current data lost is a finding of data quality, and the others go on.
    common = [name for name in wanted if name in types and name in base_types]
    answers = [name for name in _answers(settings) if name in types]
    if not common and not answers:
        raise InvalidInput(
            "The two sides have no column in common: the reference has "
            f"{listed(base_types, 8) if base_types else 'none'}; the current data has "
            f"{listed(types, 8) if types else 'none'}."
        )
    return common


def _check_names(
    settings: Settings, types: Mapping[str, str], base_types: Mapping[str, str]
) -> None:
    """Refuse names that are nowhere; what is on one side only is looked at later."""
    everywhere = {**base_types, **types}
    named: list[tuple[str, str]] = [
        (role, name)
        for role in ("time", "segment", "target", "score", "prediction", "version")
        if (name := getattr(settings, role))
    ]
    named += [("columns", name) for name in settings.columns or ()]
    named += [("kinds", name) for name in settings.kinds]
    named += [("fairness", name) for name in settings.fairness]
    if isinstance(settings.domain, tuple):
        named += [("domain", name) for name in settings.domain]
    for role, name in named:
        needed = types if role in ("time", "segment", "version") else everywhere
        if name not in needed:
            near = [one for one in needed if one.lower() == name.lower()]
            near += get_close_matches(name, list(needed), 1)
            hint = f"Did you mean {near[0]}?" if near else f"There is {listed(needed, 8)}."
            raise InvalidInput(f"There is no column {name!r} for {role}. {hint}")
    if settings.fairness and settings.target is None:
        raise InvalidInput("fairness needs the truth: say target=COLUMN as well.")
    if settings.fairness and settings.score is None and settings.prediction is None:
        raise InvalidInput("fairness needs what is judged: say score=COLUMN or prediction=COLUMN.")


def _types(
    sources: Sequence[Source], given: Sequence[Source], tmp: Path, keep: Keep | None
) -> list[dict[str, str]]:
    """DuckDB's type of each column of some data, which was given in another form."""
    with ExitStack() as stack:
        engines: list[Engine] = []

        def look(place: int, source: Source) -> dict[str, str]:
            if not engines:  # of what was looked at before nothing is asked
                engines.append(stack.enter_context(open_engine(tmp)))
            with source.reading():
                view = source.view(engines[0], f"side_{place}", once=True)
                return dict(engines[0].columns(view))

        return [
            dict(recalled(keep, _whole(keep, one), "types", None, partial(look, place, source)))
            for place, (source, one) in enumerate(zip(sources, given, strict=True))
        ]


def _handy(source: Source, path: Path) -> Source:
    """The same rows in a form that every scan can read for itself."""
    if not source.by_column:
        # Of text and queries the types and rows are settled once.
        rows = source.write_parquet(path, tmp=path.parent)
        return replace(Source.of(path), told=source.told) if rows >= 0 else source
    if source.kind == "frame":
        value: Any = source._value
        return replace(source, _value=to_arrow(value))
    return source


# ---------------------------------------------------------------------- chunks


def _chunking(
    current: Source,
    reference: Source,
    settings: Settings,
    types: Mapping[str, str],
    base_types: Mapping[str, str],
    tmp: Path,
) -> tuple[Chunking, str, list[str]]:
    """How the current data is cut, why, and what is to be said of it."""
    notes = []
    if settings.time is not None and settings.time not in base_types:
        notes.append(
            f"The reference has no {settings.time}: what is natural in it is not known, so alarms "
            "are provisional."
        )
    by = settings.by
    if by is None:
        given = (settings.size is not None, settings.count is not None)
        by = "size" if given[0] else "count" if given[1] else None
    if by is None and settings.time is None:
        by = "all"
    if settings.reference_kind == "rolling" and by in ("all", "size", "count"):
        raise InvalidInput(
            "A rolling reference is the days before each chunk: it needs time=… and chunks by "
            f"hour, day, week or month, not {by!r}."
        )
    if by is not None:
        chunking = Chunking(by, settings.time, settings.timezone, settings.size, settings.count)
        return chunking, chunking.told, notes
    by, told = _chosen(current, reference, settings, base_types, tmp)
    return Chunking(by, settings.time, settings.timezone), told, notes


def _chosen(
    current: Source,
    reference: Source,
    settings: Settings,
    base_types: Mapping[str, str],
    tmp: Path,
) -> tuple[Any, str]:
    from mlops_lab.compute import chunks_of

    days = Chunking("day", settings.time, settings.timezone)
    known = settings.time in base_types

    def rows(source: Source, chunking: Chunking) -> dict[str, int]:
        return {chunk.key: rows for chunk, rows in chunks_of(source, chunking, tmp=tmp)}

    mine = rows(current, days)
    busy = mine and sum(mine.values()) / len(mine) >= 24 * _HOURS_WANTED
    if busy and len(mine) <= _MOST_DAYS:
        hours = Chunking("hour", settings.time, settings.timezone)
        mine, days = rows(current, hours), hours
    if settings.reference_kind == "rolling":
        theirs = mine
    else:
        theirs = rows(reference, days) if known else {}
    return choose_chunking(theirs, mine, days, settings.policy)


def _like(chunking: Chunking, types: Mapping[str, str], rows: int) -> Chunking:
    """How a reference is cut so that its chunks are like those of so many current rows."""
    if chunking.time is not None and chunking.time not in types:
        return Chunking("all")
    if chunking.by == "count":
        assert chunking.count is not None
        size = max(1, -(-rows // chunking.count))
        return Chunking("size", chunking.time, chunking.timezone, size)
    return chunking


def _see(
    source: Source,
    chunking: Chunking,
    settings: Settings,
    types: Mapping[str, str],
    cube: Cube,
    tmp: Path,
    keep: Keep | None,
    content: str | None,
) -> Seen:
    version = settings.version if settings.version in types else None
    if chunking.time is None and version is None:
        # Nothing but rows is to be seen, and they are counted.
        none = (None,) * len(cube.chunks)
        return Seen(cube.chunks, tuple(map(cube.rows, cube.keys)), none, none, none, 0)

    def look() -> dict[str, Any]:
        with open_engine(tmp) as engine, source.reading():
            return see(engine, source.view(engine), chunking, version=version).to_json()

    told = [chunking.to_json(), version]
    return Seen.from_json(recalled(keep, content, "seen", told, look))
