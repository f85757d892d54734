"""Compressed bodies, taken apart without ever holding more than is allowed."""

from __future__ import annotations

import zlib
from typing import Final, Literal

from mlops_lab.serving.protocol.fault import ProtocolError

__all__ = ["Encoding", "encoding_wanted", "pack", "unpack"]

Encoding = Literal["gzip", "deflate"]

_GZIP: Final = 31
_ZLIB: Final = 15
_RAW: Final = -15
_LEVEL: Final = 1
"""Beyond the first level an answer takes several times as long for a tenth less."""


def unpack(body: bytes, encoding: str | None, limit: int) -> bytes:
    """Give what a body holds.

    Parameters
    ----------
    body
        As it came.
    encoding
        The header Content-Encoding.
    limit
        The most bytes that may come out.

    Raises
    ------
    ProtocolError
        413 when it holds more, 400 when it is damaged, 415 when it is packed in another way.
    """
    named = (encoding or "identity").strip().lower()
    if named in ("identity", ""):
        found = body
    elif named in ("gzip", "x-gzip"):
        found = _inflate(body, _GZIP, limit)
    elif named == "deflate":
        # By the standard with zlib's frame; some clients leave it out.
        framed = len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0
        found = _inflate(body, _ZLIB if framed else _RAW, limit)
    else:
        raise ProtocolError(
            415,
            f"A body packed as {named[:40]!r} cannot be read: send it as gzip, deflate, or as "
            "it is.",
        )
    if len(found) > limit:
        raise ProtocolError(413, f"The body holds more than {limit:,} bytes; send fewer rows.")
    return found


def _inflate(body: bytes, frame: int, limit: int) -> bytes:
    parts: list[bytes] = []
    size, rest = 0, body
    try:
        while rest:
            # A gzip file may have several members, one after the other.
            unpacker = zlib.decompressobj(frame)
            part = unpacker.decompress(rest, limit - size + 1)
            size += len(part)
            parts.append(part)
            if size > limit:
                raise ProtocolError(
                    413,
                    f"The body holds more than {limit:,} bytes when it is unpacked; send "
                    "fewer rows.",
                )
            if not unpacker.eof:
                raise ProtocolError(400, "The packed body ends too early.")
            rest = unpacker.unused_data if frame == _GZIP else b""
    except zlib.error as error:
        raise ProtocolError(400, f"The packed body cannot be read: {error}.") from None
    return b"".join(parts)


def encoding_wanted(accepted: str | None) -> Encoding | None:
    """Choose how an answer may be packed from the header Accept-Encoding.

    >>> encoding_wanted("deflate, gzip;q=0.5"), encoding_wanted("br, gzip;q=0")
    ('gzip', None)
    """
    if not accepted:
        return None
    offered = {}
    for part in accepted.lower().split(","):
        name, _, quality = part.partition(";")
        offered[name.strip()] = quality.replace(" ", "").rstrip("0").rstrip(".") != "q="
    for name in ("gzip", "deflate"):
        if offered.get(name):
            return name  # type: ignore[return-value]
    return "gzip" if offered.get("*") and offered.get("gzip", True) else None


def pack(body: bytes, encoding: Encoding) -> bytes:
    """Pack an answer."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP if encoding == "gzip" else _ZLIB)
    return packer.compress(body) + packer.flush()
