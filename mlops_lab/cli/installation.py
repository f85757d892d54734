"""What ``doctor`` looks at outside of projects: Python, JupyterLab, our halves, kernels."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlops_lab.cli.finding import Finding, pip, seen

__all__ = ["examine_installation"]

EXTENSION = "mlops-lab"
SERVER_EXTENSION = "mlops_lab.server"
LAB_AT_LEAST = (4, 6)
PYTHON_AT_LEAST = (3, 11)


def examine_installation() -> Iterator[Finding]:
    """All findings, as they are made; nothing is changed."""
    yield from seen("Python", _python())
    yield from seen("JupyterLab", _jupyterlab())
    yield from seen("sidebar", _labextension())
    yield from seen("server extension", _server_extension())
    yield from seen("running server", _running_servers())
    yield from seen("kernel", _kernel())


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
            f"{pip()} install mlops-lab",
        )


def _jupyterlab() -> Iterator[Finding]:
    try:
        have = version("jupyterlab")
    except PackageNotFoundError:
        yield Finding(
            "JupyterLab", "failed", "is not installed here", f"{pip()} install 'jupyterlab>=4.6'"
        )
        return
    if tuple(int(part) for part in have.split(".")[:2]) < LAB_AT_LEAST:
        yield Finding(
            "JupyterLab",
            "failed",
            f"{have} is too old for the extension, which needs 4.6",
            f"{pip()} install --upgrade 'jupyterlab>=4.6'",
        )
        return
    yield Finding("JupyterLab", "ok", have)


def _labextension() -> Iterator[Finding]:
    folder = _labextension_folder()
    reinstall = f"{pip()} install --force-reinstall --no-deps mlops-lab"
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


def _json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
