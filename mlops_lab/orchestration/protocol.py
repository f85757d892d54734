"""What a step's kernel is told by its environment; the other half is in ``tracking``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["PROJECT", "RUN", "kernel_environment"]

RUN = "MLOPS_LAB_RUN"
"""The id of the step's run, which the first ``start_run()`` in the kernel adopts."""

PROJECT = "MLOPS_LAB_PROJECT"
"""The project's folder; wins over walking up from the notebook."""


def kernel_environment(
    run_id: str, project: Path, *, base: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of a step's kernel.

    Parameters
    ----------
    run_id
        The step's run.
    project
        The project's folder.
    base
        What it inherits; default this process's environment.

    Notes
    -----
    Threads of numeric libraries are held to one, so that equal seeds give equal models and steps
    do not fight for cores; an ``OMP_NUM_THREADS`` of the user's own stays.
    """
    environment = dict(os.environ if base is None else base)
    environment.setdefault("OMP_NUM_THREADS", "1")
    # Says that frozen modules are fine; otherwise debugpy checks files for seconds and warns.
    environment.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    environment[RUN] = run_id
    environment[PROJECT] = str(project)
    return environment
