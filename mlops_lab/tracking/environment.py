"""What a run ran in: Python, packages, hardware, and git with its uncommitted changes."""

from __future__ import annotations

import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

__all__ = ["DIFF_PATH", "describe", "git_state"]

DIFF_PATH: Final = "mlops/uncommitted.diff"

_log = logging.getLogger(__name__)

_GIT_TIMEOUT_S: Final = 10.0
_NOTEBOOK_BYTES: Final = 50_000_000
_UNTRACKED: Final = 200


def describe() -> dict[str, Any]:
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
