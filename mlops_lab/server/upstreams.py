"""Connections from the Jupyter Server to endpoints' unix sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

__all__ = ["Upstreams"]


class Upstreams:
    """Connections to endpoints, kept for the next request. Lives on the event loop."""

    def __init__(self) -> None:
        self._transports: dict[str, httpx.AsyncHTTPTransport] = {}

    def to(self, path: str) -> httpx.AsyncHTTPTransport:
        """The connections to a unix socket."""
        import httpx

        if path not in self._transports:
            kept = httpx.Limits(
                max_connections=None, max_keepalive_connections=16, keepalive_expiry=30
            )
            # Nothing is encrypted on a unix socket, and no proxy of the environment is meant.
            self._transports[path] = httpx.AsyncHTTPTransport(
                uds=path, verify=False, trust_env=False, limits=kept
            )
        return self._transports[path]

    async def close(self) -> None:
        """Close them all."""
        transports, self._transports = [*self._transports.values()], {}
        for transport in transports:
            await transport.aclose()
