"""Experiments: named groups of comparable runs; a decision gives each its id."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import NotFound
from mlops_lab.governance import Identity
from mlops_lab.store import Store
from mlops_lab.tracking import reading
from mlops_lab.tracking.lines import label
from mlops_lab.tracking.records import ExperimentRecord

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["DEFAULT_EXPERIMENT", "ExperimentManager"]

DEFAULT_EXPERIMENT: Final = "Default"


class _Exists(Exception):
    """Somebody else created it while we waited for the lock; nothing is to be decided."""


class ExperimentManager:
    """The experiments of one project; safe to use from several threads.

    Parameters
    ----------
    store
        Where they are kept.
    identity
        Who creates them, unless a call says otherwise.
    """

    def __init__(self, store: Store, identity: Identity) -> None:
        self._store = store
        self._identity = identity
        self._known = {DEFAULT_EXPERIMENT}
        self._seen = 0
        self._lock = threading.Lock()

    def ensure(self, name: str, *, by: Identity | None = None) -> str:
        """Create the experiment unless it exists, and give its name back.

        Asked of the decisions rather than of the index: it is what `start_run` waits for.
        """
        label(name, "An experiment's name", 500)
        with self._lock:
            if name not in self._known:
                self._catch_up()
            if name not in self._known:
                self._create(name, by or self._identity)
                self._known.add(name)
        return name

    def search(self) -> list[ExperimentRecord]:
        """Give all experiments, the one with the newest news first; *Default* only when used."""
        with self._store.read() as cursor:
            return reading.experiments(cursor)

    def get(self, name_or_id: str) -> ExperimentRecord:
        """Give the experiment of this name, else of this id.

        Raises
        ------
        NotFound
            There is none; the message names those that exist.
        """
        known = self.search()
        for experiment in known:
            if name_or_id == experiment.name:
                return experiment
        for experiment in known:
            if name_or_id == experiment.id:
                return experiment
        names = ", ".join(repr(experiment.name) for experiment in known[:10]) or "none yet"
        raise NotFound(f"There is no experiment {name_or_id!r}; there are: {names}.")

    def _catch_up(self) -> None:
        for decision in self._store.decisions(self._seen):
            self._seen = decision.n
            if decision.kind == "experiment.create":
                self._known.add(str(decision.data["name"]))

    def _create(self, name: str, by: Identity) -> None:
        def build(cursor: DuckDBPyConnection) -> dict[str, Any]:
            taken = cursor.execute(
                "select count(*) from lab.experiment where name = ?", [name]
            ).fetchone()
            if taken and taken[0]:
                raise _Exists
            last = cursor.execute(
                "select max(try_cast(experiment_id as bigint)) from lab.experiment"
            ).fetchone()
            return {
                "id": str(int(last[0] if last and last[0] is not None else 0) + 1),
                "name": name,
            }

        try:
            self._store.decide("experiment.create", build, by=by.as_by())
        except _Exists:
            return
