"""What a detached run printed, read a piece at a time while it grows."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

from mlops_lab.errors import NotFound
from mlops_lab.orchestration.detached import log_path
from mlops_lab.project import Project

__all__ = ["MAX_BYTES", "read_log", "read_piece"]

MAX_BYTES = 256 * 1024


def read_log(project: Project, run_id: str, offset: int) -> dict[str, Any]:
    """Read at most 256 kB of a run's log.

    Parameters
    ----------
    offset
        Where to read on, in bytes; a negative one counts from the end.

    Returns
    -------
    dict
        ``text``; ``offset``, where to read on; ``size`` of the log; ``done``, whether the run has
        ended and all of its log was read.

    Raises
    ------
    NotFound
        The run is not known, or printed nowhere.
    """
    record = project.runs.get(run_id)
    return read_piece(
        log_path(project.store, record.id),
        offset,
        not record.is_open,
        f"{record.name} has no log: only detached runs have one.",
    )


def read_piece(path: Path, offset: int, ended: bool, missing: str) -> dict[str, Any]:
    """Read at most 256 kB of a log, as `read_log` gives them.

    Parameters
    ----------
    ended
        Whether nothing more will be written.
    missing
        What to say where there is no log.

    Raises
    ------
    NotFound
        There is none.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = max(0, size + offset) if offset < 0 else min(offset, size)
            file.seek(start)
            data = file.read(MAX_BYTES)
    except FileNotFoundError as error:
        raise NotFound(missing) from error
    # A character that is only half there is read next time, unless nothing more will come.
    last = ended and start + len(data) >= size
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data, final=last)
    taken = len(data) - len(decoder.getstate()[0])
    return {"text": text, "offset": start + taken, "size": size, "done": last}
