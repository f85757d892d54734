"""Work in processes of its own, which outlives the server or kernel that started it."""

from __future__ import annotations

import logging
import os
import platform
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlops_lab.errors import InvalidInput
from mlops_lab.governance import Identity
from mlops_lab.orchestration import protocol, scratch
from mlops_lab.orchestration.params import as_text
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager
from mlops_lab.tracking.records import RunRecord

__all__ = ["command", "interrupt", "launch", "log_path", "process_of", "start"]

logger = logging.getLogger(__name__)

TAIL_BYTES = 2000

LONGEST_WORD_BYTES = 100_000
"""Longest word of a command line; Linux takes 128 kB."""

# What the starter was told by whoever started it is not true for the new process.
_NOT_INHERITED = (protocol.RUN, "JPY_PARENT_PID", "JPY_SESSION_NAME", "JPY_INTERRUPT_EVENT")


def log_path(store: Store, run_id: str) -> Path:
    """Where a detached run's output goes."""
    return store.dir / "logs" / f"{run_id}.log"


def command(root: Path, pipeline: Path, run_id: str, params: Mapping[str, Any]) -> list[str]:
    """The command line that runs a pipeline, as a person could type it."""
    words = ["-m", "mlops_lab", "--project", str(root)]
    words += ["pipeline", "run", str(pipeline), "--run-id", run_id]
    for name, value in params.items():
        words += ["-p", f"{name}={as_text(value)}"]
    # -P: a folder of the project that is called mlops_lab must not be taken for ours.
    return [sys.executable, "-P", *words]


def start(
    root: Path,
    store: Store,
    runs: RunManager,
    pipeline: Path,
    *,
    name: str,
    params: Mapping[str, Any],
    run_id: str | None = None,
    source: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    owner: str = "journal",
    by: Identity | None = None,
    role: str | None = None,
) -> str:
    """Journal a run as scheduled, and start the process that runs it.

    Parameters
    ----------
    root
        The project's folder.
    pipeline
        Absolute path of a pipeline file without faults.
    name
        The pipeline's name.
    params
        Passed on as ``-p``.
    run_id
        The id the run should have. One that exists is answered with, and nothing is started.
    source, tags
        What else the run says of where it comes from, and its tags.
    owner
        ``remote`` where this process may be gone before that one has begun: the run waits for it.
    by, role
        Who asks, and in which role.

    Returns
    -------
    str
        The run's id.

    Raises
    ------
    InvalidInput
        A param is longer than a command can be given.
    """
    if run_id is not None and runs.find(run_id) is not None:
        return run_id
    run_id = run_id or secrets.token_hex(16)
    return launch(
        root,
        store,
        runs,
        command(root, pipeline, run_id, params),
        run_id=run_id,
        kind="pipeline",
        stem=name,
        experiment=name,
        source={"pipeline": os.path.relpath(pipeline, root), **(source or {})},
        tags=tags,
        owner=owner,
        by=by,
        role=role,
    )


def launch(
    root: Path,
    store: Store,
    runs: RunManager,
    words: Sequence[str],
    *,
    run_id: str,
    kind: str,
    stem: str,
    experiment: str | None = None,
    source: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    owner: str = "journal",
    by: Identity | None = None,
    role: str | None = None,
) -> str:
    """Journal a run as scheduled, and start the process that takes it over.

    Parameters
    ----------
    root
        The project's folder.
    words
        The command; it takes the run over by its id, which is among them.
    run_id
        32 hexadecimal characters that no run has.
    kind, stem, experiment, source, tags, owner, by
        As of `RunManager.start`.
    role
        Which role the one who asks has here; see `acting`.

    Raises
    ------
    InvalidInput
        A word is longer than a command can be given.
    """
    for word in words:
        if len(word.encode()) > LONGEST_WORD_BYTES:
            raise InvalidInput(
                f"{word.partition('=')[0][:100]} has {len(word):,} characters: more than a command "
                "can be given. Put it into a file and name that as an input."
            )
    runs.start(
        stem=stem,
        experiment=experiment,
        kind=kind,
        run_id=run_id,
        status="scheduled",
        owner=owner,
        tags=tags,
        source={**(source or {}), **({"role": role} if role else {})},
        by=by,
    )
    log = log_path(store, run_id)
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {key: text for key, text in os.environ.items() if key not in _NOT_INHERITED}
    environment["PYTHONUNBUFFERED"] = "1"  # the log is read while it grows
    try:
        with log.open("ab") as stream:
            process = subprocess.Popen(
                words,
                cwd=root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        runs.end(run_id, "failed", reason=f"The process could not be started: {error}.")
        raise
    threading.Thread(
        target=_reap, args=(process, store, runs, run_id), name=f"reap {run_id[:8]}", daemon=True
    ).start()
    return run_id


def interrupt(record: RunRecord) -> bool:
    """Send SIGINT to the process of a run, if it is one of this machine and still the same.

    Returns
    -------
    bool
        Whether the signal was sent; the decision alone stops it within half a second as well.
    """
    pid = process_of(record)
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGINT)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def process_of(record: RunRecord) -> int | None:
    """The process that runs a pipeline, if it is one of this machine and still the same."""
    import psutil

    source = record.source
    pid, started = source.get("pid"), source.get("process_started")
    if record.status != "running" or source.get("host") != platform.node():
        return None
    if not isinstance(pid, int) or not isinstance(started, int | float):
        return None
    try:
        # A process id is used again; together with its start time it is one process only.
        same = abs(psutil.Process(pid).create_time() - started) <= 0.05
    except psutil.Error:
        return None
    return pid if same else None


def _reap(process: subprocess.Popen[bytes], store: Store, runs: RunManager, run_id: str) -> None:
    """Wait for the process; nobody who leaves waits for that."""
    code = process.wait()
    # An interpreter that goes while a thread is inside DuckDB is aborted: it waits for the rest.
    with suppress(RuntimeError):  # it goes already
        threading.Thread(target=_settle, args=(code, store, runs, run_id), daemon=False).start()


def _settle(code: int, store: Store, runs: RunManager, run_id: str) -> None:
    """When the process died before its first line, end its run for it."""
    try:
        scratch.recover(store, runs)
        record = runs.find(run_id)
        if record is None or record.status != "scheduled":
            return
        tail = _tail(log_path(store, run_id))
        why = f"signal {-code}" if code < 0 else f"exit code {code}"
        runs.end(
            run_id,
            "failed",
            reason=f"The process ended before the run began ({why}): {tail or 'it said nothing'}",
        )
    except Exception:
        logger.exception("run %s could not be ended", run_id)


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
            return stream.read().decode("utf-8", errors="replace").strip()
    except OSError:
        return ""
