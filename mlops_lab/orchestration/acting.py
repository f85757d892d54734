"""For whom a detached process works: whoever had it started, in the role that they had there."""

from __future__ import annotations

from mlops_lab.governance import Access, Identity, Rules
from mlops_lab.governance.roles import ROLES, rank
from mlops_lab.tracking import RunManager

__all__ = ["acting"]


def acting(runs: RunManager, access: Access, identity: Identity, run_id: str | None) -> Identity:
    """Say who a run decides for: whoever scheduled it, else who runs this process.

    Otherwise nobody would notice that the person who approves a model is the one whose pipeline
    has made it. A server knows the groups of who asks, a process of its own does not: so the role
    that the server has noted counts here, too. Whoever could forge that note could as well write
    the project's files.

    Parameters
    ----------
    runs, access
        The project's.
    identity
        Who runs this process.
    run_id
        The run that this process takes over, if it is one that somebody scheduled.
    """
    record = runs.find(run_id) if run_id is not None else None
    if record is None or not record.author or record.author == identity.id:
        return identity
    who = Identity(record.author, "jupyter")
    role = record.source.get("role")
    if role in ROLES and rank(role) > rank(access.role_of(who)):
        rules = access.rules
        access.adopt(Rules.of({**rules.roles, who.id: role}, rules.default))
    return who
