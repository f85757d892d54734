"""Moving aliases: a promotion that the policy allows, a rollback in one step, taking one away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import Conflict, Corrupt, Refused, Waiting
from mlops_lab.governance import Identity
from mlops_lab.names import alias_name
from mlops_lab.registry.finder import ModelFinder
from mlops_lab.registry.policy import evaluate, policy_digest
from mlops_lab.registry.records import (
    ApprovalResult,
    ModelVersion,
    PolicyCheck,
)
from mlops_lab.registry.state import ModelState
from mlops_lab.registry.verify import faults_of, is_trusted, refuse_broken_chain, refuse_faulty
from mlops_lab.registry.wording import short, some_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["Promoter", "check_content", "replaced", "settles"]


class _Unverified(Exception):
    """A rollback would end at a version whose content nobody has looked at yet."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


class Promoter(ModelFinder):
    """The aliases of one project's models. Safe to use from several threads and processes."""

    def check_policy(
        self,
        ref: str,
        alias: str,
        by: Identity | None = None,
        *,
        now: datetime | None = None,
    ) -> PolicyCheck:
        """Say what the policy of an alias says about a version, demand by demand.

        Parameters
        ----------
        ref
            The version.
        alias
            What it is to become.
        by
            Who asks; the demands are the same for everybody.
        now
            The moment from which the sentences count, by default now.
        """
        del by
        version = self.get(ref)
        state = self.state(version.name)
        return self.check_state(state, version.version, alias_name(alias), now)

    def promote(
        self,
        ref: str,
        alias: str,
        *,
        reason: str = "",
        digest: str | None = None,
        run: str | None = None,
        against: tuple[str, int | None] | None = None,
        by: Identity | None = None,
    ) -> ApprovalResult:
        """Give an alias to a version, if its policy allows that; who had it loses only the alias.

        Parameters
        ----------
        ref
            The version.
        alias
            What it is to become.
        reason
            Why, kept in the decision log.
        digest
            The content that is meant; another one than the version's is a conflict.
        run
            The pipeline run that does so.
        against
            An alias, and the version that had it when this one was compared with that; when
            somebody else has it by now, the comparison is void.

        Raises
        ------
        Forbidden
            Who asks has no such role.
        Conflict
            The content is another one, or (``overtaken`` in its details) the comparison is void.
        Refused, Waiting
            A demand of the policy is not met, or an approval is missing; the message says which.
        Corrupt
            The files are not what was registered, or the decision log was changed.
        """
        who = by or self._identity
        self._access.require(who, "models:promote")
        alias = self.alias_to_give(alias)
        version = self.get(ref)
        check_content(version, digest)
        refuse_faulty(self._store, version, f"It was not promoted to {alias}.")
        told = ApprovalResult(True, "", version.version, alias)

        def build(cursor: DuckDBPyConnection) -> dict[str, Any]:
            nonlocal told
            state = self._state_at(cursor, version.name)
            told = replaced(state, version.version, alias)
            if state.aliases.get(alias) == version.version:
                raise _Already
            if against is not None:
                refuse_overtaken(state, version, *against)
            self._refuse_unsafe_ground(cursor, version, alias)
            check = self.check_state(state, version.version, alias)
            refuse_unmet(check, version)
            runs = state.waiting_runs(version.version, alias)
            return {
                **_about(version, alias),
                "from": state.aliases.get(alias),
                "how": "promote",
                "reason": some_text(reason, "A reason"),
                "policy": policy_digest(self.policy(alias)),
                "run": run,
                "settles": settles(runs, "passed", told.sentence),
            }

        try:
            self._store.decide("model.alias", build, by=who.as_by())
        except _Already:
            sentence = f"{version.name} {version.version} is {alias} already."
            return ApprovalResult(True, sentence, version.version, alias)
        return told

    def rollback(
        self,
        name: str,
        alias: str,
        *,
        reason: str = "",
        version: int | None = None,
        by: Identity | None = None,
    ) -> ApprovalResult:
        """Give an alias back to the version before, in one step and without new approvals.

        Versions that were deleted, whose files are not what was registered, or whose format the
        policy refuses are passed over.

        Parameters
        ----------
        name, alias
            Of which model, and which of its aliases.
        reason
            Kept in the decision log.
        version
            The version that somebody was told it goes back to: refused when the alias moved
            meanwhile and that would be another one.
        by
            Who decides, by default the project's own identity.

        Raises
        ------
        Conflict
            There is none to go back to, or another one.
        """
        who = by or self._identity
        self._access.require(who, "models:rollback")
        alias = alias_name(alias)
        name = self.state(name).name
        # Why a version is passed over; empty for one that is sound.
        faults: dict[int, str] = {}
        told = ApprovalResult(True, "", 0, alias)

        def build(cursor: DuckDBPyConnection) -> dict[str, Any]:
            nonlocal told
            state = self._state_at(cursor, name)
            current = state.aliases.get(alias)
            for candidate in state.before(alias):
                if candidate not in faults:
                    raise _Unverified(candidate)
                if not faults[candidate]:
                    break
            else:
                raise Conflict(_no_way_back(state, alias, faults))
            # What was passed over because its files are wrong is told, not refused.
            if version not in (None, candidate) and not faults.get(version or 0):
                raise Conflict(
                    f"{alias} moved meanwhile: it would go back to {candidate} now, not to "
                    f"{version}."
                )
            back = self.version_of(state, state.versions[candidate])
            self._refuse_unsafe_ground(cursor, back, alias)
            told = replaced(state, candidate, alias, "again")
            return {
                **_about(back, alias),
                "from": current,
                "how": "rollback",
                "reason": some_text(reason, "A reason"),
                "policy": policy_digest(self.policy(alias)),
                "run": None,
            }

        while True:
            try:
                self._store.decide("model.alias", build, by=who.as_by())
            except _Unverified as stop:
                # Reading a model's files takes time, and nobody should wait for the lock meanwhile.
                found = self.get(f"{name}@{stop.version}")
                faults[stop.version] = self._why_not_back(found, alias)
            else:
                return told

    def remove_alias(
        self,
        name: str,
        alias: str,
        *,
        reason: str = "",
        version: int | None = None,
        by: Identity | None = None,
    ) -> ApprovalResult:
        """Take an alias away, so that no version has it; a rollback brings it back.

        Parameters
        ----------
        name, alias, reason
            As of `rollback`.
        version
            The version that somebody was shown to have it: refused when another one has by now.

        Raises
        ------
        Conflict
            No version has it, or another one.
        """
        who = by or self._identity
        self._access.require(who, "models:rollback")
        alias = alias_name(alias)
        name = self.state(name).name
        told = ApprovalResult(False, "", 0, alias)

        def build(cursor: DuckDBPyConnection) -> dict[str, Any]:
            nonlocal told
            current = self._state_at(cursor, name).aliases.get(alias)
            if current is None:
                raise Conflict(f"No version of {name} is {alias}.")
            if version not in (None, current):
                raise Conflict(f"{name} {current} is {alias} by now, not {version}.")
            told = ApprovalResult(
                False, f"{name} {current} is not {alias} any more.", current, alias
            )
            return {
                "model": name,
                "alias": alias,
                "version": None,
                "digest": None,
                "from": current,
                "how": "remove",
                "reason": some_text(reason, "A reason"),
                "policy": policy_digest(self.policy(alias)),
                "run": None,
            }

        self._store.decide("model.alias", build, by=who.as_by())
        return told

    # ------------------------------------------------------------------ inside

    def way_back(self, state: ModelState, alias: str) -> int | None:
        """The version that a rollback would give the alias to, as far as the decisions tell."""
        unsafe = self.policy(alias).unsafe
        ways = (
            version
            for version in state.before(alias)
            if unsafe or not self.version_of(state, state.versions[version]).unsafe
        )
        return next(ways, None)

    def _why_not_back(self, version: ModelVersion, alias: str) -> str:
        if version.unsafe and not self.policy(alias).unsafe:
            return "its format is unsafe"
        fault = next(faults_of(self._store, version), None)
        return "" if fault is None else f"{fault.where} {fault.message}"

    def check_state(
        self,
        state: ModelState,
        version: int,
        alias: str,
        now: datetime | None = None,
        *,
        asking: bool = False,
    ) -> PolicyCheck:
        """Say what a policy says about a version of a model that was read already."""
        return evaluate(
            self.policy(alias),
            state,
            version,
            alias,
            now=now or datetime.now(UTC),
            asking=asking,
        )

    def _refuse_unsafe_ground(
        self, cursor: DuckDBPyConnection, version: ModelVersion, alias: str
    ) -> None:
        """Inside the lock: nothing is built on a changed log or on files that changed since."""
        refuse_broken_chain(
            self._store, cursor, f"{version.name} {version.version} does not become {alias}"
        )
        if not is_trusted(self._store, version.digest):
            raise Corrupt(
                f"The files of {version.name} {version.version} changed while it was to become "
                f"{alias}. `mlops-lab model verify {version.ref}` names the first one."
            )


class _Already(Exception):
    """The version has the alias; nothing is to be decided."""


def check_content(version: ModelVersion, digest: str | None) -> None:
    """Refuse to act on another content than the one that somebody looked at."""
    if digest is not None and digest != version.digest:
        raise Conflict(
            f"{version.name} {version.version} has the content {short(version.digest)}, and what "
            f"was meant is {short(digest)}. Look at it again."
        )


def refuse_overtaken(state: ModelState, version: ModelVersion, alias: str, had: int | None) -> None:
    """Refuse to build on a comparison with a version that is not the one to beat any more."""
    now = state.aliases.get(alias)
    if now == had:
        return
    then = f"with {had}" if had is not None else f"when there was no {alias}"
    raise Conflict(
        f"{version.name} {version.version} was compared {then}, and {alias} is {now} by now.",
        overtaken=True,
    )


def refuse_unmet(check: PolicyCheck, version: ModelVersion) -> None:
    """Refuse a promotion that a policy does not allow, naming the first demand in the way."""
    if check.state == "passed":
        return
    first = next(line for line in check.lines if line.state == check.state)
    more = len(check.open) - 1
    rest = f" ({more} more)" if more else ""
    kind = Waiting if check.state == "waiting" else Refused
    raise kind(
        f"{version.name} {version.version} does not become {check.alias}: {first.sentence}{rest}",
        lines=check.to_json(),
        state="waiting" if check.state == "waiting" else "refused",
    )


def replaced(state: ModelState, version: int, alias: str, again: str = "") -> ApprovalResult:
    """Say what a promotion changes."""
    before = state.aliases.get(alias)
    word = f"{alias} {again}".strip() if again else alias
    instead = f", it replaces {before}" if before is not None else ""
    now = f"{state.name} {version} is {word} now{instead}."
    return ApprovalResult(True, now, version, alias)


def settles(runs: Sequence[str], outcome: str, reason: str) -> dict[str, Any] | None:
    """Give what a decision makes of the pipeline runs that wait for it, the last one foremost."""
    if not runs:
        return None
    return {"run": runs[-1], "runs": list(runs), "outcome": outcome, "reason": reason}


def _about(version: ModelVersion, alias: str) -> dict[str, Any]:
    return {
        "model": version.name,
        "alias": alias,
        "version": version.version,
        "digest": version.digest,
    }


def _no_way_back(state: ModelState, alias: str, faults: dict[int, str]) -> str:
    bad = "; ".join(f"{version} would be, but {why}" for version, why in faults.items() if why)
    now = state.aliases.get(alias)
    is_now = f"{state.name} {now} is {alias}" if now else f"No version of {state.name} is {alias}"
    passed = f" ({bad})" if bad else ""
    return (
        f"{is_now}, and no version before it can be again{passed}: there is nothing to go back to."
    )
