"""Which versions may answer: what the registry says of one that is to be served."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlops_lab.errors import Corrupt, NotFound, Refused, Waiting
from mlops_lab.registry.state import ModelState, read_state
from mlops_lab.registry.verify import is_trusted, refuse_broken_chain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlops_lab.registry.records import ModelVersion
    from mlops_lab.serving.records import Revision
    from mlops_lab.store import Store

__all__ = ["refuse_rejected", "refuse_unfit", "why_not_again"]


def refuse_unfit(store: Store, cursor: DuckDBPyConnection, version: ModelVersion) -> ModelState:
    """Inside the lock: the version is there, and everything about it is as it was written.

    Returns
    -------
    ModelState
        What was decided about its model.

    Raises
    ------
    NotFound
        It was deleted.
    Corrupt
        Its files, or the decision log, were changed.
    """
    what = f"{version.name} {version.version}"
    refuse_broken_chain(store, cursor, f"{what} is not served")
    state = read_state(cursor, version.name)
    if state is None or version.version in state.deleted:
        raise NotFound(f"{what} was deleted meanwhile.")
    if not is_trusted(store, version.digest):
        raise Corrupt(
            f"The files of {what} changed while it was to be served. "
            f"`mlops-lab model verify {version.ref}` names the first one."
        )
    return state


def refuse_rejected(state: ModelState, version: int, endpoint: str, aliases: Iterable[str]) -> None:
    """What gates or people have rejected, or not yet approved, answers nobody; unless an alias was
    given to it all the same: then that alias's policy has allowed it.

    Parameters
    ----------
    endpoint
        Where it was to answer, for the sentence.
    aliases
        Those that have a policy.

    Raises
    ------
    Refused, Waiting
        The message says who said so, and what can be done with it.
    """
    if state.aliases_of(version):
        return
    what = f"{state.name} {version}"
    way = f"`mlops-lab endpoint shadow {endpoint} {state.name}@{version}` shows how it would answer"
    verdict = state.verdict(version)
    if verdict is not None and verdict.outcome == "rejected":
        why = verdict.sentences[0] if verdict.sentences else "its gates said no."
        raise Refused(f"{what} was rejected and answers nobody: {why} {way}.", state="refused")
    for alias in aliases:
        rejected = state.rejection(version, alias)
        if rejected is not None:
            raise Refused(
                f"{rejected.by} has rejected {what} for {alias}: it answers nobody. {way}.",
                state="refused",
            )
    waits = [event.alias for event in state.open_requests() if event.version == version]
    if waits or (verdict is not None and verdict.outcome == "waiting"):
        alias = f" to become {waits[0]}" if waits else ""
        raise Waiting(
            f"{what} waits for approval{alias}, and answers nobody before. {way}.", state="waiting"
        )


def why_not_again(store: Store, cursor: DuckDBPyConnection, former: Revision) -> str | None:
    """Inside the lock: why a revision that served before cannot serve again, or None."""
    state = read_state(cursor, former.model)
    if state is None or former.version in state.deleted:
        return "is deleted"
    return None if is_trusted(store, former.digest) else "has other files by now"
