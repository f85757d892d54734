"""Committing data beside DVC: one large file, many small ones, nothing changed, checkout.

    python tests/bench/data_commit.py [SCALE]

Each figure is the wall time of a fresh process that does just that, ours and DVC's one after the
other in the same folder. Ours has the disk keep every byte before it answers; DVC does not sync.
SCALE (default 1) multiplies the sizes; it is in every line.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
DVC = ROOT / "build" / "peers" / "bin" / "dvc"
SCALE = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
FILE_BYTES = int(1e9 * SCALE)
FILES, EACH_BYTES = max(10, int(10_000 * SCALE)), 200_000

OURS = """
import sys, time
import mlops_lab as lab
for _ in range(int(sys.argv[3])):
    began = time.perf_counter()
    if sys.argv[1] == "commit":
        lab.dataset("bench").commit(sys.argv[2])
    else:
        lab.dataset("bench").checkout(sys.argv[2])
    print(time.perf_counter() - began)
"""


def say(**line: object) -> None:
    """Print one result."""
    print(json.dumps({"bench": "data_commit", "scale": SCALE, **line}), flush=True)


def timed(command: list[str | Path], folder: Path) -> tuple[float, str]:
    """Run a process to its end; returns its wall time and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(
        [str(one) for one in command], cwd=folder, check=True, capture_output=True, text=True
    )
    return time.perf_counter() - began, done.stdout


def ours(verb: str, path: Path, folder: Path, *, again: bool = False) -> dict[str, float]:
    """One verb of ours: the whole process, the call in it, and the same call once more, which is
    what a notebook waits for.
    """
    wall, out = timed([sys.executable, "-c", OURS, verb, path, str(1 + again)], folder)
    calls = [round(float(line), 3) for line in out.split()]
    found = {"ours_s": round(wall - sum(calls[1:]), 3), "ours_call_s": calls[0]}
    return {**found, "ours_next_call_s": calls[1]} if again else found


def dvc(folder: Path, *arguments: str | Path) -> dict[str, float]:
    """One command of DVC's."""
    if not DVC.exists():
        return {}
    wall, _ = timed([DVC, *arguments, "--quiet"], folder)
    return {"dvc_s": round(wall, 3)}


def prepare(folder: Path) -> None:
    """A project of ours and a repository of DVC's beside it."""
    (folder / "mlops.toml").write_text("")
    if DVC.exists():
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
        for arguments in (
            ["init", "--quiet"],
            ["config", "core.analytics", "false"],
            ["config", "core.check_update", "false"],
        ):
            subprocess.run([str(DVC), *arguments], cwd=folder, check=True, capture_output=True)


def measure(folder: Path, data: Path, what: str, size: int) -> None:
    """Commit, commit again, and bring back; ours, then DVC's."""
    say(
        what=what,
        does="commit",
        bytes=size,
        **ours("commit", data, folder),
        **dvc(folder, "add", data),
    )
    # What was written a moment ago is remembered with the second look, by both.
    ours("commit", data, folder)
    unchanged = [
        {**ours("commit", data, folder, again=True), **dvc(folder, "add", data)} for _ in range(3)
    ]
    best = {key: min(one[key] for one in unchanged) for key in unchanged[0]}
    say(what=what, does="commit unchanged", bytes=size, **best)
    remove(data)
    told = ours("checkout", data, folder)
    remove(data)
    say(what=what, does="checkout", bytes=size, **told, **dvc(folder, "checkout", f"{data}.dvc"))
    ours("checkout", data, folder)
    told = {**ours("checkout", data, folder, again=True), **dvc(folder, "checkout", f"{data}.dvc")}
    say(what=what, does="checkout unchanged", bytes=size, **told)


def remove(data: Path) -> None:
    """Take the data away, and let the disk forget about it before the next clock starts."""
    shutil.rmtree(data) if data.is_dir() else data.unlink()
    os.sync()


def main() -> None:
    """Print one JSON line for each figure."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as name:
        folder = Path(name)
        prepare(folder)
        large = folder / "large.bin"
        with large.open("wb") as file:
            for _ in range(max(1, FILE_BYTES // 1_000_000)):
                file.write(os.urandom(1_000_000))
        os.sync()
        measure(folder, large, "one file", large.stat().st_size)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as name:
        folder = Path(name)
        prepare(folder)
        many = folder / "many"
        for number in range(FILES):
            path = many / f"{number % 100:02}" / f"{number}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(EACH_BYTES))
        os.sync()
        measure(folder, many, f"{FILES:,} files", FILES * EACH_BYTES)


if __name__ == "__main__":
    main()
