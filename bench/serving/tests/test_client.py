"""The client that offers load."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.serving.client import Answer, Request, WrongAnswer, at_rate, get, one_after_another, wire_of

STALL = 0.5


class Server(ThreadingHTTPServer):
    """Answers "hello", notes what it was asked, and stands still once when the path says so."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Answer with what was sent, after a greeting."""
        self.server.asked.append(self.path)
        if self.path == "/stall":
            time.sleep(STALL)
        length = int(self.headers.get("content-length", "0"))
        self._answer(b"hello" + self.rfile.read(length))

    do_PATCH = do_GET  # noqa: N815  # the library's name

    def _answer(self, body: bytes) -> None:
        self.send_response(404 if self.path == "/absent" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Path", self.path)
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/close":
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@contextmanager
def serving() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=[0.01])
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def right(answer: Answer) -> None:
    if answer.status != 200:
        raise WrongAnswer(str(answer.status))


def test_requests_that_were_due_while_the_server_stood_still_have_waited_for_it(server: Server) -> None:
    """Nothing is left out: who was due during a pause counts from the moment when due, not from when it was sent."""
    requests = [get("/", right), get("/stall", right), *[get("/", right)] * 60]
    load = at_rate(server.url, requests, rate=100, connections=1)
    waited = [each for each in load.latencies if each > STALL / 2]
    assert len(load.latencies) == len(requests)
    assert len(waited) >= 20, "half of those that were due in the pause waited for half of it and more"


def test_no_request_is_sent_before_it_is_due(server: Server) -> None:
    """A rate is a rate: twenty at a hundred a second take a fifth of a second."""
    load = at_rate(server.url, [get("/", right)] * 20, rate=100, connections=4)
    assert load.seconds >= 0.19
    assert min(load.lags) >= 0


def test_each_request_of_a_list_is_sent_once(server: Server) -> None:
    """However many connections there are."""
    paths = [f"/{number}" for number in range(50)]
    load = one_after_another(server.url, [get(path, right) for path in paths], connections=8)
    assert sorted(server.asked) == sorted(paths)
    assert len(load.latencies) == 50


def test_an_answer_is_read_whole(server: Server) -> None:
    """Status, headers and every byte of the body, however long."""
    found: list[Answer] = []
    body = b"x" * 3_000_000
    one_after_another(server.url, [Request(wire_of("PATCH", "/long", {}, body), found.append)], connections=1)
    assert found[0].status == 200
    assert found[0].headers["x-path"] == "/long"
    assert found[0].body == b"hello" + body


@pytest.mark.parametrize("path", ["/absent", "/close"])
def test_a_run_with_a_wrong_answer_ends_at_once(server: Server, path: str) -> None:
    """Another status, or a connection that is closed: nothing is measured by that."""
    with pytest.raises(WrongAnswer):
        one_after_another(server.url, [get(path, right), *[get("/", right)] * 10], connections=1)
    assert server.asked[0] == path
    assert len(server.asked) <= 2
