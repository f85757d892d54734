"""Files with a number changed at random never crash the process that loads and uses them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_no_change_of_a_file_crashes(seed: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("mutate.py"), tmp_path, str(seed), "25"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["refused"] > 20
    assert told["used"] > 20
