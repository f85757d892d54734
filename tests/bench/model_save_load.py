"""A forest of 100 trees saved, loaded, logged and registered: ours and MLflow's.

    python tests/bench/model_save_load.py

Ours includes its proof: saving loads the file again and compares predictions. MLflow works as it
does by default, and once more with its requirements given, which spares it to look for them in a
process of its own. Both log another model in a run of its own each time. MLflow needs the
environment build/peers, which `make bench` makes.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PEER_PYTHON = ROOT / "build" / "peers" / "bin" / "python"
PEER = Path(__file__).parent / "peers" / "mlflow_model.py"
REPEATS = 3

sys.path.insert(0, str(PEER.parent))


def milliseconds(start: float) -> float:
    """Since then."""
    return (time.perf_counter() - start) * 1000


def measure_ours(folder: Path) -> dict[str, Any]:
    """Save and load a folder; then log and register in a run, as a user does."""
    from forest import forest

    from mlops_lab.registry.flavors import FLAVORS
    from mlops_lab.registry.package import load_model, save_model

    model, example = forest()
    saves, packs, loads = [], [], []
    for _ in range(REPEATS):
        start = time.perf_counter()
        FLAVORS["sklearn"].pack(model)
        packs.append(milliseconds(start))
        start = time.perf_counter()
        save_model(model, folder / "saved", example=example)
        saves.append(milliseconds(start))
        start = time.perf_counter()
        again = load_model(folder / "saved")
        loads.append(milliseconds(start))
        assert (again.predict(example) == model.predict(example)).all()
    size = sum(file.stat().st_size for file in (folder / "saved").iterdir())
    (folder / "mlops.toml").touch()
    os.chdir(folder)
    import mlops_lab as lab

    registers = []
    for i in range(REPEATS):
        # Equal content would be the same version, and nothing new to keep.
        model.set_params(random_state=i)
        with lab.start_run("bench") as run:
            start = time.perf_counter()
            version = run.log_model(model, example=example, register="forest")
            registers.append(milliseconds(start))
        assert version.version == i + 1
    return {
        "save_ms": min(saves),
        "of_it_packing_ms": min(packs),
        "load_ms": min(loads),
        "bytes": size,
        "log_and_register_ms": min(registers),
    }


def measure_mlflow(folder: Path) -> dict[str, Any] | None:
    """The same by the peer, None without its environment."""
    if not PEER_PYTHON.exists():
        return None
    done = subprocess.run(
        [PEER_PYTHON, PEER, folder, str(REPEATS)],
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def rounded(value: Any) -> Any:
    """Whole bytes, a tenth of a millisecond."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return round(value, 1) if isinstance(value, float) else value


def main() -> None:
    """One line."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        line = {
            "bench": "model_save_load",
            "model": "RandomForestClassifier, 100 trees of depth 12, 4,000 × 20",
            "ours": rounded(measure_ours(Path(ours))),
            "mlflow": rounded(measure_mlflow(Path(theirs))),
        }
        os.chdir(ROOT)
    print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
