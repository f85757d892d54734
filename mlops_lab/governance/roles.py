"""Roles and permissions: four roles, each with all the rights of those before it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from mlops_lab.errors import InvalidInput

__all__ = ["PERMISSIONS", "ROLES", "Role", "permissions_of", "rank", "role_of_text"]

Role = Literal["viewer", "contributor", "approver", "admin"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
"""From the least to the most."""

PERMISSIONS: Final = MappingProxyType[str, Role](
    {
        "runs:read": "viewer",
        "datasets:read": "viewer",
        "models:read": "viewer",
        "decisions:read": "viewer",
        "monitors:read": "viewer",
        "endpoints:read": "viewer",
        "runs:write": "contributor",  # which includes deleting one's own
        "runs:delete": "admin",
        "pipelines:run": "contributor",
        "reports:make": "contributor",  # each is a run
        "datasets:commit": "contributor",
        "datasets:alias": "contributor",
        "datasets:delete": "admin",
        "models:register": "contributor",
        "models:edit": "contributor",
        "models:request": "contributor",
        "models:promote": "contributor",  # the alias's policy decides
        "monitors:check": "contributor",
        "alerts:edit": "contributor",
        "endpoints:predict": "contributor",  # what is answered is kept, judged, and acted on
        "endpoints:truth": "contributor",
        "endpoints:deploy": "contributor",  # and rollouts, rollback, stop: who deploys takes back
        "models:approve": "approver",
        "models:rollback": "approver",
        "models:delete": "admin",
        "store:collect": "admin",
    }
)
"""The least role that each right needs; a right is ``concept:verb``."""


def rank(role: Role) -> int:
    """How much a role may: of two, the greater includes the other.

    Examples
    --------
    >>> rank("approver") > rank("contributor")
    True
    """
    return ROLES.index(role)


def permissions_of(role: Role) -> tuple[str, ...]:
    """All rights of a role.

    Examples
    --------
    >>> permissions_of("viewer")[4:]
    ('monitors:read', 'endpoints:read')
    """
    return tuple(
        permission for permission, least in PERMISSIONS.items() if rank(role) >= rank(least)
    )


def role_of_text(text: Any, what: str = "A role") -> Role:
    """Check that something names a role; ``what`` is how a refusal's sentence begins.

    Raises
    ------
    InvalidInput
        It does not.
    """
    for role in ROLES:
        if text == role:
            return role
    raise InvalidInput(f"{what} is one of {', '.join(ROLES)}; got {text!r}.")
