"""Webhooks: signed, to where they were checked to go, and never an exception."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mlops_lab.monitoring.channels import Ground, Message
from mlops_lab.monitoring.channels import webhook as module
from mlops_lab.monitoring.channels.webhook import Webhook

MESSAGE = Message("alert", "3f0a-7", {"event": "alert", "text": 'Größe "ü" <b>'})
Answer = Callable[[BaseHTTPRequestHandler], None]


class Receiver:
    """A real server that remembers what it was sent and answers as it is told."""

    def __init__(self, answer: Answer) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                headers = {key.lower(): value for key, value in self.headers.items()}
                receiver.got.append((self.path, headers, self.rfile.read(length)))
                answer(self)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str = "/hook?room=1") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", "0")
        handler.end_headers()

    return answer


@contextmanager
def receiving(answer: Answer) -> Iterator[Receiver]:
    receiver = Receiver(answer)
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()


def ground(slept: list[float] | None = None, **environ: str) -> Ground:
    hosts = frozenset({"127.0.0.1", "localhost"})
    waited = [] if slept is None else slept
    return Ground(hosts=hosts, environ=environ, now=lambda: 1_700_000_000.0, sleep=waited.append)


def test_a_message_is_posted_and_signed_as_standard_webhooks_has_it() -> None:
    with receiving(status(204)) as receiver:
        channel = Webhook(receiver.url(), "HOOK", ("alert",))
        sent = channel.send(MESSAGE, ground(HOOK="s3cret"))
    assert (sent.ok, sent.tries, sent.sentence) == (True, 1, "127.0.0.1 answered 204.")
    ((path, headers, body),) = receiver.got
    assert path == "/hook?room=1"
    assert json.loads(body) == MESSAGE.body
    assert headers["webhook-id"] == "3f0a-7"
    signed = f"3f0a-7.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"


def test_a_secret_in_base64_is_read_as_such() -> None:
    key = base64.b64encode(b"k" * 24).decode()
    with receiving(status(200)) as receiver:
        Webhook(receiver.url(), "HOOK", ("alert",)).send(MESSAGE, ground(HOOK=f"whsec_{key}"))
    ((_, headers, body),) = receiver.got
    expected = module.sign(b"k" * 24, "3f0a-7", 1_700_000_000, body)
    assert headers["webhook-signature"] == expected


def test_what_fails_for_a_while_is_tried_again() -> None:
    answers = iter([status(500), status(429), status(200)])
    slept: list[float] = []
    with receiving(lambda handler: next(answers)(handler)) as receiver:
        sent = Webhook(receiver.url(), None, ("alert",)).send(MESSAGE, ground(slept))
    assert (sent.ok, sent.tries, slept) == (True, 3, [1.0, 4.0])
    assert "webhook-signature" not in receiver.got[0][1]


def test_who_goes_on_failing_is_given_up() -> None:
    with receiving(status(500)) as receiver:
        sent = Webhook(receiver.url(), None, ("alert",)).send(MESSAGE, ground())
    assert (sent.ok, sent.tries) == (False, 3)
    assert sent.sentence == "127.0.0.1 answered 500, 3 times."


def test_who_says_no_is_not_asked_again() -> None:
    with receiving(status(404)) as receiver:
        sent = Webhook(receiver.url(), None, ("alert",)).send(MESSAGE, ground())
    assert (sent.ok, sent.tries, len(receiver.got)) == (False, 1, 1)


def test_a_redirect_is_not_followed() -> None:
    with (
        receiving(status(200)) as inner,
        receiving(status(302, Location=inner.url("/inside"))) as receiver,
    ):
        sent = Webhook(receiver.url(), None, ("alert",)).send(MESSAGE, ground())
    assert not sent.ok
    assert "a redirect, which is not followed" in sent.sentence
    assert inner.got == []


def test_an_answer_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.3)
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not stop.wait(0.05):
            handler.wfile.write(b"X-More: 1\r\n")
            handler.wfile.flush()

    with receiving(drip) as receiver:
        sent = Webhook(receiver.url(), None, ("alert",)).send(MESSAGE, ground())
        stop.set()
    assert not sent.ok
    assert "did not answer: nothing within 0.3 s" in sent.sentence


def test_a_handshake_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(module, "TRIES", 1)

    class Drip(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.sendall(b"\x16\x03\x03\x40\x00")
                for _ in range(60):
                    time.sleep(0.05)
                    self.request.sendall(b"\x02")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://localhost:{server.server_address[1]}/"
        sent = Webhook(url, None, ("alert",)).send(MESSAGE, ground())
        server.shutdown()
    assert "localhost did not answer: nothing within 0.3 s" in sent.sentence


def test_names_that_no_text_can_hold_are_sent_all_the_same() -> None:
    with receiving(status(204)) as receiver:
        channel = Webhook(receiver.url(), None, ("alert",))
        assert channel.send(Message("alert", "a-1", {"monitor": "caf\udce9"}), ground()).ok
    assert json.loads(receiver.got[0][2]) == {"monitor": "caf?"}


@pytest.mark.parametrize(
    "answer", [lambda h: h.wfile.write(b"garbage\r\n\r\n"), lambda h: h.connection.close()]
)
def test_an_answer_that_is_none_is_a_sentence(answer: Answer) -> None:
    with receiving(answer) as receiver:
        sent = Webhook(receiver.url(), None, ("alert",)).send(MESSAGE, ground())
    assert not sent.ok
    assert "did not answer" in sent.sentence


def test_nobody_there_is_a_sentence() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sent = Webhook(f"http://127.0.0.1:{port}/", None, ("alert",)).send(MESSAGE, ground())
    assert (sent.ok, sent.tries) == (False, 3)
    assert "connection refused" in sent.sentence


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "fec0::1",
        "64:ff9b:1::a00:1",
        "::ffff:0:7f00:1",
    ],
)
def test_an_address_of_an_inner_network_is_refused_by_any_name(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answers = [(socket.AF_INET, 1, 6, "", ("8.8.8.8", 443)), (family, 1, 6, "", (address, 443))]
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *_, **__: answers)
    sent = Webhook("https://hooks.example.com/x", None, ("alert",)).send(MESSAGE, Ground())
    assert (sent.ok, sent.tries) == (False, 0)
    assert f"hooks.example.com is {address}, an address of an inner network" in sent.sentence
    assert 'c.MlopsLabApp.webhook_hosts = ["hooks.example.com"]' in sent.sentence


def test_what_was_checked_is_what_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means another address the second time leads nowhere else."""
    with receiving(status(200)) as receiver:
        calls: list[str] = []

        def resolve(host: str, port: int, **_: Any) -> list[Any]:
            calls.append(host)
            return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port))]

        real = socket.getaddrinfo
        monkeypatch.setattr(
            module.socket,
            "getaddrinfo",
            lambda host, port, *a, **k: (
                resolve(host, port) if host == "hook.test" else real(host, port, *a, **k)
            ),
        )
        allowed = Ground(hosts=frozenset({f"hook.test:{receiver.port}"}), environ={})
        channel = Webhook(f"http://hook.test:{receiver.port}/", None, ("alert",))
        assert channel.send(MESSAGE, allowed).ok
    assert calls == ["hook.test"]
    assert receiver.got[0][1]["host"] == f"hook.test:{receiver.port}"


def test_without_encryption_only_an_allowed_host_is_called() -> None:
    sent = Webhook("http://8.8.8.8/", None, ("alert",)).send(MESSAGE, Ground(environ={}))
    assert (sent.ok, sent.tries) == (False, 0)
    assert "without encryption" in sent.sentence


def test_a_secret_that_is_not_set_sends_nothing() -> None:
    with receiving(status(200)) as receiver:
        sent = Webhook(receiver.url(), "HOOK", ("alert",)).send(MESSAGE, ground())
    assert (sent.ok, receiver.got) == (False, [])
    assert "The secret is in HOOK, which is not set" in sent.sentence


def test_an_address_can_be_kept_in_the_environment() -> None:
    with receiving(status(200)) as receiver:
        channel = Webhook("env:HOOK_URL", None, ("alert",))
        assert channel.send(MESSAGE, ground(HOOK_URL=receiver.url())).ok
        assert "is not set where this ran" in channel.send(MESSAGE, ground()).sentence
        assert not channel.send(MESSAGE, ground(HOOK_URL="nonsense")).ok
    assert channel.label == "webhook env:HOOK_URL"


def test_a_label_holds_no_path() -> None:
    one = Webhook("https://hooks.example.com/T0/secret", None, ("alert",))
    other = Webhook("https://hooks.example.com/T1/secret", None, ("alert",))
    assert one.label == "webhook hooks.example.com"
    assert "secret" not in one.key
    assert one.key != other.key
