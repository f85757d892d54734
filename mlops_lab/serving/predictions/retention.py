"""How long predictions and their truth are kept: by whole days."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from mlops_lab.serving.predictions.joining import FOLDER
from mlops_lab.serving.predictions.scanning import day_of

__all__ = ["sweep"]


def sweep(folder: Path, keep_days: float, *, now_us: int) -> int:
    """Remove the days of a log that are over for longer than `keep_days`; gives how many.

    Parameters
    ----------
    folder
        Of one endpoint: ``.mlops/predictions/<endpoint>``.
    keep_days
        Days, 0 or more; the day that is going on always stays.
    now_us
        The time, in µs, UTC.
    """
    try:
        today = datetime.fromtimestamp(now_us / 1e6, UTC).date()
        last = today - timedelta(days=max(0.0, keep_days))
    except OverflowError:  # longer than there have been days: all is kept
        return 0
    removed = 0
    for path in folder.glob("day=*"):
        try:
            day = date.fromisoformat(path.name.removeprefix("day="))
        except ValueError:
            continue
        if day < last:
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    # What was told before the oldest prediction was made is of none that is left.
    for path in (folder / FOLDER).glob("*/*.parquet"):
        if path.name[:20].isdigit() and day_of(int(path.name[:20])) < last:
            path.unlink(missing_ok=True)
    return removed
