"""People who ask the server by name, and the roles that its configuration gives them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, User

ROLES = {
    "mara": "contributor",
    "ivo": "approver",
    "ada": "approver",
    "root": "admin",
    "viewer": "viewer",
    "contributor": "contributor",
    "approver": "approver",
    "admin": "admin",
    "group:ops": "approver",
}


class GroupedUser(User):
    """A user as JupyterHub's provider gives."""

    def __init__(self, username: str, hub_user: dict[str, Any]) -> None:
        super().__init__(username)
        self.hub_user = hub_user


class Named(IdentityProvider):
    """Takes a header's word for who asks, behind the server's token."""

    async def get_user(self, handler: Any) -> Any:
        """Whoever the header names."""
        user = super().get_user(handler)
        if isinstance(user, Awaitable):
            user = await user
        name = handler.request.headers.get("X-Name")
        if user is None or name is None:
            return user
        return GroupedUser(name, hub_user={"groups": handler.request.headers.get_list("X-Group")})
