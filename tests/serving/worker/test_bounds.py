"""What a client or a model does wrong costs nobody else an answer, and is bounded."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

LIMITS = {"body_mb": 1.0, "queue": 4, "rows": 8, "timeout_s": 2.0, "drain_s": 20.0}


@pytest.fixture(scope="module")
def wild(starter: Any, awkward: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A worker of the model that does what it is told, with tight limits."""
    return starter(awkward, tmp_path_factory.mktemp("wild"), limits=LIMITS)


@pytest.fixture(scope="module")
def crowd() -> Iterator[ThreadPoolExecutor]:
    """Clients."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


def _row(do: str = "answer", x: float = 1.5) -> dict[str, Any]:
    return {"do": do, "x": x}


def _read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def test_a_batch_in_which_one_row_fails_answers_the_others(
    wild: Any, crowd: ThreadPoolExecutor, tmp_path: Path
) -> None:
    with wild.busy(tmp_path / "go"):
        asked = [
            crowd.submit(wild.post, [_row(do, x)]) for x, do in enumerate(["answer", "raise"] * 2)
        ]
        wild.wait(lambda: wild.reports[-1]["queue"] == 5)
    answers = [one.result() for one in asked]
    assert [one.status_code for one in answers] == [200, 500, 200, 500]
    assert [one.json()["predictions"][0]["prediction"] for one in answers[::2]] == [0.0, 4.0]
    assert answers[1].json()["error"] == "The model could not answer: ValueError: cannot take 0"


@pytest.mark.parametrize(("do", "said"), [("short", "1 row of prediction for 2"), ("exit", "3")])
def test_what_is_no_answer_is_said_in_a_sentence(wild: Any, do: str, said: str) -> None:
    answer = wild.post([_row(do), _row()])
    assert answer.status_code == 500
    assert said in answer.json()["error"]
    assert wild.post([_row()]).status_code == 200


def test_more_rows_than_a_call_takes_are_answered_in_parts(wild: Any) -> None:
    answer = wild.post([_row(x=x) for x in range(50)])
    assert [one["prediction"] for one in answer.json()["predictions"]] == [
        2.0 * x for x in range(50)
    ]


def test_what_takes_too_long_is_answered_504_and_the_queue_is_bounded(
    wild: Any, crowd: ThreadPoolExecutor, tmp_path: Path
) -> None:
    with wild.busy(tmp_path / "go") as busy:
        waiting = [crowd.submit(wild.post, [_row()]) for _ in range(10)]
        answers = [one.result() for one in waiting]
        assert busy.result().status_code == 504
        assert wild.reports[-1]["busy_since"]
    # One is with the model, four may wait; they give up, and the model is not free yet.
    assert sorted(one.status_code for one in answers) == [429] * 6 + [504] * 4
    refused = next(one for one in answers if one.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    wild.wait(lambda: wild.reports[-1]["busy_since"] is None and wild.reports[-1]["queue"] == 0)
    assert wild.post([_row()]).status_code == 200
    wild.wait(lambda: wild.counted("stable", "overload") == 6)
    wild.wait(lambda: wild.counted("stable", "timeouts") == 5)


def test_an_answer_nobody_waits_for_is_not_computed(wild: Any, tmp_path: Path) -> None:
    gone = wild.counted("stable", "rejected")
    # Were it computed, it would never end.
    body = json.dumps([_row(f"until {tmp_path / 'never'}")]).encode()
    with wild.busy(tmp_path / "go"):
        with wild.connect() as connection:
            head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
            connection.sendall(head + body)
            wild.wait(lambda: wild.reports[-1]["queue"] == 2)
        wild.wait(lambda: wild.counted("stable", "rejected") > gone)
    assert wild.post([_row()]).status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_50_mb_is_refused_and_never_held(wild: Any, chunked: bool) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(50):
            yield b" " * 2**20

    most, done = [wild.rss()], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            most.append(wild.rss())

    watching = threading.Thread(target=watch)
    watching.start()
    headers = {} if chunked else {"content-length": str(50 * 2**20)}
    with wild.client() as client:
        answer = client.post("/predict", content=parts(), headers=headers)
    done.set()
    watching.join()
    assert answer.status_code == 413
    assert "at most 1 MB" in answer.json()["error"]
    assert max(most) - most[0] < 25 * 2**20


def test_who_asks_first_whether_to_send_50_mb_is_told_not_to(wild: Any) -> None:
    with wild.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 52428800\r\n"
            b"expect: 100-continue\r\n\r\n"
        )
        assert _read_all(connection).startswith(b"HTTP/1.1 413 ")


def test_a_small_body_that_unpacks_to_much_is_refused(wild: Any) -> None:
    bomb = gzip.compress(b" " * (64 * 2**20))
    before = wild.rss()
    with wild.client() as client:
        answer = client.post("/predict", content=bomb, headers={"content-encoding": "gzip"})
    assert answer.status_code == 413
    assert wild.rss() - before < 25 * 2**20


@pytest.mark.parametrize(
    "start",
    [
        b"POST /predict HTTP/1.1\r\nhost: x\r\n",
        b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[{",
    ],
    ids=["head", "body"],
)
def test_a_client_that_sends_too_slowly_is_cut_off(wild: Any, start: bytes) -> None:
    with wild.connect() as connection:
        connection.sendall(start)
        said = b""
        until = time.monotonic() + 60
        connection.settimeout(0.05)
        while not said:
            assert time.monotonic() < until
            try:
                connection.sendall(b"x")  # something comes all the time, and never the end
                said = connection.recv(65_536)
            except TimeoutError:
                continue
        assert said.startswith(b"HTTP/1.1 408 ")
    assert wild.post([_row()]).status_code == 200


def test_a_head_without_end_is_refused(wild: Any) -> None:
    with wild.connect() as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\n")
        with suppress(BrokenPipeError):
            for _ in range(100_000):
                connection.sendall(b"x-more: " + b"y" * 1000 + b"\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 431 ")


def test_a_client_that_never_reads_is_cut_off(wild: Any) -> None:
    body = json.dumps([_row()] * 5_000).encode()
    with wild.connect() as connection:
        head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
        connection.sendall(head + body)

        def cut_off() -> bool:
            try:
                connection.send(b"\r\n")  # which may stand before a request
            except OSError:
                return True
            return False

        wild.wait(cut_off)
    assert wild.post([_row()]).status_code == 200


def test_a_client_that_asks_and_asks_is_cut_off(wild: Any) -> None:
    asked = b"GET /v2 HTTP/1.1\r\nhost: x\r\n\r\n" * 2_000
    with wild.connect() as connection:
        with suppress(BrokenPipeError):
            connection.sendall(asked)
        assert b"HTTP/1.1 429 " in _read_all(connection)
    assert wild.post([_row()]).status_code == 200


def test_what_is_no_http_is_refused(wild: Any) -> None:
    with wild.connect() as connection:
        connection.sendall(b"hello\r\n\r\n")
        said = _read_all(connection)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b'{"error":' in said


def test_several_requests_in_one_piece_are_answered_in_their_order(wild: Any) -> None:
    with wild.connect() as connection:
        for x in (1.0, 2.0, 3.0):
            body = json.dumps([_row(x=x)]).encode()
            last = b"connection: close\r\n" if x == 3.0 else b""
            connection.sendall(
                b"POST /predict HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n%b"
                % (last, len(body), body)
            )
        said = _read_all(connection)
    places = [said.index(b'"prediction":%b' % x) for x in (b"2.0", b"4.0", b"6.0")]
    assert places == sorted(places)


def test_a_log_that_cannot_be_written_makes_a_worker_unready_and_it_ends_with_its_supervisor(
    starter: Any, awkward: Any, tmp_path: Path
) -> None:
    place = tmp_path / "log"
    place.write_text("a file where the folder should be")
    worker = starter(awkward, tmp_path, limits=LIMITS, log_dir=str(place))

    def ready() -> int:
        with worker.client() as client:
            return client.get("/v2/health/ready").status_code

    assert ready() == 200
    assert worker.post([_row()]).status_code == 200
    worker.wait(lambda: ready() == 503)
    worker.wait(lambda: worker.reports[-1]["log"]["dead"])
    assert worker.post([_row()]).status_code == 200  # predictions go on
    place.unlink()
    worker.wait(lambda: ready() == 200)
    worker.wait(lambda: worker.told("log", "written") == 2)
    worker.channel.shutdown(socket.SHUT_RDWR)  # in the foreground
    assert worker.process.wait(60) == 0


def test_whatever_is_sent_leaves_a_worker_as_it_was(wild: Any) -> None:
    import random

    draw = random.Random(3)
    pieces = [
        *(b"POST ", b"/predict", b" HTTP/1.1\r\n", b"host: x\r\n", b"\r\n", b"0\r\n\r\n", b"[{}]"),
        *(b"content-length: 5\r\n", b"content-length: -1\r\n", b"transfer-encoding: chunked\r\n"),
        *(b"expect: 100-continue\r\n", b"connection: upgrade\r\nupgrade: websocket\r\n"),
        *(b"x-unit-id: \xff\xfe\r\n", b"inference-header-content-length: 9\r\n", b"\x00\xff"),
        b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n[]",
        *(
            b"GET /v2 HTTP/1.1\r\n\r\n",
            b"HEAD /v2 HTTP/1.0\r\n\r\n",
            b"GET /%zz/.. HTTP/1.1\r\n\r\n",
        ),
    ]
    for number in range(400):
        with wild.connect() as connection, suppress(BrokenPipeError):
            for _ in range(draw.randint(1, 4)):
                connection.sendall(b"".join(draw.choices(pieces, k=draw.randint(1, 6))))
            if number % 2:
                connection.settimeout(0.01)
                with suppress(TimeoutError):
                    connection.recv(4096)
    assert wild.post([_row()]).status_code == 200
    wild.wait(lambda: wild.reports[-1]["queue"] == 0)
    assert "Traceback" not in wild.log
