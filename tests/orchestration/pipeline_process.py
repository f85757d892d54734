"""Runs a pipeline as a process of its own, for tests that send signals: FILE RUN_ID."""

from __future__ import annotations

import sys
from pathlib import Path

from mlops_lab.orchestration.events import Event
from mlops_lab.project import Project


class Lines:
    def on_event(self, event: Event) -> None:
        print(type(event).__name__, flush=True)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    project = Project.open(file.parents[1])
    result = project.pipelines.run(file, run_id=sys.argv[2], listener=Lines())
    print(result.reason, flush=True)
    sys.exit(result.exit_code)
