"""Routes of governance: who asks and what they may, and what was decided."""

from __future__ import annotations

import os
from typing import Any, Final

from jupyter_server.auth.decorator import authorized
from pydantic import Field
from tornado.web import authenticated

from mlops_lab.governance import Identity
from mlops_lab.governance.audit import AuditEntry, AuditFault, count, entries, verify
from mlops_lab.project import Project
from mlops_lab.server.encode import time_text
from mlops_lab.server.handler import LabHandler, Query, needs

__all__ = ["ROUTES"]

_INTACT: Final = "every line follows from the one before"


class _DecisionsQuery(Query):
    limit: int = Field(default=50, ge=1, le=500)
    before: int | None = Field(default=None, ge=1)
    kind: str | None = Field(default=None, max_length=100)
    by: str | None = Field(default=None, max_length=300)


class Me(LabHandler):
    """``/projects/{key}/me``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """Say who asks, and what they may do in this project."""
        who = self.identity
        await self.answer(key, lambda project: _me(project, who))


class Decisions(LabHandler):
    """``/projects/{key}/decisions``."""

    permissions = needs(get="decisions:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """List decisions, the newest first, and say whether the log is what was written."""
        query = self.query(_DecisionsQuery)
        await self.answer(key, lambda project: _decisions(project, query))


def _me(project: Project, who: Identity) -> dict[str, Any]:
    return {
        "id": who.id,
        "role": project.access.role_of(who),
        "may": list(project.access.permissions(who)),
    }


def _decisions(project: Project, query: _DecisionsQuery) -> dict[str, Any]:
    found = entries(
        project.store, kind=query.kind, by=query.by, before=query.before, limit=query.limit
    )
    return {
        "decisions": [_entry(entry) for entry in found],
        "total": count(project.store, kind=query.kind, by=query.by),
        "audit": _audit(project),
    }


def _entry(entry: AuditEntry) -> dict[str, Any]:
    ref = entry.ref
    return {
        "n": entry.n,
        "at": time_text(entry.at),
        "by": entry.by,
        "kind": entry.kind,
        "sentence": entry.sentence,
        "ref": None if ref is None else {"kind": ref[0], "id": ref[1]},
    }


# Walking the whole log takes a second per 100,000 lines: only when it has changed.
_verified: dict[str, tuple[object, list[AuditFault]]] = {}


def _audit(project: Project) -> dict[str, Any]:
    try:
        stat = os.stat(project.store.dir / "decisions.jsonl")
        stamp: object = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    except FileNotFoundError:
        stamp = None
    known = _verified.get(project.key)
    if known is None or known[0] != stamp:
        known = _verified[project.key] = (stamp, verify(project.store))
    broken = next((fault for fault in known[1] if not fault.torn), None)
    return {
        "state": "intact" if broken is None else "broken",
        "entries": count(project.store),
        "line": None if broken is None else broken.line,
        "message": _INTACT if broken is None else f"line {broken.line} {broken.message}",
    }


ROUTES = [(r"/me", Me), (r"/decisions", Decisions)]
