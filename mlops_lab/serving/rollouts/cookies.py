"""The signed cookie that keeps a browser on its side of a rollout when no request names a unit.

It holds a random number and its signature; nothing about anybody. A cookie that somebody made up
is not taken: who chooses their unit chooses their side.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

__all__ = ["COOKIE", "cookie_of", "key_at", "new_unit", "set_cookie", "unit_in"]

COOKIE: Final = "mlops-lab-unit"
"""The name of the cookie."""

_UNIT_BYTES: Final = 12
_KEY_BYTES: Final = 32
_SIGNED: Final = 32
"""Hexadecimal characters of the signature that are kept: 128 bits."""

_KEEP_S: Final = 180 * 24 * 3600


def key_at(path: Path) -> bytes:
    """Give the key of an endpoint's cookies; made once, readable by the user alone.

    Parameters
    ----------
    path
        Where it is kept, 32 bytes. Of several processes that make it at once one wins.
    """
    with suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        # Unlike a rename, a link never replaces the key that another one has just made.
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path.read_bytes()


def new_unit() -> str:
    """Draw a unit for somebody who has none."""
    return secrets.token_hex(_UNIT_BYTES)


def cookie_of(key: bytes, unit: str) -> str:
    """Sign a unit: the value of the cookie (HMAC-SHA256, RFC 2104).

    Examples
    --------
    >>> unit_in(b"key", cookie_of(b"key", "5f"))
    '5f'
    """
    return f"{unit}.{_signature(key, unit)}"


def unit_in(key: bytes, cookie: str | None) -> str | None:
    """Give the unit of a cookie, or None where there is none or its signature does not hold.

    Examples
    --------
    >>> unit_in(b"key", "5f.0000") is None, unit_in(b"key", None) is None
    (True, True)
    """
    unit, dot, signature = (cookie or "").rpartition(".")
    if not dot or not unit:
        return None
    expected = _signature(key, unit)
    signed = hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode())
    return unit if signed else None


def set_cookie(key: bytes, unit: str) -> str:
    """Write the ``Set-Cookie`` header that gives somebody a unit for half a year."""
    return f"{COOKIE}={cookie_of(key, unit)}; Max-Age={_KEEP_S}; Path=/; HttpOnly; SameSite=Lax"


def _signature(key: bytes, unit: str) -> str:
    return hmac.new(key, unit.encode("utf-8", "replace"), sha256).hexdigest()[:_SIGNED]
