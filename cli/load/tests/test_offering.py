"""The load is offered when it is due, and each request is counted once, however it ends."""

import gc
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from cli.load.offering import Load, at_constant_rate
from cli.load.tally import Tally
from cli.load.tests.http_server import Asked, Given, serving
from cli.load.wire import Answer, Request, WrongAnswer, get, wire_of

STALL = 1.0


def right(answer: Answer) -> None:
    if answer.status != 200:
        raise WrongAnswer(f"status {answer.status}")


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 0)


def stalling_once(at: int) -> Callable[[Asked], Given]:
    """A server that stands still, for everybody, when it is asked for the `at`th time."""
    lock, asked = threading.Lock(), iter(range(1_000_000))

    def answer(_: Asked) -> Given:
        with lock:
            if next(asked) == at:
                time.sleep(STALL)
        return Given(body=b"hello")

    return answer


@contextmanager
def loading(url: str, connections: int = 4, timeout: float = 30.0) -> Iterator[Load]:
    with Load(address_of(url), connections, timeout) as load:
        yield load


def test_a_server_that_stands_still_for_a_second_shows_in_the_p99() -> None:
    """Who was due meanwhile has waited: of 3 s at 100/s a third, although only few requests were on their way."""
    tally = Tally()
    with serving(stalling_once(100)) as url, loading(url) as load:
        load.offer(iter(lambda: get("/", right), None), at_constant_rate(100, 3), tally)
    latencies = tally.whole().latencies
    assert latencies.count == 300
    assert latencies.quantile(0.99) > 0.9 * STALL
    assert sum(latencies.between([STALL / 2])[1:]) >= 40, "half of those due in the pause waited for half of it"


def test_a_client_that_waits_for_answers_does_not_see_that() -> None:
    """It is what the test above is for: the same server, asked by four that send when they are answered."""
    tally = Tally()
    with serving(stalling_once(100)) as url, loading(url) as load:
        load.offer([get("/", right)] * 1000, None, tally)
    latencies = tally.whole().latencies
    assert latencies.count == 1000
    assert latencies.quantile(0.99) < STALL / 2
    assert latencies.greatest > 0.9 * STALL


def test_no_request_is_sent_before_it_is_due() -> None:
    """A rate is a rate: twenty at a hundred a second take a fifth of a second."""
    tally = Tally()
    with serving(lambda _: Given()) as url, loading(url) as load:
        seconds = load.offer([get("/", right)] * 20, at_constant_rate(100, 1), tally)
    assert seconds >= 0.19
    assert tally.lateness.least >= 0


def test_a_schedule_has_every_request_at_its_place() -> None:
    """However many there are: no interval's rounding adds up."""
    due = list(at_constant_rate(3, 100_000))
    assert len(due) == 300_000
    assert due[0] == 0
    assert due[-1] == 299_999 / 3


def test_another_status_or_body_is_a_failure() -> None:
    """Nothing but the right answer counts, and no wrong one makes the latencies better."""
    tally = Tally()
    with serving(lambda asked: Given(503 if asked.path == "/busy" else 200)) as url, loading(url) as load:
        load.offer([get("/busy", right, kind="busy"), get("/", right), get("/busy", right, kind="busy")], None, tally)
    assert (tally.whole().right, tally.whole().wrong) == (1, 2)
    assert tally.failures == {"status 503": 2}
    assert tally.parts["busy"].latencies.count == 0


def test_what_is_not_answered_in_time_is_a_failure_that_took_that_long() -> None:
    """Those on their way, and those that were due and found every connection busy."""
    tally = Tally()
    release = threading.Event()

    def answer(_: Asked) -> Given:
        release.wait(30)
        return Given()

    with serving(answer) as url, loading(url, connections=2, timeout=0.3) as load:
        seconds = load.offer(iter(lambda: get("/", right), None), at_constant_rate(100, 0.2), tally)
        release.set()
    whole = tally.whole()
    assert (whole.right, whole.wrong) == (0, 20)
    assert whole.latencies.count == 20
    assert whole.latencies.least >= 0.3
    assert seconds >= 0.3


def test_who_has_waited_too_long_for_a_connection_is_not_sent() -> None:
    """It has failed, and a server that is behind is not given what nobody waits for."""
    tally = Tally()
    release = threading.Event()
    asked: list[str] = []

    def answer(request: Asked) -> Given:
        asked.append(request.path)
        release.wait(30)
        return Given()

    with serving(answer) as url, loading(url, connections=2, timeout=0.3) as load:
        load.offer([get("/", right)] * 20, [0.0] * 20, tally)
        release.set()
    assert tally.whole().wrong == 20
    assert len(asked) <= 2


def test_a_connection_that_the_server_has_closed_is_opened_again() -> None:
    """It is told, and is no failure: HTTP lets a server close what is idle."""
    tally = Tally()
    with serving(lambda _: Given(close=True)) as url, loading(url, connections=1) as load:
        for _ in range(3):
            load.offer([get("/", right)], None, tally)
            _until_closed(load)
    assert tally.whole().right == 3
    assert tally.lost_connections == 2


def _until_closed(load: Load) -> None:
    """Wait until the server's end has come."""
    (connection,) = load._free
    give_up = time.monotonic() + 10
    while not connection._has_ended():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def test_a_connection_that_breaks_under_a_request_fails_it() -> None:
    """The answer did not come, and the run goes on with the next."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        closing = threading.Thread(target=_closing, args=[server, 2])
        closing.start()
        tally = Tally()
        with Load(("127.0.0.1", port), 1) as load:
            load.offer([get("/", right)] * 2, None, tally)
        closing.join()
    assert tally.whole().wrong == 2
    assert sum(tally.failures.values()) == 2


def _closing(server: socket.socket, times: int) -> None:
    for _ in range(times):
        connection, _ = server.accept()
        connection.recv(1000)
        connection.close()


def test_a_connection_that_is_reset_in_an_answer_fails_it() -> None:
    """Half an answer is none, whatever its status."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        resetting = threading.Thread(target=_resetting, args=[server])
        resetting.start()
        tally = Tally()
        with Load(server.getsockname()[:2], 1) as load:
            load.offer([get("/", right)], None, tally)
        resetting.join()
    assert (tally.whole().right, tally.failures) == (0, {"connection reset by peer": 1})


def _resetting(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
    # To linger for no time is to reset (RST).
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_what_a_server_says_unasked_is_not_taken_for_an_answer() -> None:
    """Some say 408 before they close what is idle; the next request goes over another connection."""
    ok, late = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 408 Request Timeout\r\n\r\n"
    answered = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=_saying, args=[server, ok, late, answered])
        answering.start()
        tally = Tally()
        with Load(server.getsockname()[:2], 1) as load:
            load.offer([get("/", right)], None, tally)
            answered.set()
            _until_closed(load)
            load.offer([get("/", right)], None, tally)
        answering.join()
    assert (tally.whole().right, tally.failures, tally.lost_connections) == (2, {}, 1)


def _saying(server: socket.socket, answer: bytes, more: bytes, answered: threading.Event) -> None:
    """Answer on one connection, say more when that has been read, and answer on another."""
    with server.accept()[0] as first:
        first.recv(1000)
        first.sendall(answer)
        answered.wait(30)
        first.sendall(more)
    with server.accept()[0] as second:
        second.recv(1000)
        second.sendall(answer)


def test_nobody_there_is_a_failure_of_each_request() -> None:
    """With the system's own reason."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    tally = Tally()
    with Load(("127.0.0.1", port), 2) as load:
        load.offer([get("/", right)] * 5, None, tally)
    assert tally.failures == {"connection refused": 5}


def test_a_large_body_is_sent_and_read_whole() -> None:
    """More than the system takes at once, in both directions."""
    found: list[Answer] = []
    body = b"x" * 3_000_000
    with serving(lambda asked: Given(body=b"hello" + asked.body)) as url, loading(url) as load:
        load.offer([Request(wire_of("PATCH", "/long", {}, body), found.append)], None, Tally())
    assert found[0].body == b"hello" + body


def test_an_answer_without_a_body_ends_with_its_head() -> None:
    """204 has no length."""
    found: list[Answer] = []
    with serving(lambda _: Given(204)) as url, loading(url, connections=1) as load:
        load.offer([Request(wire_of("DELETE", "/", {}), found.append)] * 2, None, Tally())
    assert [answer.status for answer in found] == [204, 204]


def test_the_load_tells_how_late_it_was_itself() -> None:
    """A check that takes long delays the next request; that is the load's own doing, and no connection's."""
    tally = Tally()

    def slow(_: Answer) -> None:
        time.sleep(0.2)

    with serving(lambda _: Given()) as url, loading(url) as load:
        load.offer([get("/", slow), *[get("/", right)] * 9], at_constant_rate(100, 1), tally)
    assert tally.lateness.greatest > 0.05


def test_waiting_for_a_connection_is_not_the_loads_lateness() -> None:
    """Its latency has it, since the server was slow; the load is not to blame."""
    tally = Tally()

    def answer(_: Asked) -> Given:
        time.sleep(0.1)
        return Given()

    with serving(answer) as url, loading(url, connections=1) as load:
        load.offer([get("/", right)] * 6, at_constant_rate(1000, 1), tally)
    assert tally.whole().latencies.greatest > 0.5
    assert tally.lateness.quantile(0.5) < 0.05


def test_what_is_done_before_the_load_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection of garbage takes seconds where there is much of it, and would look like a load at its end."""
    collected: list[float] = []

    def collect() -> int:
        begun = time.process_time()
        while time.process_time() - begun < 0.5:
            pass
        collected.append(time.process_time() - begun)
        return 0

    monkeypatch.setattr(gc, "collect", collect)
    with serving(lambda _: Given()) as url, loading(url) as load:
        load.offer([get("/", right)] * 3, at_constant_rate(100, 1), Tally())
    assert 0 < load.processor_seconds < collected[0]


def test_progress_is_told_while_it_runs() -> None:
    """With the seconds since the beginning."""
    told: list[float] = []
    with serving(lambda _: Given()) as url, loading(url) as load:
        load.offer(iter(lambda: get("/", right), None), at_constant_rate(20, 1), Tally(), told.append)
    assert len(told) >= 2
    assert told == sorted(told)


@pytest.mark.parametrize("connections", [1, 8])
def test_each_request_of_a_list_is_sent_once(connections: int) -> None:
    """However many connections there are."""
    asked: list[str] = []

    def answer(request: Asked) -> Given:
        asked.append(request.path)
        return Given()

    paths = [f"/{number}" for number in range(50)]
    with serving(answer) as url, loading(url, connections) as load:
        load.offer([get(path, right) for path in paths], None, Tally())
    assert sorted(asked) == sorted(paths)
