"""Who acts and what they may: identities; later roles, approvals and the audit."""

from mlops_lab.governance.identity import Identity, claimed_user, current_identity

__all__ = ["Identity", "claimed_user", "current_identity"]
