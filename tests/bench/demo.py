"""`make demo` from a clean clone with nothing installed, and again when it is.

    python tests/bench/demo.py

Clones what is committed, downloads everything the locks name (so the network counts, and caches of
pip, uv and npm help as they help any user) and stops before JupyterLab. ``cpu_s`` is processor time
of all processes: on a busy machine it says more than the wall clock.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "clone")
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        figures = {
            "bench": "demo",
            "cores": os.cpu_count(),
            "from_nothing": demo(clone),
            "again": demo(clone),
        }
    print(json.dumps(figures))


def demo(clone: Path) -> dict[str, float]:
    """Seconds that ``make demo`` takes, by the clock and of processor time."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"OMP_NUM_THREADS", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL"}
    }
    began, before = time.perf_counter(), _cpu()
    subprocess.run(
        ["make", "demo"],
        cwd=clone,
        env=environment | {"LAB": "0"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return {
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(_cpu() - before, 1),
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
