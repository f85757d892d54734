"""Who acts: an identity is a name and how we came to know it.

A kernel, a command line and a CI step act as the operating system's user; a server passes the
identity that Jupyter authenticated. What the environment claims beside it (a hub's or a CI's user
name) is kept apart as a claim: a process may write what it likes there.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Identity", "claimed_user", "current_identity", "person_of"]

# In this order: the first that is set and not empty wins.
_CLAIMS: Final = ("JUPYTERHUB_USER", "GITHUB_ACTOR", "GITLAB_USER_LOGIN")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, and who says so.

    Attributes
    ----------
    id
        The name, unique for its source.
    via
        ``os`` (the operating system's user) or ``jupyter`` (Jupyter's IdentityProvider).
    groups
        The groups that the source puts them in; roles may be given to a group.
    """

    id: str
    via: str = "os"
    groups: tuple[str, ...] = ()

    def as_by(self) -> dict[str, str]:
        """Give the ``by`` of a decision line."""
        return {"id": self.id, "via": self.via}


def person_of(name: str) -> str:
    """Give the one spelling by which a person counts once, and is told apart from nobody else.

    Where somebody must not act twice, or not on their own work, capitals, full-width letters and
    characters that cannot be seen make no other person. Rights are given by the exact name.

    Examples
    --------
    >>> person_of(" Mara\u200b") == person_of("mara")
    True
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in plain if unicodedata.category(c)[0] not in "CZ")


def current_identity() -> Identity:
    """Say who runs this process.

    The account's name where the system has one, else ``uid-1000``: containers often run under
    a number nobody named. Variables such as ``USER`` are not asked: anybody can set them.
    """
    try:
        import pwd

        return Identity(pwd.getpwuid(os.getuid()).pw_name)
    except (ImportError, KeyError):
        uid = getattr(os, "getuid", lambda: None)()
        return Identity(os.environ.get("USERNAME", "unknown") if uid is None else f"uid-{uid}")


def claimed_user(environ: Mapping[str, str] | None = None) -> str | None:
    """Name whom the environment says this process works for: a hub's or a CI's user.

    Parameters
    ----------
    environ
        The environment to read, by default the process's own.
    """
    source = os.environ if environ is None else environ
    return next((source[name] for name in _CLAIMS if source.get(name)), None)
