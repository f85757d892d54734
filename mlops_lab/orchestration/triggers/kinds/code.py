"""``- code: ["notebooks/**", "pipelines/**"]``: what people write has changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, Field

from mlops_lab.errors import InvalidInput
from mlops_lab.orchestration.triggers.kind import Cause, Limits, Look, Mark, Scene, TriggerKind
from mlops_lab.shapes import Line

if TYPE_CHECKING:
    from mlops_lab.document import Place
    from mlops_lab.orchestration.triggers.checking import TriggerChecker

__all__ = ["KIND"]

Pattern = Annotated[Line, Field(min_length=1, max_length=500)]

_MOST_FILES: Final = 2_000
_MOST_BYTES: Final = 20_000_000
_TOLD: Final = 3

# When the pipeline ran because of this trigger, the last time.
_RAN: Final = """
select epoch_us(r.started_at), epoch_us(r.ended_at)
from lab.trigger_event e join lab.run r on r.run_id = e.run_id
where e.kind = 'trigger.start' and e.pipeline = $pipeline
  and list_contains(coalesce(try(from_json(e.data->'$.causes[*].kind', '["varchar"]')), []), 'code')
order by e.n desc limit 1
"""


class CodeTrigger(TriggerKind):
    """Files whose code is another one. Of a notebook that are its cells, not what they printed.

    What changed while a run went on that this very trigger had started is no cause by itself: the
    run may have written it, and would start itself for ever.
    """

    name = "code"
    shape = Annotated[
        list[Pattern],
        Field(min_length=1, max_length=50),
        BeforeValidator(
            lambda value: [value] if isinstance(value, str) else value,
            json_schema_input_type=Pattern | list[Pattern],
        ),
    ]
    about = "Patterns of files, from the project's folder; ** is any number of folders."
    example = 'patterns of files, such as ["notebooks/**", "pipelines/**"]'
    usual = Limits(debounce_s=600.0, max_per_day=24)
    facts: ClassVar[Mapping[str, str]] = {"file": "the file that was changed last"}

    def text(self, value: Any) -> str:
        """``code: notebooks/**, pipelines/**``."""
        return f"code: {', '.join(value)}"

    def key(self, value: Any) -> str:
        """The patterns."""
        return f"code:{json.dumps(sorted(set(value)))}"

    def check(self, value: Any, place: Place, checker: TriggerChecker) -> tuple[str, ...] | None:
        """Patterns stay inside the project."""
        for pattern in value:
            path = PurePosixPath(pattern)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                checker.fault(
                    place,
                    f"{pattern!r} must be a pattern below the project's folder, such as "
                    "'notebooks/**'.",
                )
                return None
        return tuple(value)

    def look(self, rule: Any, mark: Mark | None, scene: Scene) -> Look:
        """The files as they are now."""
        files = sorted(_files(scene.root, rule))
        now: dict[str, Any] = {"digest": _digest(scene.root, files), "t": _us(scene.now)}
        if mark is None or mark.get("digest") == now["digest"]:
            return Look(now)
        times = {path: _changed_at(scene.root / path) for path in files}
        since = int(mark.get("t", 0))
        changed = sorted((one for one in files if times[one] > since), key=lambda one: -times[one])
        if not changed:
            at = _moment(since)  # nobody knows when, but that it was later than this
            cause = Cause(f"code:{now['digest'][:16]}", "files came, went or were put back", at, at)
            return Look(now, cause)
        for began, ended in scene.store.query(_RAN, {"pipeline": scene.pipeline}):
            if began and all(began <= times[one] <= (ended or _us(scene.now)) for one in changed):
                said = f"{changed[0]} was changed during the run that its last change had started"
                return Look(now, note=said)
        newest, oldest = times[changed[0]], times[changed[-1]]
        more = f" and {len(changed) - _TOLD} more" if len(changed) > _TOLD else ""
        verb = "was" if len(changed) == 1 else "were"
        cause = Cause(
            f"code:{now['digest'][:16]}",
            f"{', '.join(changed[:_TOLD])}{more} {verb} changed",
            _moment(newest),
            _moment(oldest),
            {"file": changed[0]},
        )
        return Look(now, cause)


KIND = CodeTrigger()


def _files(root: Path, patterns: tuple[str, ...]) -> set[str]:
    """The files that are meant, relative to the project: nothing hidden, no link that leads out."""
    found: set[str] = set()
    for pattern in patterns:
        for path in _matching(root, pattern):
            found.add(path)
            if len(found) > _MOST_FILES:
                raise InvalidInput(
                    f"{', '.join(patterns)} are more than {_MOST_FILES:,} files: name fewer."
                )
    return found


def _matching(root: Path, pattern: str) -> Iterator[str]:
    import glob

    # Written as people mean it: "notebooks/**" are the files below, however deep.
    words = f"{pattern}/*" if pattern == "**" or pattern.endswith("/**") else pattern
    for name in glob.iglob(words, root_dir=root, recursive=True):
        path = root / name
        parts = PurePosixPath(name).parts
        if "__pycache__" in parts or not path.is_file():
            continue
        if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
            yield PurePosixPath(name).as_posix()


def _digest(root: Path, files: list[str]) -> str:
    whole = hashlib.sha256()
    for name in files:
        whole.update(f"{name}\0{_content(root / name)}\n".encode())
    return whole.hexdigest()


def _content(path: Path) -> str:
    """What a file says: of a notebook the sources of its cells, without what they printed."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES)
    except OSError:
        return "unreadable"
    if path.suffix == ".ipynb":
        try:
            cells = json.loads(data)["cells"]
            said = [(cell["cell_type"], cell["source"], _tags(cell)) for cell in cells]
            data = json.dumps([(kind, "".join(text), tags) for kind, text, tags in said]).encode()
        except (ValueError, KeyError, TypeError, RecursionError):
            pass  # half a notebook, while it is being saved: its bytes then
    return hashlib.sha256(data).hexdigest()


def _tags(cell: Mapping[str, Any]) -> Any:
    metadata = cell.get("metadata")
    return metadata.get("tags") if isinstance(metadata, Mapping) else None


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns // 1000
    except OSError:
        return 0


def _us(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _moment(t: int) -> datetime:
    return datetime.fromtimestamp(t / 1_000_000, UTC)
