"""What the server announces on Jupyter's event bus: that something changed, never what."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

__all__ = ["MAX_IDS", "SCHEMA", "SCHEMA_ID", "Announcer"]

SCHEMA_ID = "https://mlops-lab.example/events/changed/v1"
MAX_IDS = 200

SCHEMA: dict[str, Any] = {
    "$id": SCHEMA_ID,
    "version": "1",
    "title": "Something changed in a project of MLOps Lab",
    "description": "Names what changed; the browser reads it through REST.",
    "personal-data": False,
    "type": "object",
    "properties": {
        "project": {"type": "string", "title": "Project", "description": "The project's key."},
        "kind": {"type": "string", "title": "Kind", "description": "The REST noun: runs, …"},
        "ids": {
            "type": "array",
            "title": "Ids",
            "description": "What changed; empty: reload all of the kind.",
            "items": {"type": "string"},
            "maxItems": MAX_IDS,
        },
        "seq": {
            "type": "integer",
            "title": "Sequence",
            "description": "Counts per server process; a gap or a smaller one: reload.",
        },
    },
    "required": ["project", "kind", "ids", "seq"],
}


class Bus(Protocol):
    """The part of Jupyter's ``EventLogger`` that we use."""

    def emit(self, *, schema_id: str, data: dict[str, Any]) -> Any:
        """Reach every subscriber; to be called on the event loop."""


class Announcer:
    """Numbers announcements. Not thread-safe: it lives on the event loop, as the bus does."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._seq = 0

    def changed(self, project: str, kind: str, ids: Collection[str]) -> None:
        """Say that these things of a kind changed; more than 200 are announced as "reload".

        Parameters
        ----------
        project
            The project's key.
        kind
            The REST noun: ``runs``, ``pipelines`` …
        ids
            Which ones; empty means all of them may have changed.
        """
        self._seq += 1
        shown = sorted(ids) if len(ids) <= MAX_IDS else []
        data = {"project": project, "kind": kind, "ids": shown, "seq": self._seq}
        self._bus.emit(schema_id=SCHEMA_ID, data=data)
