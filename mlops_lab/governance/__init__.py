"""Who acts and what they may: identities, roles, and the audit of what was decided."""

from mlops_lab.governance.access import Access, Rules
from mlops_lab.governance.identity import Identity, claimed_user, current_identity, person_of
from mlops_lab.governance.roles import PERMISSIONS, ROLES, Role, permissions_of

__all__ = [
    "PERMISSIONS",
    "ROLES",
    "Access",
    "Identity",
    "Role",
    "Rules",
    "claimed_user",
    "current_identity",
    "permissions_of",
    "person_of",
]
