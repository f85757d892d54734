"""``- approval: {role: approver, count: 1}``: people who must agree before the promotion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field

from mlops_lab.expressions import nearest
from mlops_lab.governance.roles import PERMISSIONS, ROLES, rank, role_of_text
from mlops_lab.orchestration.gates.facts import GateFacts
from mlops_lab.orchestration.gates.kind import GateKind, Ruling
from mlops_lab.orchestration.shapes import Shape

if TYPE_CHECKING:
    from mlops_lab.document import Place
    from mlops_lab.orchestration.gates.checking import GateChecker

__all__ = ["KIND", "Approval"]


GIVERS: Final = tuple[str, ...](
    role for role in ROLES if rank(role) >= rank(PERMISSIONS["models:approve"])
)
"""The roles that may approve."""


class Approval(Shape):
    """Who must agree, and how many of them."""

    role: str = Field(
        default="approver",
        description="The least role that counts.",
        json_schema_extra={"enum": list(GIVERS)},
    )
    count: int = Field(default=1, ge=1, le=20, description="How many different people.")

    @property
    def rank(self) -> int:
        """How high the role stands among the roles."""
        return rank(role_of_text(self.role))


class ApprovalGate(GateKind):
    """Waits for people; they approve the very bytes that the other gates have judged."""

    name = "approval"
    shape = Approval
    about = "People who must agree before the model is promoted."
    example = "a map, such as {role: approver, count: 1}"
    words: ClassVar[Mapping[str, str]] = {
        "role": "a role, such as approver",
        "count": "a whole number from 1 to 20",
    }

    def text(self, value: Any) -> str:
        """``approval by 2 approvers``."""
        rule: Approval = value
        return f"approval: {_people(rule)}"

    def check(self, value: Any, place: Place, checker: GateChecker) -> Approval | None:
        """The role must exist, and there must be something to approve."""
        rule: Approval = value
        if rule.role not in GIVERS:
            known = rule.role in ROLES
            wrong = f"A {rule.role} may not" if known else f"No role {rule.role!r} may"
            checker.fault(
                (*place, "role"),
                f"{wrong} approve: the roles that may are {' and '.join(GIVERS)}.",
                suggestion=None if known else nearest(rule.role, GIVERS),
            )
            return None
        if checker.model.promote is None:
            checker.fault(
                place,
                "An approval speaks of the model that is to be promoted, and this pipeline has "
                "no promote.",
                key=True,
            )
            return None
        return rule

    def decide(self, rule: Any, facts: GateFacts) -> Ruling:
        """Wait: nobody can have approved what has only just been made."""
        wanted: Approval = rule
        about = facts.promoted
        waits = f"waits for approval by {_people(wanted)}"
        if about is None:
            return Ruling("waiting", waits, 0.0, float(wanted.count))
        if about.holds:
            return Ruling("passed", f"{about.model} {about.version} is {about.alias} already")
        waits += f" of {about.model} {about.version} as {about.alias}"
        return Ruling("waiting", waits, 0.0, float(wanted.count))


KIND = ApprovalGate()


def _people(rule: Approval) -> str:
    if rule.count == 1:
        return f"an {rule.role}" if rule.role[0] in "aeiou" else f"a {rule.role}"
    return f"{rule.count} {rule.role}s"
