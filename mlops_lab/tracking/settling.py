"""What is decided of runs: that they are deleted, brought back, or to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import Conflict, NotFound
from mlops_lab.governance import Access, Identity
from mlops_lab.store import Decision, Store
from mlops_lab.tracking import reading
from mlops_lab.tracking.finder import RunFinder, SearchRuns
from mlops_lab.tracking.goals import Direction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["RunSettler"]


class RunSettler(RunFinder):
    """The runs of one project, to be read and decided of. Safe to use from several threads.

    Parameters
    ----------
    store, goals, search
        As of `RunFinder`.
    identity
        Who decides, unless a call says otherwise.
    access
        Who may; by default everybody everything.
    """

    def __init__(
        self,
        store: Store,
        goals: Callable[[], Mapping[str, Direction]],
        search: SearchRuns,
        identity: Identity,
        access: Access | None = None,
    ) -> None:
        super().__init__(store, goals, search)
        self._identity = identity
        self._access = access or Access()

    def delete(self, run_ids: Sequence[str], *, by: Identity | None = None) -> list[str]:
        """Delete runs and all below them; they can be restored.

        Raises
        ------
        NotFound
            One of them does not exist.
        Conflict
            One of them is still running, or something was made from one of them and is still
            there: a dataset version, a model version; the message names it.
        Forbidden
            One of them is somebody else's, and only an admin deletes those.
        """
        return self._settle("run.delete", run_ids, by)

    def restore(self, run_ids: Sequence[str], *, by: Identity | None = None) -> list[str]:
        """Bring deleted runs back, with all below them."""
        return self._settle("run.restore", run_ids, by)

    def cancel(self, run_id: str, *, by: Identity | None = None) -> Decision:
        """Decide that a run is to stop; whoever executes it looks for that twice a second."""
        who = by or self._identity
        self._access.require(who, "runs:write")

        def build(cursor: DuckDBPyConnection) -> dict[str, Any]:
            found = reading.runs(cursor, [run_id])
            if not found:
                raise NotFound(f"There is no run {run_id!r}.")
            if not found[0].is_open:
                raise Conflict(f"{found[0].name} has ended already: it is {found[0].status}.")
            return {"run": run_id}

        return self._store.decide("run.cancel", build, by=who.as_by())

    def is_cancelled(self, run_id: str) -> bool:
        """Say whether somebody has decided that a run is to stop."""
        return bool(
            self._store.query(
                "select 1 from lab.decision where kind = 'run.cancel' and data->>'run' = ? limit 1",
                [run_id],
            )
        )

    def _settle(self, kind: str, run_ids: Sequence[str], by: Identity | None) -> list[str]:
        settled: list[str] = []
        who = by or self._identity
        self._access.require(who, "runs:write")

        def build(cursor: DuckDBPyConnection) -> dict[str, Any]:
            known = {record.id: record for record in reading.runs(cursor, run_ids)}
            for run_id in run_ids:
                if run_id not in known:
                    raise NotFound(f"There is no run {run_id!r}.")
            settled[:] = reading.tree(cursor, run_ids)
            if kind == "run.delete":
                for record in reading.runs(cursor, settled):
                    if record.author != who.id:
                        self._access.require(who, "runs:delete")
                    if record.status == "running" and record.owner == "journal":
                        raise Conflict(
                            f"{record.name} is running: stop it first "
                            f"(or `mlops-lab run close {record.id[:8]}`)."
                        )
                first = known[run_ids[0]].name
                what = first if len(run_ids) == 1 else f"{first} and {len(run_ids) - 1} more"
                from mlops_lab.lineage import refuse_if_needed

                refuse_if_needed(cursor, [f"run:{run_id}" for run_id in settled], what)
            return {"runs": settled}

        if run_ids:
            self._store.decide(kind, build, by=who.as_by())
        return settled
