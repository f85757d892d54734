"""Asking for approval, approving, rejecting; the last approval that was missing promotes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import Conflict, Forbidden, InvalidInput, Refused, Waiting
from mlops_lab.governance import Identity, person_of
from mlops_lab.names import alias_name
from mlops_lab.registry.policy import counting, needs, outranks, policy_digest
from mlops_lab.registry.promotion import Promoter, check_content, replaced, settles
from mlops_lab.registry.records import (
    ApprovalRequest,
    ApprovalResult,
    ModelVersion,
    Settlement,
)
from mlops_lab.registry.state import Event, ModelState, read_states
from mlops_lab.registry.verify import refuse_faulty
from mlops_lab.registry.wording import some_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["Approver"]


class _Changed(Exception):
    """What a settlement was to be based on changed before the lock was had."""


class Approver(Promoter):
    """The approvals of one project's models. Safe to use from several threads and processes."""

    def request_approval(
        self,
        ref: str,
        alias: str | None = None,
        comment: str = "",
        *,
        run: str | None = None,
        by: Identity | None = None,
    ) -> ApprovalResult:
        """Ask for the approval that a version needs to get an alias.

        Parameters
        ----------
        alias
            What it is to become; by default the one alias whose policy takes approvals.
        comment
            What the approvers should know.
        run
            The pipeline run that waits for the answer.

        Raises
        ------
        Refused
            A demand is not met that no approval can mend; the message says which.
        Conflict
            Somebody has asked already, or the alias takes no approval.
        """
        who = by or self._identity
        self._access.require(who, "models:request")
        version = self.get(ref)
        alias = self._alias_with_approvals() if alias is None else self.alias_to_give(alias)
        told = ApprovalResult(False, "", version.version, alias)

        def build(cursor: DuckDBPyConnection) -> dict[str, Any]:
            nonlocal told
            state = self._state_at(cursor, version.name)
            wanted = needs(self.policy(alias), state, version.version)
            if state.aliases.get(alias) == version.version:
                raise Conflict(f"{version.name} {version.version} is {alias} already.")
            if not wanted.count:
                raise Conflict(
                    f"{alias} takes no approval: `promote` does it. [aliases.{alias}] "
                    "approvals = 1 in mlops.toml would ask for one."
                )
            asked = state.open_request(version.version, alias)
            if asked is not None and asked.data.get("run") == run:
                raise Conflict(
                    f"{asked.by} has asked already that {version.name} {version.version} "
                    f"becomes {alias}."
                )
            check = self.check_state(state, version.version, alias, asking=True)
            refused = [line.sentence for line in check.lines if line.state == "failed"]
            if refused:
                raise Refused(
                    f"{version.name} {version.version} cannot become {alias}: {refused[0]}",
                    lines=check.to_json(),
                    state="refused",
                )
            if check.state == "passed" and state.rejection(version.version, alias) is None:
                # A request that misses nothing would wait for a word that nobody can give.
                raise Conflict(
                    f"{version.name} {version.version} has every approval that {alias} takes: "
                    "`promote` does it."
                )
            told = ApprovalResult(
                False,
                f"{version.name} {version.version} waits to become {alias}.",
                version.version,
                alias,
            )
            return {
                **_about(version, alias),
                "run": run,
                "comment": some_text(comment, "A comment"),
            }

        self._store.decide("model.request", build, by=who.as_by())
        return told

    def approve(
        self,
        ref: str,
        comment: str,
        *,
        alias: str | None = None,
        digest: str | None = None,
        by: Identity | None = None,
    ) -> ApprovalResult:
        """Approve that a version gets an alias; the last approval missing promotes it, too.

        Parameters
        ----------
        comment
            Why, kept in the decision log.
        alias
            What it is to become; by default what was asked for.
        digest
            The content that was looked at; another one than the version's is a conflict.

        Raises
        ------
        Forbidden
            Who approves has no such role, or made the version or asked for it.
        Corrupt
            The files are not what was registered, or the decision log was changed.
        """
        who = by or self._identity
        self._access.require(who, "models:approve")
        version, alias = self._asked(ref, alias)
        comment = _comment(comment, "An approval")
        check_content(version, digest)
        refuse_faulty(self._store, version, "It was not approved.")
        told = ApprovalResult(False, "", version.version, alias)

        def build(cursor: DuckDBPyConnection) -> dict[str, Any]:
            nonlocal told
            state = self._state_at(cursor, version.name)
            self._refuse_approver(state, version, alias, who)
            self._refuse_unsafe_ground(cursor, version, alias)
            told, promotes, settled = self._with_approval(state, version, alias, who, comment)
            return {
                **_about(version, alias),
                "comment": comment,
                "role": self._access.role_of(who),
                "promotes": promotes,
                "settles": settled,
            }

        self._store.decide("model.approve", build, by=who.as_by())
        return told

    def reject(
        self,
        ref: str,
        comment: str,
        *,
        alias: str | None = None,
        digest: str | None = None,
        by: Identity | None = None,
    ) -> ApprovalResult:
        """Say no to a version's promotion: the approvals so far are void, and who waits is told.

        Parameters
        ----------
        comment, alias, digest
            As of `approve`.
        """
        who = by or self._identity
        self._access.require(who, "models:approve")
        version, alias = self._asked(ref, alias)
        comment = _comment(comment, "A rejection")
        check_content(version, digest)

        def build(cursor: DuckDBPyConnection) -> dict[str, Any]:
            state = self._state_at(cursor, version.name)
            if state.aliases.get(alias) == version.version:
                raise Conflict(
                    f"{version.name} {version.version} is {alias} already; a rollback takes the "
                    "alias back."
                )
            asked = state.open_request(version.version, alias)
            if asked is None and not needs(self.policy(alias), state, version.version).count:
                raise Conflict(
                    f"{alias} takes no approval, and nobody has asked that {version.name} "
                    f"{version.version} becomes it: there is nothing to reject."
                )
            runs = state.waiting_runs(version.version, alias)
            return {
                **_about(version, alias),
                "comment": comment,
                "role": self._access.role_of(who),
                "settles": settles(runs, "rejected", f"{who.id} rejected it: {comment}"),
            }

        self._store.decide("model.reject", build, by=who.as_by())
        sentence = f"{version.name} {version.version} was rejected for {alias}."
        return ApprovalResult(False, sentence, version.version, alias)

    def settle(
        self,
        ref: str,
        alias: str,
        *,
        run: str | None = None,
        against: tuple[str, int | None] | None = None,
        by: Identity | None = None,
    ) -> Settlement:
        """Promote what a pipeline's gates let through, ask for what is missing, or say why not.

        Parameters
        ----------
        ref, alias
            The version that was judged, and what it is to become.
        run
            The pipeline run.
        against
            An alias, and the version that had it when the gates compared this one with that.

        Raises
        ------
        Conflict
            Somebody else has that alias by now (``overtaken`` in its details).
        """
        self._access.require(by or self._identity, "models:promote")
        version = self.get(ref)
        alias = self.alias_to_give(alias)
        while True:
            check = self.check_state(self.state(version.name), version.version, alias)
            if check.state == "failed":
                return Settlement("refused", check.open[0])
            if check.state == "passed":
                try:
                    done = self.promote(
                        version.ref,
                        alias,
                        reason="All gates passed.",
                        run=run,
                        against=against,
                        by=by,
                    )
                except Refused as error:
                    return Settlement("refused", error.message)
                except Waiting:
                    continue  # the policy takes an approval by now
                return Settlement("promoted", done.sentence)
            try:
                self.request_approval(version.ref, alias, run=run, by=by)
            except Refused:
                continue  # somebody decided something meanwhile: look again
            except Conflict:
                state = self.state(version.name)
                if state.aliases.get(alias) == version.version:
                    said = f"{version.name} {version.version} is {alias} already."
                    return Settlement("promoted", said)
                if state.open_request(version.version, alias) is None:
                    continue
            return Settlement("waiting", check.open[0])

    def queue(self, by: Identity | None = None) -> list[ApprovalRequest]:
        """Give what waits for approval, oldest first, and whether this person may give it."""
        with self._store.read() as cursor:
            states = read_states(cursor)
        return sorted(
            (
                self._request(state, event, by or self._identity)
                for state in states.values()
                for event in state.open_requests()
            ),
            key=lambda request: request.requested_at,
        )

    # ------------------------------------------------------------------ inside

    def _request(self, state: ModelState, event: Event, who: Identity) -> ApprovalRequest:
        version, alias = int(event.version or 0), str(event.alias)
        policy = self.policy(alias)
        wanted = needs(policy, state, version)
        given, _ = counting(policy, state, version, alias)
        why_not = self.why_not_approve(state, version, alias, who)
        run = event.data.get("run")
        return ApprovalRequest(
            model=state.name,
            version=version,
            alias=alias,
            digest=state.versions[version].digest,
            requested_by=event.by,
            requested_at=event.at,
            comment=str(event.data.get("comment") or ""),
            run_id=str(run) if run else None,
            approvals=tuple(given),
            needs=wanted.count,
            role=wanted.role,
            may_approve=why_not is None,
            why_not=why_not,
        )

    def why_not_approve(
        self, state: ModelState, version: int, alias: str, who: Identity
    ) -> str | None:
        """Say why somebody may not approve, or None."""
        policy = self.policy(alias)
        wanted = needs(policy, state, version)
        role = self._access.role_of(who)
        if not self._access.may(who, "models:approve") or not outranks(role, wanted.role):
            return f"{who.id} is {role}, and this takes {wanted.giver}."
        given, barred = counting(policy, state, version, alias)
        person = person_of(who.id)
        if person in map(person_of, barred):
            row = state.versions[version]
            made = "trained" if person in map(person_of, row.makers) else "asked for"
            did = "registered" if person == person_of(row.by) else made
            return f"{who.id} {did} it: nobody approves their own version."
        if person in (person_of(approval.by) for approval in given):
            return f"{who.id} has approved it already."
        return None

    def _refuse_approver(
        self, state: ModelState, version: ModelVersion, alias: str, who: Identity
    ) -> None:
        if version.version in state.deleted:
            raise Conflict(f"{version.name} {version.version} is deleted.")
        if state.aliases.get(alias) == version.version:
            raise Conflict(f"{version.name} {version.version} is {alias} already.")
        rejected = state.rejection(version.version, alias)
        if rejected is not None:
            raise Conflict(
                f"{rejected.by} has rejected {version.name} {version.version} for {alias}: it can "
                "be approved once somebody asks again, with `mlops-lab model request`."
            )
        why_not = self.why_not_approve(state, version.version, alias, who)
        if why_not is not None:
            kind = Conflict if why_not.endswith("already.") else Forbidden
            raise kind(f"{version.name} {version.version} is not approved for {alias}: {why_not}")

    def _with_approval(
        self, state: ModelState, version: ModelVersion, alias: str, who: Identity, comment: str
    ) -> tuple[ApprovalResult, dict[str, Any] | None, dict[str, Any] | None]:
        """Say what this approval completes: the promotion, and the run that waits for it."""
        event = Event(
            n=max([e.n for e in state.events] + [0]) + 1,
            at=datetime.now(UTC),
            by=who.id,
            kind="model.approve",
            version=version.version,
            alias=alias,
            digest=version.digest,
            data={"comment": comment, "role": self._access.role_of(who)},
        )
        after = ModelState(state.name, state.versions, (*state.events, event))
        check = self.check_state(after, version.version, alias)
        asked = state.open_request(version.version, alias)
        about = f"{version.name} {version.version} is approved for {alias}"
        if check.state != "passed" or asked is None:
            rest = check.open[0] if check.open else f"Nobody has asked that it becomes {alias}."
            return ApprovalResult(False, f"{about}. {rest}", version.version, alias), None, None
        told = replaced(state, version.version, alias)
        promotes = {
            "from": state.aliases.get(alias),
            "policy": policy_digest(self.policy(alias)),
        }
        reason = f"Approved by {who.id}: {told.sentence}"
        runs = state.waiting_runs(version.version, alias)
        return told, promotes, settles(runs, "passed", reason)

    def _asked(self, ref: str, alias: str | None) -> tuple[ModelVersion, str]:
        """Find the version and the alias that an answer speaks of."""
        version = self.get(ref)
        if alias is not None:
            return version, alias_name(alias)
        state = self.state(version.name)
        asked = {e.alias for e in state.open_requests() if e.version == version.version and e.alias}
        if len(asked) > 1:
            raise InvalidInput(
                f"{version.name} {version.version} waits to become {' and '.join(sorted(asked))}: "
                "say which with alias=."
            )
        return version, asked.pop() if asked else self._alias_with_approvals()

    def _alias_with_approvals(self) -> str:
        found = [alias for alias, policy in self.policies().items() if policy.approvals]
        if len(found) == 1:
            return found[0]
        which = " and ".join(found)
        raise InvalidInput(
            f"Say for which alias: {which} take approvals."
            if found
            else "Say for which alias: none in mlops.toml takes approvals."
        )


def _comment(text: str, what: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"{what} takes a comment: why, in a sentence.")
    return some_text(text, "A comment").strip()


def _about(version: ModelVersion, alias: str) -> dict[str, Any]:
    return {
        "model": version.name,
        "version": version.version,
        "digest": version.digest,
        "alias": alias,
    }
