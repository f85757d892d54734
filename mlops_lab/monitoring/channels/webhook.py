"""``- webhook: https://…``: a signed POST to an address, as Standard Webhooks has it.

The address comes from a file that a pull request can change, and the request from a machine inside
a network: so the name is resolved once, private addresses are refused unless Jupyter's
configuration allows them, what was checked is what is called, and redirects are not followed. The
signature is that of https://www.standardwebhooks.com (headers ``webhook-id``,
``webhook-timestamp``, ``webhook-signature``), for which receivers have libraries.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import ipaddress
import json
import re
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import Field

from mlops_lab.errors import InvalidInput
from mlops_lab.monitoring.channels.channel import (
    Channel,
    ChannelKind,
    Delivered,
    Event,
    Ground,
    Message,
)
from mlops_lab.shapes import Line, Shape

__all__ = ["KIND", "Webhook", "sign"]

TRIES: Final = 3
BACKOFF_S: Final = (1.0, 4.0)
"""Between the tries: a receiver that restarts is back after some seconds."""
TIMEOUT_S: Final = 5.0
"""For an address as a whole, however slowly the answer drips."""
ADDRESSES: Final = 3
"""Of a host that has many, so many are tried."""

_FROM_ENVIRONMENT: Final = "env:"
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how Standard Webhooks marks one in base64
_AGAIN: Final = frozenset({408, 425, 429})


class WebhookModel(Shape):
    """A POST to an address for each message."""

    # Whoever writes a secret where none belongs is not to read it again in logs and reports.
    webhook: Annotated[Line, Field(min_length=1, max_length=2_000)] = Field(
        description="an address, https://…, or env:NAME for the variable that holds it", repr=False
    )
    secret: Annotated[Line, Field(pattern=f"^{_VARIABLE.pattern}$")] | None = Field(
        default=None,
        description="the name of the environment variable that holds the secret to sign with",
        repr=False,
    )
    on: list[Literal["alert", "warn", "resolved"]] = Field(
        default=["alert", "resolved"],
        min_length=1,
        description="a list of alert, warn, resolved",
    )


@dataclass(frozen=True, slots=True)
class Webhook(Channel):
    """An address to which messages are posted.

    Parameters
    ----------
    address
        As written: a URL, or ``env:NAME``.
    secret
        The name of the variable that holds the secret; None is unsigned.
    on
        What it is told of.
    """

    kind: ClassVar[str] = "webhook"

    address: str
    secret: str | None
    on: tuple[Event, ...]

    @property
    def label(self) -> str:
        """``webhook hooks.example.com``: paths of such addresses are secrets as a rule."""
        if self.address.startswith(_FROM_ENVIRONMENT):
            return f"webhook {self.address}"
        return f"webhook {urlsplit(self.address).hostname}"

    @property
    def key(self) -> str:
        """The label and a hash of the address, so that two paths of a host are two channels."""
        return f"{self.label} {hashlib.sha256(self.address.encode()).hexdigest()[:8]}"

    @property
    def variables(self) -> tuple[str, ...]:
        """Those that hold the address and the secret."""
        address = self.address.removeprefix(_FROM_ENVIRONMENT)
        named = () if address == self.address else (address,)
        return named if self.secret is None else (*named, self.secret)

    def send(self, message: Message, ground: Ground) -> Delivered:
        """Post it, up to three times; an answer from 200 to 299 is a yes."""
        try:
            url, secret = self._told(ground)
            addresses = _resolve(url, ground)
        except InvalidInput as error:
            return Delivered(False, 0, error.message)
        except OSError as error:
            host = urlsplit(self.address).hostname or self.address
            return Delivered(False, 1, f"{host} cannot be found: {_reason(error)}.")
        text = json.dumps(message.body, ensure_ascii=False, separators=(",", ":"))
        body = text.encode("utf-8", "replace")  # names of files may hold what is no Unicode
        sentence = ""
        for tries in range(1, TRIES + 1):
            if tries > 1:
                ground.sleep(BACKOFF_S[tries - 2])
            headers = _headers(message.id, int(ground.now()), body, secret)
            try:
                status = _post(url, addresses, body, headers)
            except (OSError, http.client.HTTPException, ValueError) as error:
                sentence = f"{url.hostname} did not answer: {_reason(error)}."
                continue
            if 200 <= status < 300:
                return Delivered(True, tries, f"{url.hostname} answered {status}.")
            sentence = f"{url.hostname} answered {status}."
            if 300 <= status < 400:
                sentence = f"{url.hostname} answered {status}, a redirect, which is not followed."
            if status < 500 and status not in _AGAIN:
                return Delivered(False, tries, sentence)
        return Delivered(False, TRIES, f"{sentence[:-1]}, {TRIES} times.")

    def _told(self, ground: Ground) -> tuple[SplitResult, bytes | None]:
        """The address and the secret, from the environment where they are kept there."""
        address = self.address
        if address.startswith(_FROM_ENVIRONMENT):
            name = address.removeprefix(_FROM_ENVIRONMENT)
            address = ground.environ.get(name, "")
            if not address:
                raise InvalidInput(f"The address is in {name}, which is not set where this ran.")
        url = _checked(address)
        if self.secret is None:
            return url, None
        text = ground.environ.get(self.secret, "")
        if not text:
            raise InvalidInput(
                f"The secret is in {self.secret}, which is not set where this ran: nothing is sent "
                "unsigned."
            )
        return url, _key_of(text)


def sign(secret: bytes, id: str, timestamp: int, body: bytes) -> str:
    """The signature of a message: HMAC-SHA256 over id, time and body.

    >>> sign(b"secret", "a-1", 1700000000, b"{}")
    'v1,BkAU/O/qeJMIsznqc7UnPYQBwzjqBXKSJ8EpdA3+XY4='
    """
    signed = f"{id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, 'sha256')).decode()}"


class WebhookKind(ChannelKind):
    """Signed requests to an address."""

    name = "webhook"
    shape = WebhookModel

    def channel(self, value: WebhookModel) -> Webhook:
        """Check the address."""
        if value.webhook.startswith(_FROM_ENVIRONMENT):
            if not _VARIABLE.fullmatch(value.webhook.removeprefix(_FROM_ENVIRONMENT)):
                raise InvalidInput("What follows env: is no name of an environment variable.")
        else:
            _checked(value.webhook)
        return Webhook(value.webhook, value.secret, tuple(dict.fromkeys(value.on)))


KIND = WebhookKind()


def _checked(address: str) -> SplitResult:
    """An address that can be meant: http or https, a host, no password."""
    try:
        url = urlsplit(address)
        host, _ = url.hostname, url.port
        (host or "").encode("idna")  # as whoever looks the name up does
    except ValueError as error:  # a UnicodeError is one
        raise InvalidInput(
            "The address is no URL, or its host no name that there can be."
        ) from error
    if url.scheme not in ("https", "http") or not host:
        raise InvalidInput("The address must begin with https:// and name a host.")
    if url.username is not None or url.password is not None:
        raise InvalidInput("The address holds a name or password: sign with a secret instead.")
    if not address.isascii() or any(c <= " " or c == "\x7f" for c in address):
        raise InvalidInput("The address has spaces or letters that no address has.")
    return url


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _resolve(url: SplitResult, ground: Ground) -> list[str]:
    """The addresses of the host, all of them allowed; resolved once, so that what is checked is
    what is called.
    """
    host = url.hostname or ""
    found = socket.getaddrinfo(host, _port(url), type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    if not ground.hosts.isdisjoint({host, f"{host}:{_port(url)}"}):
        return addresses
    if url.scheme != "https":
        raise InvalidInput(f"{host} would be called without encryption: write https://.")
    inner = [one for one in addresses if not _is_public(one)]
    if inner:
        raise InvalidInput(
            f"{host} is {inner[0]}, an address of an inner network. Whoever runs Jupyter can allow "
            f'it: c.MlopsLabApp.webhook_hosts = ["{host}"].'
        )
    return addresses


def _is_public(text: str) -> bool:
    """Whether an address belongs to the open internet, whatever it is wrapped in."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        teredo = address.teredo
        inner = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
        if inner is None and any(address in network for network in _WRAPPING):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is None:
            return address in _UNICAST and address.is_global
        address = inner
    return address.is_global and not address.is_multicast


_UNICAST: Final = ipaddress.ip_network("2000::/3")
"""What is handed out; the rest is local, translated on the spot, or nobody's."""
_WRAPPING: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
"""Where an address of four bytes stands at the end: NAT64, and the old form ``::127.0.0.1``."""


def _key_of(secret: str) -> bytes:
    if secret.startswith(_SECRET_PREFIX):
        with suppress(binascii.Error, ValueError):
            return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    return secret.encode()


def _headers(id: str, timestamp: int, body: bytes, secret: bytes | None) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "user-agent": "mlops-lab",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
    }
    if secret is not None:
        headers["webhook-signature"] = sign(secret, id, timestamp, body)
    return headers


def _post(url: SplitResult, addresses: list[str], body: bytes, headers: dict[str, str]) -> int:
    """The status that the first address answers which can be reached."""
    target = url.path or "/"
    if url.query:
        target += f"?{url.query}"
    last: OSError | None = None
    for address in addresses[:ADDRESSES]:
        connection = _Pinned(url, address)
        # A socket's own timeout begins again with each byte.
        watch = threading.Timer(TIMEOUT_S, connection.abort)
        watch.daemon = True
        watch.start()
        try:
            connection.connect()
        except OSError as error:
            last = _late(connection, error)
            watch.cancel()
            connection.close()
            continue
        try:
            connection.request("POST", target, body, headers)
            status = connection.getresponse().status
            if connection.aborted:  # an answer that was cut off ends like a short one
                raise TimeoutError
            return status
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _late(connection, error) from error
        finally:
            watch.cancel()
            connection.close()
    raise last or OSError("it has no address")


def _late(connection: _Pinned, error: Exception) -> OSError:
    if connection.aborted or isinstance(error, TimeoutError):
        return TimeoutError(f"nothing within {TIMEOUT_S:g} s")
    return error if isinstance(error, OSError) else OSError(str(error) or type(error).__name__)


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked, in the name of its host."""

    def __init__(self, url: SplitResult, address: str) -> None:
        super().__init__(url.hostname or "", _port(url), timeout=TIMEOUT_S)
        self._address = address
        self._secure = url.scheme == "https"
        if self._secure:
            self.default_port = 443
        self.aborted = False

    def connect(self) -> None:
        """Connect to the address; with https its certificate must be that of the host."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = plain
        if self._secure:
            secure = ssl.create_default_context().wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock = secure  # before the handshake, which may drip as well
            secure.do_handshake()

    def abort(self) -> None:
        """End it from another thread: whoever waits for an answer gets an error."""
        self.aborted = True
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good ({error.verify_message})"
    if isinstance(error, socket.gaierror):
        return "nobody knows that name"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
