"""What is answered when a request cannot be."""

from __future__ import annotations

import json

__all__ = ["ProtocolError"]


class ProtocolError(Exception):
    """A request that gets no prediction: the HTTP status, and a sentence that says why.

    Parameters
    ----------
    status
        400 for what was sent, 413 for too much of it, 415 for another format …
    message
        What was wrong, the value seen, and what would be right.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def body(self) -> bytes:
        """Give the protocol's error object, ``{"error": message}``."""
        # What a client sent may hold half a character: the escape says it, UTF-8 cannot.
        return json.dumps({"error": self.message}).encode()
