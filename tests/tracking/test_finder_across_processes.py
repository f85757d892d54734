from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mlops_lab.project import Project

WRITER = """
import sys
from mlops_lab.project import Project
runs = Project.open(sys.argv[1]).runs
runs.log_metrics("0" * 32, {"a": 1.0})
for _ in sys.stdin:
    print(runs.start(name="just now"), flush=True)
"""


def test_a_run_that_another_process_started_just_now_is_found(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    command = [sys.executable, "-c", WRITER, str(project.root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for _ in range(5):
            # An index as young as can be: the next read would not fold.
            project.store.fold(force=True)
            writer.stdin.write("\n")
            writer.stdin.flush()
            assert project.runs.get(writer.stdout.readline().strip()).name == "just now"
        writer.stdin.close()
