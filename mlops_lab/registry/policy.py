"""What an alias takes: the demands of its policy, each answered in a sentence.

Pure: a policy from ``mlops.toml``, the decisions about a model, and the time.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mlops_lab.config import AliasPolicy
from mlops_lab.governance import PERMISSIONS, ROLES, person_of
from mlops_lab.registry.records import Approval, PolicyCheck, PolicyLine
from mlops_lab.registry.state import NOBODY, ModelState
from mlops_lab.registry.wording import ago, day, either, times

__all__ = [
    "Needs",
    "counting",
    "demands",
    "evaluate",
    "needs",
    "outranks",
    "policy_digest",
]

_ARTICLE: Final = {"approver": "an approver", "admin": "an admin", "contributor": "a contributor"}


@dataclass(frozen=True, slots=True)
class Needs:
    """How many approvals something takes, and the least role that can give one."""

    count: int
    role: str

    @property
    def giver(self) -> str:
        """Who can give one, with its article."""
        return _ARTICLE.get(self.role, f"a {self.role}")


def outranks(role: str, least: str) -> bool:
    """Say whether a role is at least another one.

    Examples
    --------
    >>> outranks("admin", "approver"), outranks("viewer", "approver")
    (True, False)
    """
    known: tuple[str, ...] = ROLES
    return role in known and known.index(role) >= known.index(least)


def policy_digest(policy: AliasPolicy) -> str:
    """Give the sha256 of a policy's values: each promotion records by which one it was taken."""
    text = json.dumps(policy.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def needs(policy: AliasPolicy, state: ModelState, version: int) -> Needs:
    """Say how many approvals giving an alias takes.

    The larger of what the policy asks for and what the approval gate of the pipeline that judged
    the version does: a gate that waits is not passed by a policy that forgot it.
    """
    count, role = policy.approvals, str(policy.role)
    judged = state.judgement(version)
    if judged is not None and judged.outcome == "waiting":
        gate = judged.approval or {}
        asked = gate.get("count")
        count = max(count, asked if isinstance(asked, int) else 1)
        wanted = str(gate.get("role") or role)
        if outranks(wanted, role):
            role = wanted
    return Needs(count, _giving(role))


def _giving(role: str) -> str:
    """Who can give what is asked of a role: somebody who may approve at all."""
    least = PERMISSIONS["models:approve"]
    return role if outranks(role, least) else least


def counting(
    policy: AliasPolicy, state: ModelState, version: int, alias: str
) -> tuple[list[Approval], set[str]]:
    """Give the approvals that count, one per person, and who cannot give one.

    An approval counts with the role that its giver had at that moment, for this content, and not
    from who made the version or asked for it, unless the policy allows that.
    """
    barred = set() if policy.self_approval else state.authors(version, alias)
    authors = set(map(person_of, barred))
    least = needs(policy, state, version).role
    counted: dict[str, Approval] = {}
    for approval in state.approvals(version, alias):
        if (
            outranks(approval.role, least)
            and approval.by != NOBODY
            and person_of(approval.by) not in authors
            and approval.digest == state.versions[version].digest
        ):
            counted.setdefault(person_of(approval.by), approval)
    return list(counted.values()), barred


def evaluate(
    policy: AliasPolicy,
    state: ModelState,
    version: int,
    alias: str,
    *,
    now: datetime,
    asking: bool = False,
) -> PolicyCheck:
    """Answer every demand of a policy for a version.

    Parameters
    ----------
    policy
        Of the alias.
    state
        The model.
    now
        The sentences say how long ago things were.
    asking
        Whether this is about a new request, in whose way an earlier rejection does not stand.
    """
    lines = []
    if version in state.deleted:
        lines.append(PolicyLine("failed", f"{state.name} {version} is deleted."))
    if policy.gates:
        lines.append(_gates(state, version, alias, now))
    if policy.after is not None:
        lines.append(_after(state, version, alias, policy.after, now))
    lines.append(_format(policy, state, version, alias))
    rejected = None if asking else state.rejection(version, alias)
    wanted = needs(policy, state, version)
    if rejected is not None and wanted.count:
        said = str(rejected.data.get("comment") or "").strip()
        why = f": {said}" if said else "."
        when = ago(rejected.at, now)
        lines.append(PolicyLine("failed", f"Rejected by {rejected.by}, {when}{why}"))
    elif wanted.count:
        lines.append(_approvals(policy, state, version, alias, now))
    return PolicyCheck(alias, tuple(lines))


def demands(policy: AliasPolicy) -> list[str]:
    """Say in sentences what a policy asks for, of no version in particular."""
    found = []
    if policy.gates:
        found.append("All gates passed.")
    if policy.after is not None:
        found.append(f"Has been {policy.after} first.")
    found.append("Unsafe formats are allowed." if policy.unsafe else "No unsafe format.")
    if policy.approvals:
        giver = Needs(policy.approvals, _giving(policy.role)).giver
        own = "" if policy.self_approval else ", not by the author"
        found.append(f"{times(policy.approvals, 'approval')} by {giver}{own}.")
    return found


def _gates(state: ModelState, version: int, alias: str, now: datetime) -> PolicyLine:
    judged = state.judgement(version)
    if judged is None or not judged.total:
        return PolicyLine("failed", "No pipeline has judged it yet, so no gate has passed.")
    run = judged.run_name or (judged.run_id or "a run")[:8]
    when = ago(judged.at, now)
    if judged.outcome == "passed":
        what = "The gate" if judged.total == 1 else f"All {judged.total} gates"
        other = _compared(state, version, alias)
        return PolicyLine("passed", f"{what} passed in {run}, {when}.{other}")
    if judged.outcome == "waiting":
        # What waits is the approval, and the policy's own line says how that stands.
        other = _compared(state, version, alias)
        return PolicyLine("passed", f"All gates but the approval passed in {run}, {when}.{other}")
    why = judged.sentences[0].rstrip(".") if judged.sentences else "a gate did not pass"
    return PolicyLine("failed", f"Rejected in {run}, {when}: {why}.")


def _compared(state: ModelState, version: int, alias: str) -> str:
    """Say so when it was compared with another version than the one that it would replace."""
    judged, holder = state.judgement(version), state.aliases.get(alias)
    champion = judged.champion if judged is not None else None
    if champion is None or holder in (None, version, champion.get("version")):
        return ""
    return f" It was compared with {champion.get('version')}, not with {holder}."


def _after(state: ModelState, version: int, alias: str, after: str, now: datetime) -> PolicyLine:
    stretches = state.history(after)
    for place in range(len(stretches) - 1, -1, -1):
        stretch = stretches[place]
        if stretch.version != version:
            continue
        if stretch.until is None:
            return PolicyLine("passed", f"Has been {after} first, since {day(stretch.since, now)}.")
        left = stretches[place + 1]
        if left.how != "promote":
            what = "rolled back" if left.how == "rollback" else "taken away"
            when = ago(left.since, now)
            return PolicyLine("failed", f"Has been {after}, which was {what} {when}.")
        until = day(stretch.until, now)
        return PolicyLine(
            "passed", f"Has been {after} first, from {day(stretch.since, now)} to {until}."
        )
    return PolicyLine("failed", f"Has not been {after} yet, which comes before {alias}.")


def _format(policy: AliasPolicy, state: ModelState, version: int, alias: str) -> PolicyLine:
    row = state.versions[version]
    if not row.unsafe:
        return PolicyLine("passed", f"No unsafe format: {row.flavor}.")
    if policy.unsafe:
        return PolicyLine(
            "passed", f"Is {row.flavor}: loading it can run any code, which {alias} allows."
        )
    return PolicyLine(
        "failed",
        f"Is {row.flavor}: loading it can run any code. The policy of {alias} refuses "
        "unsafe formats.",
    )


def _approvals(
    policy: AliasPolicy, state: ModelState, version: int, alias: str, now: datetime
) -> PolicyLine:
    wanted = needs(policy, state, version)
    given, barred = counting(policy, state, version, alias)
    by = ", ".join(approval.by for approval in given)
    if len(given) >= wanted.count:
        when = ago(max(approval.at for approval in given), now)
        return PolicyLine("passed", f"Approved by {by}, {when}.")
    who = wanted.giver
    excluded = barred | {approval.by for approval in given}
    other = f" who is not {either(excluded)}" if excluded else ""
    missing = wanted.count - len(given)
    more = (
        f"{missing} more approval{'s' if missing > 1 else ''}"
        if given
        else times(missing, "approval")
    )
    had = f", beside that of {by}" if given else ""
    return PolicyLine("waiting", f"Needs {more} by {who}{other}{had}.")
