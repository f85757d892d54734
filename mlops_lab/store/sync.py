"""A background thread that has the disk keep the journal, at most once a second while runs are
open.
"""

from __future__ import annotations

import logging
import threading

from mlops_lab.store.journal import Writer

__all__ = ["Syncer"]

logger = logging.getLogger(__name__)

SYNC_EVERY_S = 1.0


class Syncer:
    """Counts open runs and syncs while there are any. Safe to use from several threads and after a
    fork.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._count = 0

    def hold(self) -> None:
        """One more run is open."""
        with self._mutex:
            self._count += 1
            if self._thread is None or not self._thread.is_alive():
                self._wake.clear()
                self._thread = threading.Thread(
                    target=self._run, name="mlops-lab-sync", daemon=True
                )
                self._thread.start()

    def release(self) -> None:
        """One run fewer is open; after the last one the thread ends."""
        with self._mutex:
            self._count = max(0, self._count - 1)
            if self._count == 0:
                self._wake.set()

    def stop(self) -> None:
        """End the thread whatever is open."""
        with self._mutex:
            self._count = 0
            self._wake.set()

    def forget(self) -> None:
        """In a forked child: the thread and the open runs are the parent's."""
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._thread = None
        self._count = 0

    def _run(self) -> None:
        while True:
            self._wake.wait(SYNC_EVERY_S)
            with self._mutex:
                if self._count == 0:
                    self._thread = None
                    return
                self._wake.clear()
            try:
                self._writer.sync()
            except OSError:
                # The next append meets the same disk and raises where the user sees it.
                logger.exception("the journal could not be synced")
