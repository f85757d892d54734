"""What one execution of a notebook needs and tells; free of papermill, so cheap to import."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mlops_lab.orchestration.engines.control import KernelControl

__all__ = ["Cell", "CellListener", "Session", "Stopped"]


class Stopped(Exception):
    """No further cell was started, because somebody asked for the end."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell that is being executed.

    Parameters
    ----------
    id
        The cell's id in the notebook file.
    index
        Its position among the cells that are executed, from 1: ``In [index]``.
    total
        How many cells are executed.
    source
        Its first line that says something.
    position
        Its position among all cells of the executed notebook, from 0.
    """

    id: str
    index: int
    total: int
    source: str
    position: int


class CellListener(Protocol):
    """Hears of cells, in the worker's thread."""

    def cell_started(self, cell: Cell) -> None:
        """A cell begins."""

    def cell_finished(self, cell: Cell, seconds: float, failed: bool) -> None:
        """A cell came to its end, in whichever way."""


@dataclass(slots=True)
class Session:
    """One execution of one notebook.

    Parameters
    ----------
    folder
        Where the kernel starts: the notebook's folder, as in JupyterLab.
    environment
        The kernel's whole environment.
    control
        Stops it from another thread.
    listener
        Hears of its cells.
    sockets
        A folder for the kernel's sockets, short enough for them; None for TCP.
    log
        Takes what the kernel's process itself prints.
    warm
        What a Python kernel may be forked from with these modules imported; none: a new process.
    save_as
        Where the notebook is saved every few seconds while it runs.
    executed
        The notebook with its outputs, from the first cell on.
    current
        The cell that began last.
    """

    folder: Path
    environment: Mapping[str, str]
    control: KernelControl = field(default_factory=KernelControl)
    listener: CellListener | None = None
    sockets: Path | None = None
    log: Path | None = None
    warm: tuple[str, ...] = ()
    save_as: Path | None = None
    executed: Any = None
    current: Cell | None = None
    _cells: dict[int, int] = field(default_factory=dict)
    _began: float = 0.0

    def count(self, cells: list[Any]) -> None:
        """Learn which cells are going to be executed."""
        positions = [
            position
            for position, cell in enumerate(cells)
            if cell.cell_type == "code"
            and cell.source.strip()
            and "skip-execution" not in cell.metadata.get("tags", [])
        ]
        self._cells = {position: index for index, position in enumerate(positions, start=1)}

    def cell_started(self, cell: Any, position: int) -> None:
        """A cell is sent to the kernel."""
        self.current = Cell(
            id=str(cell.get("id") or position),
            index=self._cells.get(position, 0),
            total=len(self._cells),
            source=_first_line(cell.source),
            position=position,
        )
        self._began = time.monotonic()
        if self.listener is not None:
            self.listener.cell_started(self.current)

    def cell_finished(self, position: int, failed: bool) -> None:
        """A cell is over; nothing is said of those that were not executed."""
        cell = self.current
        if cell is None or cell.position != position or self.listener is None:
            return
        self.listener.cell_finished(cell, time.monotonic() - self._began, failed)


def _first_line(source: str) -> str:
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    spoken = [line for line in lines if not line.startswith("#")] or lines
    return spoken[0][:120] if spoken else ""
