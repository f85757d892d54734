"""What a run ran in: Python, packages, hardware, git with its uncommitted changes, the notebook.

Gathering takes some hundred milliseconds, so it happens in a thread that `start_run` does not wait
for and the end of the run does. Nothing here may break a run: what cannot be found out is left out.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlops_lab.tracking.runs import ENVIRONMENT_PATH, RunManager
from mlops_lab.tracking.source import Source

__all__ = ["DIFF_PATH", "Capture", "Wanted", "capture", "git_state"]

DIFF_PATH: Final = "mlops/uncommitted.diff"

_log = logging.getLogger(__name__)

_GIT_TIMEOUT_S: Final = 10.0
_NOTEBOOK_BYTES: Final = 50_000_000
_UNTRACKED: Final = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to gather: the settings of ``[tracking]``."""

    environment: bool = True
    notebook: bool = True
    diff_kb: int = 512


class Capture:
    """The gathering for one run, under way in a thread of its own.

    Parameters
    ----------
    runs
        Where to log what was found.
    run_id
        The run that it belongs to.
    source
        The notebook or script to copy.
    wanted
        Gives what to gather; asked in the thread, because reading settings takes time.
    """

    def __init__(
        self, runs: RunManager, run_id: str, source: Source, wanted: Callable[[], Wanted]
    ) -> None:
        self._runs = runs
        self._run_id = run_id
        self._source = source
        self._wanted = wanted
        self._copied: bytes | None = None
        self._folder = Path.cwd()
        self._pid = os.getpid()
        # A daemon: an interpreter on its way out waits for it in `finish`, not for ever.
        self._thread = threading.Thread(
            target=self._work, name="mlops-lab-environment", daemon=True
        )
        self._thread.start()

    def finish(self, timeout_s: float = 20.0) -> None:
        """Wait until all is kept, and copy the notebook again as it is now."""
        if self._pid != os.getpid():
            return  # a forked child has no such thread
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._guarded(self._copy_source)

    def _work(self) -> None:
        self._guarded(self._copy_source)
        self._guarded(self._gather)

    def _guarded(self, part: Callable[[], None]) -> None:
        try:
            part()
        except Exception:  # noqa: BLE001 - whatever is odd about this machine, the run goes on
            _log.warning(
                "Not all of the environment of run %s is kept.", self._run_id[:8], exc_info=True
            )

    def _gather(self) -> None:
        wanted = self._wanted()
        if wanted.environment:
            log_environment(self._runs, self._run_id, self._folder, diff_kb=wanted.diff_kb)

    def _copy_source(self) -> None:
        path = self._source.path
        if path is None or not self._wanted().notebook:
            return
        try:
            if path.stat().st_size > _NOTEBOOK_BYTES:
                return
            data = path.read_bytes()
        except OSError:
            return  # renamed or never saved: the run is none the worse
        if data == self._copied:
            return
        kind = "notebook" if self._source.notebook else "text"
        folder = "notebook" if self._source.notebook else "source"
        self._runs.put_artifact(self._run_id, f"{folder}/{path.name}", data, kind=kind)
        self._copied = data


def log_environment(runs: RunManager, run_id: str, folder: Path, *, diff_kb: int = 512) -> None:
    """Gather the environment of this process and keep it with a run.

    Parameters
    ----------
    runs, run_id
        The run.
    folder
        Where its code is: the git repository above it is described.
    diff_kb
        Keep uncommitted changes up to this size, in units of 1,024 bytes; 0 keeps none.
    """
    environment = capture()
    git, diff = git_state(folder, diff_kb)
    if git is not None:
        environment["git"] = git
    if diff:
        runs.put_artifact(run_id, DIFF_PATH, diff, media="text/x-diff", kind="text")
    runs.put_artifact(
        run_id,
        ENVIRONMENT_PATH,
        json.dumps(environment, indent=1, ensure_ascii=False).encode("utf-8", "replace"),
        media="application/json",
        kind="dict",
        environment={
            "commit": git["commit"] if git else None,
            "branch": git["branch"] if git else None,
            "dirty": git["dirty"] if git else None,
            "python": environment["python"],
        },
    )


def capture() -> dict[str, Any]:
    """Describe this process's Python, packages and hardware."""
    import psutil

    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "host": platform.node(),
        "cores": psutil.cpu_count() or os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": _gpus(),
        "git": None,
        "packages": _packages(),
    }


def git_state(folder: Path, diff_kb: int) -> tuple[dict[str, Any] | None, bytes]:
    """Describe the git repository above a folder: where it stands and what is not committed.

    Returns
    -------
    The commit (None before the first), branch (None when detached), whether there are uncommitted
    changes, the first 200 untracked files, and the path of the kept diff with its whole size;
    beside it the diff itself, cut to ``diff_kb``. ``(None, b"")`` outside of a repository.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        return None, b""
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    branch = _git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    status = _git_bytes(folder, "status", "--porcelain", "-z", "--untracked-files=normal") or b""
    entries = [e for e in status.decode("utf-8", "replace").split("\0") if e]
    untracked = [entry[3:] for entry in entries if entry.startswith("?? ")]
    diff, size = b"", 0
    if commit and diff_kb and len(untracked) < len(entries):
        diff, size = _diff(folder, diff_kb * 1024)
    remote = _git(folder, "config", "--get", "remote.origin.url")
    return {
        "commit": commit,
        "branch": branch,
        "dirty": bool(entries),
        "remote": None if remote is None else _without_secret(remote),
        "untracked": untracked[:_UNTRACKED],
        "diff": DIFF_PATH if diff else None,
        "diff_cut": size > len(diff),
    }, diff


def _diff(folder: Path, limit: int) -> tuple[bytes, int]:
    """Give what is not committed, up to a limit, and its size as far as it was looked at."""
    command = _git_command(folder, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv")
    # Read no more than is kept: somebody's working tree may hold gigabytes of changes.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_git_environment()
    ) as process:
        timer = threading.Timer(_GIT_TIMEOUT_S, process.kill)
        timer.start()
        try:
            data = process.stdout.read(limit + 1) if process.stdout else b""
        finally:
            timer.cancel()
            process.kill()
    if len(data) > limit:
        kept = data[: data.rfind(b"\n", 0, limit) + 1]
        return kept, len(data)
    return data, len(data)


def _git(folder: Path, *arguments: str) -> str | None:
    output = _git_bytes(folder, *arguments)
    text = None if output is None else output.decode("utf-8", "replace").strip()
    return text or None


def _git_bytes(folder: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(
            _git_command(folder, *arguments),
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
            env=_git_environment(),
        )
    except (OSError, subprocess.SubprocessError):
        return None  # no git, no repository, or one that takes too long
    return done.stdout


def _git_command(folder: Path, *arguments: str) -> list[str]:
    # A repository's own configuration may name programs to run: none of them is run for us.
    return ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *arguments]


def _git_environment() -> dict[str, str]:
    # Never take the repository's lock, never ask for a password.
    return {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _without_secret(url: str) -> str:
    return re.sub(r"(?<=://)[^/@]*@", "", url)


_packages_known: tuple[object, dict[str, str]] | None = None


def _packages() -> dict[str, str]:
    """Give name and version of what is installed; read again when a folder of them has changed."""
    global _packages_known
    from importlib.metadata import distributions

    stamp = tuple((path, _changed_at(path)) for path in sys.path)
    if _packages_known is None or _packages_known[0] != stamp:
        found: dict[str, str] = {}
        for distribution in distributions():
            name = distribution.metadata["Name"]
            if name and name not in found:
                found[name] = distribution.version
        _packages_known = (stamp, dict(sorted(found.items(), key=lambda item: item[0].lower())))
    return _packages_known[1]


def _changed_at(path: str) -> int:
    try:
        return os.stat(path or ".").st_mtime_ns
    except OSError:
        return 0


def _gpus() -> list[dict[str, Any]]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run(
            [
                program,
                "--query-gpu=name,memory.total,driver_version",
                "--format=csv,noheader,nounits",
            ],
            capture_output=True,
            timeout=5,
            check=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    cards = [[part.strip() for part in line.split(",")] for line in done.stdout.splitlines()]
    return [
        {"name": name, "memory_bytes": int(memory) * 2**20, "driver": driver}
        for name, memory, driver in (card for card in cards if len(card) == 3)
        if memory.isdigit()
    ]
