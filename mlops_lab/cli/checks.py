"""What ``doctor`` looks at. Each check gives findings; none changes anything."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from mlops_lab.cli.output import shown, size
from mlops_lab.errors import LabError

__all__ = ["Finding", "examine"]

EXTENSION = "mlops-lab"
SERVER_EXTENSION = "mlops_lab.server"
LAB_AT_LEAST = (4, 6)
PYTHON_AT_LEAST = (3, 11)
LITTLE_SPACE = 1 << 30
NO_SPACE = 100 << 20

State = Literal["ok", "failed", "warning", "hint"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    what
        A word or two.
    state
        ok, failed (broken), warning, or hint (worth knowing).
    message
        How it is, as a sentence.
    mend
        The command that mends it; empty when there is nothing to mend.
    """

    what: str
    state: State
    message: str
    mend: str = ""


def examine(directory: Path | None) -> Iterator[Finding]:
    """All findings, as they are made.

    Parameters
    ----------
    directory
        A project, or a folder in it; default the current folder.
    """
    yield from _python()
    yield from _jupyterlab()
    yield from _labextension()
    yield from _server_extension()
    yield from _running_servers()
    yield from _kernel()
    yield from _project(directory)


# --- the installation -----------------------------------------------------------------------------


def _python() -> Iterator[Finding]:
    have = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < PYTHON_AT_LEAST:
        yield Finding("Python", "failed", f"{have}; 3.11 or newer is needed", "install Python 3.11")
    else:
        yield Finding("Python", "ok", f"{have}, {sys.executable}")
    try:
        yield Finding("MLOps Lab", "ok", f"{version('mlops-lab')}, {Path(__file__).parents[1]}")
    except PackageNotFoundError:
        where = Path(__file__).parents[1]
        yield Finding(
            "MLOps Lab",
            "failed",
            f"imported from {where}, but not installed: JupyterLab cannot find it",
            f"{_pip()} install mlops-lab",
        )


def _jupyterlab() -> Iterator[Finding]:
    try:
        have = version("jupyterlab")
    except PackageNotFoundError:
        yield Finding(
            "JupyterLab", "failed", "is not installed here", f"{_pip()} install 'jupyterlab>=4.6'"
        )
        return
    if tuple(int(part) for part in have.split(".")[:2]) < LAB_AT_LEAST:
        yield Finding(
            "JupyterLab",
            "failed",
            f"{have} is too old for the extension, which needs 4.6",
            f"{_pip()} install --upgrade 'jupyterlab>=4.6'",
        )
        return
    yield Finding("JupyterLab", "ok", have)


def _labextension() -> Iterator[Finding]:
    folder = _labextension_folder()
    reinstall = f"{_pip()} install --force-reinstall --no-deps mlops-lab"
    if folder is None:
        yield Finding(
            "sidebar", "failed", "the JupyterLab extension is in none of its folders", reinstall
        )
        return
    try:
        package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        have = str(package["version"])
        loads = package["jupyterlab"]["_build"]["load"]
    except (OSError, ValueError, KeyError, TypeError):
        yield Finding("sidebar", "failed", f"{folder} holds no built extension", reinstall)
        return
    if not (folder / loads).is_file():
        yield Finding("sidebar", "failed", f"{folder / loads} is missing", reinstall)
        return
    disabled = _disabled_in_lab()
    if disabled:
        yield Finding(
            "sidebar",
            "failed",
            f"is disabled in {disabled}",
            f"jupyter labextension enable {EXTENSION}",
        )
        return
    try:
        wanted = version("mlops-lab")
    except PackageNotFoundError:
        wanted = have
    if have != wanted:
        yield Finding(
            "sidebar", "warning", f"is of version {have}, the Python half of {wanted}", reinstall
        )
        return
    yield Finding("sidebar", "ok", f"extension {have}, {folder}")


def _labextension_folder() -> Path | None:
    from jupyter_core.paths import jupyter_path

    for path in jupyter_path("labextensions"):
        if (Path(path) / EXTENSION / "package.json").is_file():
            return Path(path) / EXTENSION
    return None


def _disabled_in_lab() -> str:
    """Where the extension is switched off, or nothing."""
    from jupyter_core.paths import jupyter_config_path

    for folder in jupyter_config_path():
        for file in (
            Path(folder) / "labconfig" / "page_config.json",
            *sorted((Path(folder) / "labconfig" / "page_config.d").glob("*.json")),
        ):
            switched = _json(file).get("disabledExtensions", {})
            if isinstance(switched, list):
                switched = dict.fromkeys(switched, True)
            if isinstance(switched, dict) and switched.get(EXTENSION):
                return str(file)
    return ""


def _server_extension() -> Iterator[Finding]:
    enabled, where = _enabled_on_server()
    if enabled is None:
        yield Finding(
            "server extension",
            "failed",
            "no configuration enables it",
            f"jupyter server extension enable {SERVER_EXTENSION}",
        )
    elif not enabled:
        yield Finding(
            "server extension",
            "failed",
            f"is disabled in {where}",
            f"jupyter server extension enable {SERVER_EXTENSION}",
        )
    else:
        yield Finding("server extension", "ok", f"enabled in {where}")


def _enabled_on_server() -> tuple[bool | None, Path | None]:
    from jupyter_core.paths import jupyter_config_path

    # The first folder wins, and in it the file before its .d folder.
    for folder in jupyter_config_path():
        for file in (
            Path(folder) / "jupyter_server_config.json",
            *sorted((Path(folder) / "jupyter_server_config.d").glob("*.json")),
        ):
            switched = _json(file).get("ServerApp", {}).get("jpserver_extensions", {})
            for name in (SERVER_EXTENSION, "mlops_lab"):
                if name in switched:
                    return bool(switched[name]), file
    return None, None


def _running_servers() -> Iterator[Finding]:
    import psutil
    from jupyter_core.paths import jupyter_runtime_dir

    installed = _installed_at()
    for file in sorted(Path(jupyter_runtime_dir()).glob("jpserver-*.json")):
        facts = _json(file)
        try:
            process = psutil.Process(int(facts["pid"]))
            started = process.create_time()
            ours = Path(process.cmdline()[0]).parent == Path(sys.executable).parent
        except (psutil.Error, KeyError, ValueError, IndexError):
            continue  # it ended without cleaning up
        parts = urlsplit(str(facts.get("url", "")))
        where = f"http://{parts.netloc}{parts.path}"
        if not ours:
            yield Finding("server", "hint", f"{where} runs in another Python: not looked at")
        elif installed and started < installed:
            yield Finding(
                "server",
                "warning",
                f"{where} (process {process.pid}) is older than this installation",
                f"jupyter server stop {parts.port or ''} and start JupyterLab again".replace(
                    "  ", " "
                ),
            )
        else:
            yield Finding("server", "ok", f"{where} runs with this installation")


def _installed_at() -> float:
    """When what a server loads was last changed, in seconds since 1970."""
    from importlib.metadata import distribution

    times = []
    folder = _labextension_folder()
    if folder is not None:
        times.append((folder / "package.json").stat().st_mtime)
    try:
        record = distribution("mlops-lab").locate_file("")
        times += [
            path.stat().st_mtime for path in Path(str(record)).glob("mlops_lab-*.dist-info/RECORD")
        ]
    except PackageNotFoundError:
        pass
    return max(times, default=0.0)


def _kernel() -> Iterator[Finding]:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        yield Finding(
            "kernel",
            "failed",
            "there is no kernel python3, in which pipelines run",
            f"{sys.executable} -m ipykernel install --sys-prefix",
        )
        return
    # Jupyter itself reads a bare "python" as the Python that it runs in.
    bare = spec.argv[0] in ("python", "python3", f"python3.{sys.version_info.minor}")
    program = sys.executable if bare else shutil.which(spec.argv[0]) or spec.argv[0]
    if Path(program).exists() and _same_environment(Path(program)):
        yield Finding("kernel", "ok", "python3 runs in this Python")
        return
    if not Path(program).exists():
        yield Finding(
            "kernel",
            "failed",
            f"python3 runs in {program}, which is not there",
            f"{sys.executable} -m ipykernel install --sys-prefix",
        )
    elif _has_us(program):
        yield Finding("kernel", "hint", f"python3 runs in another Python, {program}")
    else:
        yield Finding(
            "kernel",
            "failed",
            f"python3 runs in {program}, which has no mlops_lab",
            f"{sys.executable} -m ipykernel install --sys-prefix",
        )


def _has_us(python: str) -> bool:
    try:
        command = [python, "-c", "import mlops_lab"]
        return not subprocess.run(command, capture_output=True, check=False, timeout=60).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def _same_environment(program: Path) -> bool:
    return program.parent.resolve() == Path(sys.executable).parent.resolve()


# --- the project ----------------------------------------------------------------------------------


def _project(directory: Path | None) -> Iterator[Finding]:
    from mlops_lab.project import Project

    near = directory or Path(os.environ.get("MLOPS_LAB_PROJECT") or Path.cwd())
    if not near.exists():
        yield Finding("project", "failed", f"there is no folder {near}", f"mlops-lab init {near}")
        return
    try:
        project = Project.find(near)
    except (LabError, OSError) as error:
        yield Finding("project", "failed", str(error))
        yield from _space(near)
        return
    if project is None:
        yield Finding("project", "hint", f"none in {near.absolute()} or above", "mlops-lab init")
        yield from _locks(near)
        yield from _space(near)
        return
    try:
        said = f"{project.name}, {project.root}"
    except LabError as error:
        yield Finding("project", "failed", str(error))
    else:
        read_only = ", read-only here" if project.read_only else ""
        yield Finding("project", "warning" if read_only else "ok", said + read_only)
    yield from _store(project)
    yield from _space(project.root)
    yield from _git(project.root)


def _store(project: Any) -> Iterator[Finding]:
    began = time.monotonic()
    try:
        status = project.store.status()
    except LabError as error:
        yield Finding("store", "failed", str(error), "mlops-lab store fold --rebuild")
        return
    took = time.monotonic() - began
    if status.locks:
        yield Finding(
            "locks",
            "failed",
            f"{status.locks}; several processes could lose data",
            "move the project to a local file system",
        )
    elif status.network:
        yield Finding(
            "locks", "warning", f"work, but this is a network file system ({status.network})"
        )
    else:
        yield Finding("locks", "ok", "a lock taken here shuts a second process out")
    total = (
        f"{size(status.journal_bytes)} in {status.journals} journals, {status.decisions} decisions"
    )
    if status.rejected:
        yield Finding(
            "store",
            "warning",
            f"{status.rejected} unreadable lines are set aside",
            "mlops-lab store verify",
        )
    elif status.newer:
        yield Finding(
            "store",
            "warning",
            f"{status.newer} lines are of a newer program; they are kept and read by it",
            f"{_pip()} install --upgrade mlops-lab",
        )
    else:
        yield Finding("store", "ok", f"{total}, read in {took:.1f} s")


def _locks(near: Path) -> Iterator[Finding]:
    """The lock test where there is no store yet."""
    from mlops_lab.store.lock import locks_work

    folder = near if near.is_dir() else near.parent
    if not os.access(folder, os.W_OK):
        yield Finding("folder", "warning", f"nothing can be written in {shown(folder)}")
        return
    problem = locks_work(folder)
    if problem:
        yield Finding("locks", "failed", problem, "make the project on a local file system")
    else:
        yield Finding("locks", "ok", "a lock taken here shuts a second process out")


def _space(near: Path) -> Iterator[Finding]:
    folder = near.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    state: State = "failed" if free < NO_SPACE else "warning" if free < LITTLE_SPACE else "ok"
    yield Finding(
        "disk", state, f"{size(free)} free", "" if state == "ok" else f"du -sh {shown(folder)}"
    )


def _git(root: Path) -> Iterator[Finding]:
    if any((folder / ".git").exists() for folder in (root, *root.parents)):
        yield Finding(
            "git",
            "hint",
            "`git clean -fdx` would delete the store, like every ignored file",
            "git clean -fdx -e .mlops",
        )


def _json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _pip() -> str:
    return f"{shown(sys.executable)} -m pip"
