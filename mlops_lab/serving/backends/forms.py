"""Converted models on disk: made once for each content, in a process of its own, or not at all.

    <cache_dir>/<content>/parity.json   the verdict, and the content of the other two
    <cache_dir>/<content>/model.onnx    when it passed
    <cache_dir>/<content>/onnx.json

A folder appears whole or not at all. Whoever needs a form that somebody makes just now waits for
it; one that is damaged, or was proved with other versions of the libraries, is made anew.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psutil
from blake3 import blake3

from mlops_lab.errors import Corrupt, LabError
from mlops_lab.registry.package import EXAMPLE, FACTS, read_facts
from mlops_lab.serving.backends.converting import LIBRARIES, REPORT, ROWS
from mlops_lab.serving.backends.onnx import GRAPH, LAYOUT
from mlops_lab.serving.backends.parity import FORMAT, ParityReport
from mlops_lab.serving.backends.proving import PROOF_ROWS
from mlops_lab.store.lock import HeldLock

__all__ = ["EXAMPLE_ROWS", "TIMEOUT_S", "content_of", "find_form", "make_form", "missing_libraries"]

TIMEOUT_S: Final = 120.0
"""How long converting and comparing may take."""

EXAMPLE_ROWS: Final = "the input example"

_MEMORY_FLOOR: Final = 2 * 2**30
_MEMORY_RATIO: Final = 40
"""A conversion may take so many times the size of the model's (packed) file, or the floor."""

_LOOK_S: Final = 0.05
_AGAIN_US: Final = 24 * 3600 * 10**6
_KEPT: Final = 64
_MODULES: Final = {"scikit-learn": "sklearn"}


def missing_libraries() -> list[str]:
    """Those of the extra ``serve`` that are not installed, of what converting takes."""
    return [name for name in LIBRARIES if find_spec(_MODULES.get(name, name)) is None]


def content_of(package: Path) -> str:
    """A name for what is converted: the model's file, what is known of it, and its example."""
    seen = blake3()
    for name in (read_facts(package).file, FACTS, EXAMPLE):
        file = package / name
        data = file.read_bytes() if file.is_file() else b""
        seen.update(f"{name} {len(data)}\n".encode())
        seen.update(data)
    return seen.hexdigest()[:32]


def find_form(package: Path, cache_dir: Path) -> tuple[Path, ParityReport] | None:
    """Find the form of a model and the verdict on it; None when it has to be made.

    Parameters
    ----------
    package
        The packed model.
    cache_dir
        Where forms are kept.
    """
    folder = cache_dir / content_of(package)
    try:
        said = json.loads((folder / REPORT).read_bytes())
        report = ParityReport.from_json(said)
        whole = said["v"] == FORMAT and (not report.passed or report.digest == _digest(folder))
    except (OSError, ValueError, KeyError, LabError):
        return None
    if report.passing and time.time_ns() // 1000 > report.made + _AGAIN_US:
        return None
    return (folder, report) if whole and _is_current(report) else None


def make_form(
    package: Path,
    cache_dir: Path,
    rows: Any = None,
    source: str = "",
    *,
    timeout_s: float = TIMEOUT_S,
    memory_bytes: int | None = None,
) -> tuple[Path, ParityReport]:
    """Convert a model and prove the form, unless somebody has done so meanwhile.

    Parameters
    ----------
    package
        The packed model, its bytes verified.
    cache_dir
        Where forms are kept; made when it is missing.
    rows
        Real rows to compare on, a frame or an array; None: the package's input example.
    source
        Where the rows came from, in words.
    timeout_s, memory_bytes
        What it may take; by default two minutes, and what a model of this size should need.

    Returns
    -------
    Path, ParityReport
        The form's folder, and the verdict: without a form when it was refused.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    name = content_of(package)
    lock = HeldLock(cache_dir / f"{name}.lock")
    try:
        found = find_form(package, cache_dir)
        if found is not None and (rows is None or found[1].source != EXAMPLE_ROWS):
            return found
        for left in cache_dir.glob(f"{name}.part-*"):  # of one that was killed
            shutil.rmtree(left, ignore_errors=True)
        part = Path(tempfile.mkdtemp(prefix=f"{name}.part-", dir=cache_dir))
        try:
            report = _made(package, part, rows, source, timeout_s, memory_bytes)
            _place(part, cache_dir / name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        _sweep(cache_dir, name)
        return cache_dir / name, report
    finally:
        lock.close()


def _made(
    package: Path,
    part: Path,
    rows: Any,
    source: str,
    timeout_s: float,
    memory_bytes: int | None,
) -> ParityReport:
    """Run the program that converts, and put its verdict, or what became of it, into the part."""
    if rows is None:
        source = EXAMPLE_ROWS
    else:
        _write_rows(rows, part / ROWS)
    size = (package / read_facts(package).file).stat().st_size
    fault = _run(
        [str(package), str(part), source, str(os.getpid())],
        part,
        timeout_s,
        max(_MEMORY_FLOOR, _MEMORY_RATIO * size) if memory_bytes is None else memory_bytes,
    )
    (part / ROWS).unlink(missing_ok=True)
    if fault is None:
        report = ParityReport.from_json(json.loads((part / REPORT).read_bytes()))
        if report.passed:
            report = replace(report, digest=_digest(part))
    else:
        for name in (GRAPH, LAYOUT):
            (part / name).unlink(missing_ok=True)
        made = time.time_ns() // 1000
        report = ParityReport(False, fault, source, versions=_here(), made=made, passing=True)
    text = json.dumps(report.to_json(), indent=1, ensure_ascii=False)
    (part / REPORT).write_text(text, "utf-8")
    return report


def _run(arguments: list[str], part: Path, timeout_s: float, memory_bytes: int) -> str | None:
    """Run the program within its bounds; a sentence when it came to no end of its own."""
    command = [sys.executable, "-P", "-m", "mlops_lab.serving.backends.converting", *arguments]
    one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    errors = part / "stderr.txt"
    deadline = time.monotonic() + timeout_s
    with errors.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={**os.environ, **one},
        )
        try:
            fault = _watched(process, deadline, timeout_s, memory_bytes)
        finally:
            process.kill()
            process.wait()
    said = errors.read_text("utf-8", "replace").strip().rpartition("\n")[2][:200]
    errors.unlink()
    if fault is not None or process.returncode == 0:
        return fault
    if process.returncode < 0:
        return f"Converting it to ONNX crashed (signal {-process.returncode})."
    return f"Converting it to ONNX failed: {said or f'exit code {process.returncode}'}."


def _watched(
    process: subprocess.Popen[bytes], deadline: float, timeout_s: float, memory_bytes: int
) -> str | None:
    watched = psutil.Process(process.pid)
    while True:
        try:
            process.wait(_LOOK_S)
            return None
        except subprocess.TimeoutExpired:
            pass
        try:
            size = watched.memory_info().rss
        except psutil.Error:
            continue
        if size > memory_bytes:
            return f"Converting it to ONNX took more than {memory_bytes / 2**30:.1f} GB of memory."
        if time.monotonic() > deadline:
            return f"Converting it to ONNX took longer than {timeout_s:.0f} s."


def _write_rows(rows: Any, target: Path) -> None:
    import pandas as pd

    frame = rows if hasattr(rows, "columns") else pd.DataFrame(rows)
    if len(frame) > PROOF_ROWS:
        frame = frame.sample(PROOF_ROWS, random_state=0)
    frame.set_axis([str(name) for name in frame.columns], axis=1).to_parquet(target, index=False)


def _place(part: Path, target: Path) -> None:
    """Let a finished folder appear under its name, durable; a damaged one goes."""
    for file in part.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())
    if target.exists():
        aside = part.with_name(f"{part.name}-old")
        os.rename(target, aside)
        os.rename(part, target)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        os.rename(part, target)


def _sweep(cache_dir: Path, keep: str) -> None:
    """Keep the newest forms alone: others are made again when somebody wants them."""
    folders = [each for each in cache_dir.iterdir() if each.is_dir() and "." not in each.name]
    folders.sort(key=lambda each: each.stat().st_mtime, reverse=True)
    for old in folders[_KEPT:]:
        if old.name != keep:
            shutil.rmtree(old, ignore_errors=True)


def _digest(folder: Path) -> str:
    seen = blake3()
    for name in (GRAPH, LAYOUT):
        try:
            data = (folder / name).read_bytes()
        except FileNotFoundError:
            raise Corrupt(f"There is no {name} in {str(folder)!r}.") from None
        seen.update(f"{name} {len(data)}\n".encode())
        seen.update(data)
    return f"b3-{seen.hexdigest()}"


def _is_current(report: ParityReport) -> bool:
    """Whether the verdict was reached with the libraries that are here.

    What only converts may be missing: an image that serves has no need of it.
    """
    here = _here()
    return all(
        here.get(name, said) == said and (name in here or name in ("onnx", "skl2onnx"))
        for name, said in report.versions.items()
    )


def _here() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
