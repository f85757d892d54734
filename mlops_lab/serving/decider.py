"""Taking decisions about endpoints: under the store's lock, each after the one before."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Conflict, InvalidInput, LabError, NotFound
from mlops_lab.governance import Access, Identity
from mlops_lab.names import parse_reference
from mlops_lab.registry.state import read_state
from mlops_lab.registry.verify import refuse_faulty
from mlops_lab.registry.wording import some_text
from mlops_lab.serving import desired
from mlops_lab.serving.deciding import Change, Past
from mlops_lab.serving.finder import EndpointFinder, past_of, read_events, unknown
from mlops_lab.serving.fitness import refuse_rejected, refuse_unfit, why_not_again
from mlops_lab.serving.records import Desired, Revision
from mlops_lab.tracking.lines import now_us

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlops_lab.registry.manager import ModelManager
    from mlops_lab.registry.records import ModelVersion
    from mlops_lab.store import Store

__all__ = ["EndpointDecider"]

_ALIKE: Final = """
select distinct endpoint from lab.endpoint_event
where lower(endpoint) = lower($name) and endpoint <> $name
"""


class _Nothing(Exception):  # no error: there is nothing to decide
    def __init__(self, change: Change) -> None:
        super().__init__(change)
        self.change = change


class _Moved(Exception):  # no error: the alias is another version's by now
    pass


class EndpointDecider(EndpointFinder):
    """Takes the decisions about the endpoints of one project. Safe to use from several threads and
    processes.

    Parameters
    ----------
    root, store
        The project's folder, and where decisions are kept.
    identity
        Who acts, unless a call says otherwise.
    models
        Gives the manager of what can be served.
    access
        Who may what.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        identity: Identity,
        models: Callable[[], ModelManager],
        access: Access,
    ) -> None:
        super().__init__(root, store)
        self._identity = identity
        self._models = models
        self._access = access

    def _allowed(self, by: Identity | None) -> Identity:
        who = by or self._identity
        self._access.require(who, "endpoints:deploy")
        return who

    def _with_version(
        self,
        verb: str,
        name: str,
        ref: str,
        settle: Callable[[Desired | None, Past, Revision], Change],
        who: Identity,
        reason: str,
        backend: str | None,
        allow_unsafe: bool,
        *,
        answers: bool = True,
    ) -> Change:
        """Take a decision that brings a version in; its every file is read before."""
        from mlops_lab.serving.backends.preparing import prepare_version

        name, models = desired.check_name(name), self._models()
        wanted = self._backend(name, backend)
        while True:
            version = models.get(ref)
            if version.unsafe and not allow_unsafe:
                raise InvalidInput(
                    f"{version.ref} is in an unsafe format: to serve it runs whatever code is in "
                    "it, with your rights. If you trust who made it: allow_unsafe=True, on the "
                    "command line --allow-unsafe."
                )
            refuse_faulty(self._store, version, f"{name} does not get it.")
            asked = Revision(
                id="",
                model=version.name,
                version=version.version,
                digest=version.digest,
                backend=wanted,
                since=now_us(),
                by=who.id,
                unsafe=version.unsafe,
            )

            def build(
                cursor: DuckDBPyConnection, version: ModelVersion = version, asked: Revision = asked
            ) -> Change:
                events = read_events(cursor, name)
                change = settle(events[-1].desired if events else None, past_of(events), asked)
                if change.changed and not events:
                    self._refuse_alike(cursor, name)
                if change.changed:
                    state = refuse_unfit(self._store, cursor, version)
                    if answers:
                        refuse_rejected(state, version.version, name, models.policies())
                    alias = parse_reference(ref, "A model").alias
                    if alias is not None and state.aliases.get(alias) != version.version:
                        raise _Moved
                return change

            try:
                if wanted != "sklearn" and self._would_change(build):
                    # A worker converts by itself what it does not find, without rows for proof.
                    prepare_version(models, self.root, version)
                return self._taken(verb, name, build, who, reason)
            except _Moved:
                continue

    def _would_change(self, build: Callable[[DuckDBPyConnection], Change]) -> bool:
        """Whether a decision would change something, as far as is known without the lock: most of
        what is refused needs no seconds of proof. The decision itself has the last word.
        """
        try:
            with self._store.read() as cursor:
                return build(cursor).changed
        except LabError:
            return False

    def _backend(self, name: str, asked: str | None) -> str:
        """What is to run a version: what is asked for, else what runs the one that serves."""
        from mlops_lab.serving.backends import BACKENDS

        if asked is not None and asked not in ("auto", *BACKENDS):
            raise InvalidInput(
                f"A backend is auto, {' or '.join(BACKENDS)}; got {asked!r}. auto is the fastest "
                "that answers alike."
            )
        present = self.find(name)
        return asked or ("auto" if present is None else present.revision(present.stable).backend)

    def _decide(
        self,
        verb: str,
        name: str,
        settle: Callable[[Desired, Past, DuckDBPyConnection], Change],
        who: Identity,
        reason: str,
        evidence: Mapping[str, Any] | None = None,
    ) -> Change:
        """Take a decision about an endpoint that there is."""
        name = desired.check_name(name)

        def build(cursor: DuckDBPyConnection) -> Change:
            events = read_events(cursor, name)
            if not events:
                raise unknown(cursor, name)
            return settle(events[-1].desired, past_of(events), cursor)

        return self._taken(verb, name, build, who, reason, evidence)

    def _taken(
        self,
        verb: str,
        name: str,
        build: Callable[[DuckDBPyConnection], Change],
        who: Identity,
        reason: str,
        evidence: Mapping[str, Any] | None = None,
    ) -> Change:
        """Take the decision under the store's lock, then write what should be served."""
        why = some_text(reason, "A reason")
        told: Change | None = None

        def data(cursor: DuckDBPyConnection) -> dict[str, Any]:
            nonlocal told
            told = build(cursor)
            if not told.changed:
                raise _Nothing(told)
            return _line(name, told, why, evidence)

        try:
            decision = self._store.decide(f"endpoint.{verb}", data, by=who.as_by())
        except _Nothing as nothing:
            self._repair(nothing.change.desired)
            return nothing.change
        assert told is not None
        change = replace(told, desired=replace(told.desired, seq=decision.n))
        self._write(change.desired)
        return change

    # ------------------------------------------------------------------ what is refused

    def _refuse_candidate(self, cursor: DuckDBPyConnection, present: Desired) -> None:
        """Inside the lock: what is tried may serve."""
        assert present.rollout is not None
        candidate = present.revision(present.rollout.candidate)
        known = self._models()
        state = read_state(cursor, candidate.model)
        if state is None or candidate.version not in state.versions:
            raise NotFound(f"There is no {candidate.ref} any more.")
        version = known.version_of(state, state.versions[candidate.version])
        refuse_unfit(self._store, cursor, version)
        refuse_rejected(state, version.version, present.name, known.policies())

    def _refuse_alike(self, cursor: DuckDBPyConnection, name: str) -> None:
        """Inside the lock: some file systems take two such names for one."""
        for (other,) in cursor.execute(_ALIKE, {"name": name}).fetchall():
            raise Conflict(f"There is an endpoint {other}, which {name} would be taken for.")

    def _former(
        self, present: Desired, past: Past, wanted: str | None, cursor: DuckDBPyConnection
    ) -> Revision:
        """The revision to go back to; those that cannot be served any more are passed over."""
        if present.state == "stopped":
            raise Conflict(
                f"{present.name} is stopped. `mlops-lab endpoint deploy {present.name} "
                "MODEL@VERSION` starts it."
            )
        bad: builtins.list[str] = []
        for former in reversed(past.former):
            if former.id == present.stable or wanted not in (None, former.ref):
                continue
            why = why_not_again(self._store, cursor, former)
            if why is None:
                return former
            bad.append(f"{former.ref} {why}")
        stable = present.revision(present.stable)
        if wanted == stable.ref:
            raise Conflict(f"{present.name} serves {stable.ref} already.")
        which = "no version" if wanted is None else f"never {wanted}"
        passed = f" ({'; '.join(bad)})" if bad else ""
        raise Conflict(
            f"{present.name} serves {stable.ref} and served {which} before that it could go back "
            f"to{passed}. `mlops-lab endpoint deploy {present.name} MODEL@VERSION` serves another "
            "one."
        )


def _line(
    name: str, change: Change, reason: str, evidence: Mapping[str, Any] | None
) -> dict[str, Any]:
    should = change.desired
    about = should.revision(should.rollout.candidate if should.rollout else should.stable)
    line: dict[str, Any] = {
        "endpoint": name,
        "model": about.model,
        "version": about.version,
        "digest": about.digest,
        "revision": about.id,
        "reason": reason,
        "sentence": change.sentence,
        "desired": {key: value for key, value in should.to_json().items() if key != "seq"},
    }
    if should.rollout is not None:
        line |= {"rollout": should.rollout.id, "share": should.rollout.share}
    if evidence is not None:
        line["evidence"] = dict(evidence)
    return line
