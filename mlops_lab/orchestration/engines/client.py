"""Papermill's notebook client with cell ids, in a kernel that somebody else starts and ends.

Importing this module imports papermill and nbclient: do so inside the function that runs.
"""

from __future__ import annotations

from typing import Any

from nbclient.util import run_sync
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient

from mlops_lab.orchestration.engines.kernel import StepKernel
from mlops_lab.orchestration.engines.session import Session, Stopped

__all__ = ["StepClient"]


class StepClient(PapermillNotebookClient):  # type: ignore[misc, unused-ignore]
    """Executes one notebook. Used once, by one thread.

    Parameters
    ----------
    nb_man
        Papermill's record of the execution.
    session
        Hears of cells and says when to stop.
    kernel
        A started kernel, which is neither started nor ended here; None for one of its own.
    """

    def __init__(
        self, nb_man: Any, *, session: Session, kernel: StepKernel | None = None, **options: Any
    ) -> None:
        super().__init__(nb_man, km=kernel.manager if kernel else None, **options)
        self.session = session
        self.kernel = kernel
        self.on_cell_execute = self._cell_begins

    def _cell_begins(self, cell: NotebookNode, cell_index: int) -> None:
        if self.session.control.stopping:
            raise Stopped
        # IPython's hooks, and with them every log_metric, learn their cell from the request's
        # metadata; nbclient and papermill send none.
        if self.kc is not None:
            self.kc.session.metadata = {"cellId": cell.get("id")}
        self.session.cell_started(cell, cell_index)

    async def async_start_new_kernel_client(self) -> Any:
        """Give the client of the kernel that is starting already."""
        if self.kernel is None:
            return await super().async_start_new_kernel_client()
        self.kc = await self.kernel.ready()
        return self.kc

    start_new_kernel_client = run_sync(async_start_new_kernel_client)
