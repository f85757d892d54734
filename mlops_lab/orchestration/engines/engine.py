"""Papermill's engine ``mlops-lab``: cell ids for every request, and few saves.

Importing this module imports papermill: do so inside the function that runs.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.log import logger
from papermill.utils import merge_kwargs, remove_args

from mlops_lab.orchestration.engines.client import StepClient
from mlops_lab.orchestration.engines.kernel import StepKernel
from mlops_lab.orchestration.engines.session import Session, Stopped

__all__ = ["NAME", "StepEngine", "register", "write_notebook"]

NAME = "mlops-lab"


def register() -> None:
    """Make the engine known to papermill in this process; harmless when it is."""
    papermill_engines.register(NAME, StepEngine)


def write_notebook(notebook: Any, path: Path) -> None:
    """Write a notebook so that a reader sees the old one or the new one, never a half."""
    part = path.with_name(f"{path.name}.part")
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


class _Manager(NotebookExecutionManager):  # type: ignore[misc, unused-ignore]
    """Papermill's record of an execution, which saves rarely.

    Papermill writes the whole notebook twice per cell: 20 s for 100 cells with 200 kB of output.
    Here a save happens when ``every_s`` have passed *and* saving so far took less than a twentieth
    of the time, so a killed process loses seconds, and a long notebook costs at most 5 % more.
    """

    def __init__(self, nb: Any, session: Session, every_s: float, **options: Any) -> None:
        super().__init__(nb, autosave_cell_every=0, **options)
        self.session = session
        session.executed = nb
        if session.save_as is not None:
            self.output_path = str(session.save_as)
        self.every_s = every_s
        self._began = self._saved = time.monotonic()
        self._spent = 0.0

    def save(self, **_: Any) -> None:
        now = time.monotonic()
        if not self.output_path or now - self._saved < self.every_s:
            return
        if self._spent > (now - self._began) / 20:
            return
        write_notebook(self.nb, Path(self.output_path))
        self._saved = time.monotonic()
        self._spent += self._saved - now

    def autosave_cell(self) -> None:
        """Called for every message of the kernel: a long cell's outputs are saved as well."""
        self.save()

    def cell_complete(self, cell: Any, cell_index: int | None = None, **options: Any) -> None:
        # Papermill completes cells in a `finally`, without looking: of a cell whose kernel died
        # it would say that it is done.
        leaving = sys.exc_info()[1]
        if isinstance(leaving, Stopped):
            cell.metadata.papermill["status"] = self.PENDING
            return
        if leaving is not None:
            cell.metadata.papermill["status"] = self.FAILED
            cell.metadata.papermill["exception"] = True
        super().cell_complete(cell, cell_index, **options)
        failed = cell.metadata.papermill["status"] == self.FAILED
        if cell_index is not None:
            self.session.cell_finished(cell_index, failed)

    def notebook_complete(self, **options: Any) -> None:
        # Papermill calls cells completed that never began.
        waiting = [cell for cell in self.nb.cells if cell.metadata.papermill["status"] == "pending"]
        super().notebook_complete(**options)
        for cell in waiting:
            cell.metadata.papermill["status"] = self.PENDING


class StepEngine(NBClientEngine):  # type: ignore[misc, unused-ignore]
    """Runs a notebook through `StepClient`; also as ``papermill --engine mlops-lab``."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: float = 5,
        session: Session | None = None,
        **options: Any,
    ) -> Any:
        """Execute with our record, which saves rarely and tells the session."""
        session = session or Session(folder=Path.cwd(), environment=dict(os.environ))
        session.count(nb.cells)
        manager = _Manager(
            nb,
            session,
            autosave_cell_every,
            output_path=output_path,
            progress_bar=progress_bar,
            log_output=log_output,
        )
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(
                manager, kernel_name, log_output=log_output, session=session, **options
            )
        finally:
            manager.cleanup_pbar()
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        session: Session | None = None,
        kernel: StepKernel | None = None,
        **options: Any,
    ) -> Any:
        """Execute the cells with our client."""
        rest = remove_args(["input_path", "timeout", "startup_timeout"], **options)
        merged = merge_kwargs(
            rest,
            timeout=execution_timeout or options.get("timeout"),
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            log=logger,
            log_output=log_output,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
        )
        client = StepClient(nb_man, session=session or nb_man.session, kernel=kernel, **merged)
        return client.execute()
