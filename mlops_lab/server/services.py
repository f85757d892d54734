"""What every handler of the extension shares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from mlops_lab.governance import Access
from mlops_lab.server.events import Announcer
from mlops_lab.server.known import KnownProjects
from mlops_lab.server.upstreams import Upstreams
from mlops_lab.server.watcher import Watcher

__all__ = ["Services"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """The projects, who may what, the watcher, connections to endpoints, threads that may block.

    Lives on the event loop.

    Queries and folds take 5 to 50 ms and would stop every other user of the server: they run in
    a few threads of their own, so that a slow store cannot use up asyncio's shared ones either.
    """

    known: KnownProjects
    announcer: Announcer
    executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(4, thread_name_prefix="mlops-lab")
    )
    upstreams: Upstreams = field(default_factory=Upstreams)
    watcher: Watcher = field(init=False)
    access: Access = field(init=False)

    def __post_init__(self) -> None:
        access = Access()
        access.adopt(self.known.rules.rules)
        object.__setattr__(self, "access", access)
        object.__setattr__(self, "watcher", Watcher(self.announcer, self.executor))

    async def in_thread(self, call: Callable[[], T]) -> T:
        """Run something that may block, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, call)

    async def close(self) -> None:
        """Stop watching, let running calls finish, close the projects."""
        await self.watcher.stop()
        await self.upstreams.close()
        self.executor.shutdown(wait=True, cancel_futures=True)
        self.known.close()
