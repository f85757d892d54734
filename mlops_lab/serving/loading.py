"""A worker's model: its files made sure of by their hash, loaded, and warm before it answers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Corrupt, InvalidInput, LabError, NotFound
from mlops_lab.registry.package import read_example, read_facts
from mlops_lab.serving.backends import choose
from mlops_lab.serving.backends.backend import Prompt
from mlops_lab.serving.inputs import Rows, Schema
from mlops_lab.serving.outputs import Answer, WrongAnswer, answer
from mlops_lab.store.snapshot import digest_of_open_file
from mlops_lab.store.tree import Tree, TreeEntry

if TYPE_CHECKING:
    from mlops_lab.registry.signature import Signature
    from mlops_lab.serving.backends import Backend
    from mlops_lab.serving.records import Revision

__all__ = ["Loaded", "load", "refuse_changed"]

_MOST_FILES: Final = 10_000
_WARM: Final = 3
"""Calls before the first request: libraries load parts of themselves with the first."""

_PROMPT_S: Final = 0.0005
_FEW_ROWS: Final = 8
"""What is answered at once takes at most this for a row, and has so few rows: 4 ms, in which the
loop does nothing else. To hand a request to another thread and back takes about 0.1 ms.
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is ready to answer.

    Attributes
    ----------
    backend
        What runs it.
    why
        Why that one, as a sentence.
    schema, signature
        What it takes, and what it gives.
    classes
        Those that it gives probabilities of.
    load_s
        What verifying, loading and warming took, in seconds.
    prompt
        The backend, if it answers a row so quickly that another thread is not worth its while.
    """

    backend: Backend
    why: str
    schema: Schema
    signature: Signature | None
    classes: tuple[Any, ...]
    load_s: float
    prompt: Prompt | None = None

    def answer(self, rows: Rows) -> Answer:
        """Answer rows; for one thread at a time.

        Raises
        ------
        WrongAnswer
            The model gave something that is no answer.
        Exception
            Whatever the model raises.
        """
        return answer(self.backend.predict(rows), rows.count)

    def at_once(self, rows: Rows) -> Answer | None:
        """Answer rows in a way that cannot hang, if the backend has one that is quick and for these
        rows; else None. `answer` must not be at work.
        """
        if self.prompt is None or rows.count > _FEW_ROWS:
            return None
        result = self.prompt.at_once(rows)
        return None if result is None else answer(result, rows.count)


def load(folder: Path, revision: Revision, *, cache: Path | None) -> Loaded:
    """Verify, load and warm the model of a revision.

    Parameters
    ----------
    folder
        The model's package.
    revision
        What was deployed.
    cache
        Where converted forms of models are kept.

    Raises
    ------
    NotFound, Corrupt, InvalidInput
        Its files are not what was registered, cannot be loaded, or the model does not answer its
        own example.
    """
    began = time.monotonic()
    refuse_changed(folder, revision.digest, revision.ref)
    chosen = choose(folder, revision.backend, cache_dir=cache, allow_unsafe=revision.unsafe)
    schema = Schema.read(folder)
    example = read_example(folder)
    classes: tuple[Any, ...] = ()
    prompt: Prompt | None = None
    if example is not None:
        rows = schema.rows_of(example)
        prompt = _prompt(chosen.backend, rows.slice(0, 1))
        classes = _warm(chosen.backend, rows.slice(0, 1), revision.ref).classes
        _warm(chosen.backend, rows, revision.ref)
    return Loaded(
        chosen.backend,
        chosen.why,
        schema,
        read_facts(folder).signature,
        classes,
        time.monotonic() - began,
        prompt,
    )


def _warm(backend: Backend, rows: Rows, what: str) -> Answer:
    try:
        for _ in range(_WARM):
            found = answer(backend.predict(rows), rows.count)
    except LabError:
        raise
    except (Exception, WrongAnswer) as error:
        raise InvalidInput(
            f"{what} does not answer its own input example: {type(error).__name__}: {error}"
        ) from error
    return found


def _prompt(backend: Backend, row: Rows) -> Prompt | None:
    """The backend, if it has a way that cannot hang and that is quick."""
    if not isinstance(backend, Prompt):
        return None
    took = []
    for _ in range(_WARM + 2):
        began = time.perf_counter()
        backend.at_once(row)
        took.append(time.perf_counter() - began)
    # The least: the others were interrupted, or the first.
    return backend if min(took) < _PROMPT_S else None


def refuse_changed(folder: Path, digest: str, what: str) -> None:
    """Refuse a model's folder whose content is not the one that was deployed; reads every byte.

    Parameters
    ----------
    folder
        With the model's files.
    digest
        The content id that the folder must have.
    what
        How to name it: ``flight-delay@5``.

    Raises
    ------
    NotFound
        There is no such folder.
    Corrupt
        It holds other files, or other bytes.
    """
    if not folder.is_dir():
        raise NotFound(f"The files of {what} are not in {str(folder)!r}.")
    try:
        found = Tree.of(_entries(folder)).digest
    except (OSError, LabError) as error:
        raise Corrupt(f"The files of {what} cannot be read: {error}. It is not served.") from None
    if found != digest:
        raise Corrupt(
            f"The files of {what} are not what was registered: their content is {found}, it must "
            f"be {digest}. It is not served; `mlops-lab model verify {what}` names the file."
        )


def _entries(folder: Path) -> Iterator[TreeEntry]:
    files = (Path(at, name) for at, _, names in os.walk(folder) for name in names)
    for count, file in enumerate(files):
        if count == _MOST_FILES:
            raise Corrupt(f"there are more than {_MOST_FILES:,}")
        with file.open("rb") as opened:
            digest = digest_of_open_file(opened.fileno())
            size = os.fstat(opened.fileno()).st_size
        yield TreeEntry(file.relative_to(folder).as_posix(), digest, size)
