"""The client that offers load, and measures nothing by a wrong answer."""

from collections.abc import Iterator

import pytest

from bench.serving.client import at_rate, one_after_another
from cli.load.tests.http_server import Asked, Given, serving
from cli.load.wire import Answer, WrongAnswer, get

STATUS = {"/absent": 404}


def right(answer: Answer) -> None:
    if answer.status != 200:
        raise WrongAnswer(str(answer.status))


@pytest.fixture
def asked() -> list[str]:
    """The paths that the server was asked for."""
    return []


@pytest.fixture
def url(asked: list[str]) -> Iterator[str]:
    """A server that knows all paths but one, and closes a connection when the path says so."""

    def answer(request: Asked) -> Given:
        asked.append(request.path)
        return Given(STATUS.get(request.path, 200), b"hello", close=request.path == "/close")

    with serving(answer) as running:
        yield running


def test_every_request_has_a_latency_and_a_lag(url: str, asked: list[str]) -> None:
    """At a rate, and one after another."""
    load = at_rate(url, [get("/", right)] * 20, rate=100, connections=4)
    assert (len(load.latencies), len(load.lags), len(asked)) == (20, 20, 20)
    assert load.seconds >= 0.19
    assert len(one_after_another(url, [get("/", right)] * 20, connections=4).latencies) == 20


@pytest.mark.parametrize("path", ["/absent", "/close"])
def test_a_run_with_a_wrong_answer_ends_at_once(url: str, asked: list[str], path: str) -> None:
    """Another status, or a connection that is closed: nothing is measured by that."""
    with pytest.raises(WrongAnswer):
        one_after_another(url, [get(path, right), *[get("/", right)] * 10], connections=1)
    assert asked[0] == path
    assert len(asked) <= 2
