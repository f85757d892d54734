"""A project whose monitors have something to find: eight quiet days, then three warm ones."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from mlops_lab.project import Project

__all__ = ["DELAY", "day", "fill", "grow"]

DELAY = """\
name: delay
current: dataset:predictions
reference: dataset:flights
time: at
by: day
units: {temp: °F}
domain: false
"""

BAD = """\
current: dataset:predictions
refrence: training
by: weak
"""

GHOST = """\
current: dataset:nowhere
reference: dataset:flights
"""


def day(number: int, *, shift: float = 0.0, rows: int = 400) -> pd.DataFrame:
    """A day's flights."""
    random = np.random.default_rng(100 + number)
    at = pd.Timestamp("2013-02-01") + pd.Timedelta(days=number)
    return pd.DataFrame(
        {
            "at": at + pd.to_timedelta(random.integers(0, 86_400, rows), unit="s"),
            "temp": random.normal(40 + shift, 10, rows),
            "carrier": random.choice(["EV", "UA", "B6"], rows),
        }
    )


def grow(project: Project, first: int, last: int, shift: float = 0.0) -> None:
    """Bring the predictions of more days."""
    folder = project.root / "data"
    folder.mkdir(exist_ok=True)
    for number in range(first, last):
        day(number, shift=shift).to_parquet(folder / f"{number:03}.parquet")
    project.datasets.commit("predictions", folder, checks=False)


def fill(project: Project, *, warm: bool = True) -> None:
    """Its data and its monitors: ``delay``, one with faults, one of data that is not there."""
    folder = project.root / "monitors"
    folder.mkdir(exist_ok=True)
    for name, text in {"delay": DELAY, "bad": BAD, "ghost": GHOST}.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    reference = pd.concat([day(number) for number in range(-12, 0)])
    project.datasets.commit("flights", reference)
    grow(project, 0, 8)
    if warm:
        grow(project, 8, 11, shift=25.0)


def killed_check(root: Path) -> None:
    """Check, and die without a word in the middle of it."""

    def die(share: float, what: str) -> None:
        if share > 0.2:
            sys.stdout.flush()
            os.kill(os.getpid(), 9)

    project = Project.open(root)
    run = project.runs.start(name="starter")
    project.runs.end(run)
    project.monitors.check("delay", progress=die)


if __name__ == "__main__":
    killed_check(Path(sys.argv[1]))
