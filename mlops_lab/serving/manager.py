"""The endpoints of a project: each change is one decision, and then what should be served."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from mlops_lab.errors import Conflict, InvalidInput
from mlops_lab.governance import Identity
from mlops_lab.names import parse_reference
from mlops_lab.registry.wording import some_text
from mlops_lab.serving import deciding, desired
from mlops_lab.serving.asked import (
    Ramp,
    guard_of,
    limits_of,
    port_of,
    ramp_of,
    refuse_taken,
    workers_of,
)
from mlops_lab.serving.asked import share_of as checked_share
from mlops_lab.serving.deciding import GUARD, RAMP, Change, Past
from mlops_lab.serving.finder import EndpointEvent
from mlops_lab.serving.following import Address, EndpointFollower
from mlops_lab.serving.records import Desired, Guard, Kind, Limits, Revision, Rollout
from mlops_lab.tracking.lines import now_us

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlops_lab.serving.predictions.truth import Told


__all__ = ["Address", "EndpointEvent", "EndpointManager"]


class EndpointManager(EndpointFollower):
    """What the endpoints of one project should serve. Safe to use from several threads and
    processes: decisions are taken one after the other, and each sees the one before.

    Made as `mlops_lab.serving.decider.EndpointDecider` is.
    """

    # ------------------------------------------------------------------ what it serves

    def deploy(
        self,
        name: str,
        ref: str,
        *,
        workers: int | None = None,
        port: int | None = None,
        host: str | None = None,
        backend: str | None = None,
        limits: Limits | Mapping[str, Any] | None = None,
        allow_unsafe: bool = False,
        reason: str = "",
        by: Identity | None = None,
    ) -> Change:
        """Decide that an endpoint serves a version.

        Parameters
        ----------
        name
            The endpoint's; it is made if there is none.
        ref
            The version: ``flight-delay@champion``, ``flight-delay@5``.
        workers
            Processes; by default as before, one at first.
        port
            A TCP port beside the unix socket, which asks for a token; by default as before, none at
            first; 0 closes it.
        host
            The address of that port; by default this machine alone.
        backend
            ``auto`` (the fastest that answers alike), ``onnx`` or ``sklearn``; by default as
            before, auto at first.
        limits
            As of `Limits`; what is not named stays.
        allow_unsafe
            Serve also a format that runs whatever code is in it.
        reason
            Why, kept in the decision log.

        Raises
        ------
        NotFound
            There is no such version.
        Refused, Waiting
            Its gates or somebody rejected it, or it waits for approval, and no alias was given to
            it since.
        Conflict
            A rollout is on, or the port is taken.
        InvalidInput
            The version is unsafe, and that was not allowed; or a value is out of its range.
        Corrupt
            Its files are not what was registered.
        """
        who = self._allowed(by)
        name = desired.check_name(name)
        count = None if workers is None else workers_of(workers)
        token_hash = self._port(name, port, host)

        def settle(present: Desired | None, past: Past, asked: Revision) -> Change:
            before = Limits() if present is None else present.limits
            alias = parse_reference(ref, "A model").alias
            return deciding.deploy(
                present,
                past,
                name,
                asked,
                follows=None if alias is None else f"{asked.model}@{alias}",
                workers=count,
                port=port,
                host=host,
                token_hash=token_hash,
                limits=None if limits is None else limits_of(limits, before),
            )

        return self._with_version("deploy", name, ref, settle, who, reason, backend, allow_unsafe)

    def canary(
        self,
        name: str,
        ref: str,
        share: float = 5.0,
        *,
        guard: Guard | Mapping[str, Any] | None = None,
        unit: str | None = None,
        ramp: Ramp = (),
        backend: str | None = None,
        allow_unsafe: bool = False,
        reason: str = "",
        by: Identity | None = None,
    ) -> Change:
        """Decide that a version gets a small share of the traffic, and is taken back when it is
        worse. The same canary again with another share changes that.

        Parameters
        ----------
        share
            In percent.
        guard
            ``{"error_rate", "p99_ms", "alpha"}`` of `Guard`.
        unit
            The column whose value says who asks; by default what the request says.
        ramp
            The raises to come: ``{"24h": 20, "2d": 50}``.

        Raises
        ------
        Conflict
            Another rollout is on, or the endpoint is stopped or serves this version.
        """
        guarded = guard_of(guard)
        rollout = self._rollout("canary", share, unit, by, reason, guard=guarded, ramp=ramp)
        return self._begin("canary", name, ref, rollout, backend, allow_unsafe, by)

    def shadow(
        self,
        name: str,
        ref: str,
        share: float = 100.0,
        *,
        backend: str | None = None,
        allow_unsafe: bool = False,
        reason: str = "",
        by: Identity | None = None,
    ) -> Change:
        """Decide that a version gets a copy of requests, and that nobody hears its answers.

        Parameters
        ----------
        share
            What part of the requests is copied, in percent.
        """
        rollout = self._rollout("shadow", share, None, by, reason)
        return self._begin("shadow", name, ref, rollout, backend, allow_unsafe, by)

    def split(
        self,
        name: str,
        shares: Mapping[str, float],
        *,
        unit: str | None = None,
        backend: str | None = None,
        allow_unsafe: bool = False,
        reason: str = "",
        by: Identity | None = None,
    ) -> Change:
        """Decide an A/B test: each unit is answered by one of two versions, and always by that.

        Parameters
        ----------
        shares
            In percent by version, together 100; one of the two is what the endpoint serves.
        unit
            The column whose value is the unit; by default what the request says.
        """
        if not isinstance(shares, Mapping):
            raise InvalidInput(
                f"A split is such as {{'delay@5': 50, 'delay@6': 50}}; got {shares!r}."
            )
        pairs = {ref: checked_share(value, f"The share of {ref}") for ref, value in shares.items()}
        if len(pairs) != 2 or abs(sum(pairs.values()) - 100) > 1e-6:
            raise InvalidInput(
                "A split is between two versions whose shares are together 100 %; got "
                f"{', '.join(f'{ref} {value:g} %' for ref, value in pairs.items()) or 'none'}."
            )
        present = self.get(name)
        stable = present.revision(present.stable)
        resolved = {self._models().get(ref).ref: ref for ref in pairs}
        if len(resolved) != 2 or stable.ref not in resolved:
            raise Conflict(
                f"{present.name} serves {stable.ref}, which is not one of the two versions "
                f"{' and '.join(resolved)}: a split is between it and another one."
            )
        (ref,) = (given for version, given in resolved.items() if version != stable.ref)
        rollout = self._rollout("ab", pairs[ref], unit, by, reason)
        return self._begin("split", name, ref, rollout, backend, allow_unsafe, by, stable)

    def set_share(
        self,
        name: str,
        share: float,
        *,
        ramp: Ramp | None = None,
        reason: str = "",
        by: Identity | None = None,
    ) -> Change:
        """Decide what part of the traffic the canary or the shadow gets: raising it moves nobody
        out.

        Parameters
        ----------
        share
            In percent.
        ramp
            The raises to come, instead of those that were planned.
        """
        who = self._allowed(by)
        percent = checked_share(share)
        raises = None if ramp is None else ramp_of(ramp, percent, now_us())
        return self._decide(
            "share",
            name,
            lambda present, *_: deciding.set_share(present, percent, raises),
            who,
            reason,
        )

    def promote(self, name: str, *, reason: str = "", by: Identity | None = None) -> Change:
        """Decide that the version that is tried serves from now on; the former one stays warm.

        Raises
        ------
        Conflict
            Nothing is tried.
        Refused, Waiting, Corrupt
            The version may not be served by now, or its files changed.
        """
        return self._decide("promote", name, self._promoted, self._allowed(by), reason)

    def rollback(
        self,
        name: str,
        *,
        to: str | None = None,
        reason: str = "",
        by: Identity | None = None,
    ) -> Change:
        """Decide to go back: end the rollout that is on, else serve the version before.

        Parameters
        ----------
        to
            A version that was served before, and that should be again whatever is on.

        Raises
        ------
        Conflict
            No version was served before, or not that one.
        """
        who = self._allowed(by)
        wanted = None if to is None else self._models().get(to).ref

        def settle(present: Desired, past: Past, cursor: DuckDBPyConnection) -> Change:
            if wanted is None and present.rollout is not None:
                return deciding.end_rollout(present)
            return deciding.rollback(present, self._former(present, past, wanted, cursor))

        return self._decide("rollback", name, settle, who, reason)

    def cancel_rollout(self, name: str, *, reason: str = "", by: Identity | None = None) -> Change:
        """Decide that the rollout is over, and that who serves goes on alone.

        Raises
        ------
        Conflict
            None is on.
        """
        return self._decide(
            "rollback",
            name,
            lambda present, *_: deciding.end_rollout(present),
            self._allowed(by),
            reason,
        )

    def stop(self, name: str, *, reason: str = "", by: Identity | None = None) -> Change:
        """Decide that an endpoint serves nothing."""
        return self._decide(
            "stop", name, lambda present, *_: deciding.stop(present), self._allowed(by), reason
        )

    def settle(
        self,
        name: str,
        rollout: str,
        verb: Literal["rollback", "share", "promote"],
        *,
        share: float | None = None,
        reason: str,
        evidence: Mapping[str, Any] | None = None,
        by: Identity | None = None,
    ) -> Change:
        """Decide by itself what a rollout has asked for: the guard's rollback, a planned raise.

        Whoever began the rollout has allowed it, so it needs no role.

        Parameters
        ----------
        rollout
            The id of the rollout that is meant: one that is over by now is left alone.
        verb
            rollback ends it, share raises it to `share`, promote makes its version serve.
        reason
            What was seen, as a sentence.
        evidence
            The figures behind it, kept with the decision.
        by
            By default the guard, and for raises the ramp.
        """

        def change(present: Desired, past: Past, cursor: DuckDBPyConnection) -> Change:
            if present.rollout is None or present.rollout.id != rollout:
                said = f"That rollout of {present.name} is over already."
                return Change(present, said, changed=False)
            if verb == "rollback":
                return deciding.end_rollout(present)
            if verb == "promote":
                return self._promoted(present, past, cursor)
            return deciding.set_share(present, checked_share(share))

        who = by or (RAMP if verb == "share" else GUARD)
        return self._decide(verb, name, change, who, reason, evidence)

    # ------------------------------------------------------------------ what became true

    def log_truth(
        self,
        name: str,
        truths: Any,
        *,
        on: str | Sequence[str] = "prediction_id",
        value: str | None = None,
        event: str | None = None,
        by: Identity | None = None,
    ) -> Told:
        """Keep what turned out to be true of predictions, however late and however few of them.

        Parameters
        ----------
        truths
            A table: a frame, a file, SQL, or a list of rows as dicts.
        on
            The columns that say whose truth it is: ``prediction_id``, or columns of the requests.
        value
            The column of the truth.
        event
            In its place the name of what happened to those that are listed, of conversions.

        Raises
        ------
        InvalidInput
            There are no such columns.
        """
        from mlops_lab.serving.predictions import truth
        from mlops_lab.serving.predictions.scanning import folder_of

        self._access.require(by or self._identity, "endpoints:truth")
        folder = folder_of(self.root, self.get(name).name)
        if isinstance(truths, list) and truths and isinstance(truths[0], Mapping):
            import pandas

            truths = pandas.DataFrame.from_records(truths)
        return truth.log(folder, truths, on=on, value=value, event=event, tmp=self._store.tmp)

    # ------------------------------------------------------------------ deciding

    def _promoted(self, present: Desired, past: Past, cursor: DuckDBPyConnection) -> Change:
        change = deciding.promote(present)
        self._refuse_candidate(cursor, present)
        return change

    def _begin(
        self,
        verb: str,
        name: str,
        ref: str,
        rollout: Rollout,
        backend: str | None,
        allow_unsafe: bool,
        by: Identity | None,
        stable: Revision | None = None,
    ) -> Change:
        who = self._allowed(by)
        self.get(name)

        def settle(present: Desired | None, past: Past, asked: Revision) -> Change:
            assert present is not None  # it is there since `get`, and an endpoint never goes
            if stable is not None and present.stable != stable.id:
                raise Conflict(
                    f"{present.name} serves {present.revision(present.stable).ref} by now, not "
                    f"{stable.ref}: nothing was split."
                )
            return deciding.begin(present, past, asked, rollout)

        return self._with_version(
            verb,
            name,
            ref,
            settle,
            who,
            rollout.reason,
            backend,
            allow_unsafe,
            answers=rollout.kind != "shadow",
        )

    def _rollout(
        self,
        kind: Kind,
        share: float,
        unit: str | None,
        by: Identity | None,
        reason: str,
        *,
        guard: Guard | None = None,
        ramp: Ramp = (),
    ) -> Rollout:
        percent = checked_share(share)
        if kind == "canary" and percent == 100:
            raise InvalidInput(
                "A canary gets a part of the requests; `endpoint deploy` replaces the version for "
                "all of them."
            )
        if unit is not None:
            unit = some_text(unit, "A unit's column", 500).strip() or None
        return Rollout(
            id=secrets.token_hex(16),
            kind=kind,
            candidate="",
            base="",
            share=percent,
            by=unit,
            salt=secrets.token_hex(8),
            guard=guard or Guard(),
            ramp=ramp_of(ramp, percent, now_us()),
            began=now_us(),
            author=(by or self._identity).id,
            reason=some_text(reason, "A reason"),
        )

    def _port(self, name: str, port: int | None, host: str | None) -> str | None:
        """Check a port that is asked for; the hash of the token that goes with it."""
        if not port:
            if host is not None and port is None:
                present = self.find(name)
                if present is None or present.port is None:
                    raise InvalidInput("An address goes with a port: say which one.")
            return None
        port_of(port)
        present = self.find(name)
        address = host or (present.host if present else None) or "127.0.0.1"
        for other in self.list():
            if other.state == "serving" and other.port == port and other.name != name:
                raise Conflict(f"The port {port} is that of the endpoint {other.name}.")
        ours = present is not None and present.state == "serving"
        if not (ours and present is not None and (present.port, present.host) == (port, address)):
            refuse_taken(address, port)
        token = desired.token_of(self.root, name, make=True)
        assert token is not None
        return desired.token_hash(token)
