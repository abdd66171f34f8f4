"""Load beside something else: as much as is asked for, until the end of that."""

import threading
from itertools import repeat

import pytest

from bench.serving.beside import offered
from cli.load.tally import Tally
from cli.load.tests.http_server import Asked, Given, serving
from cli.load.wire import Answer, get


def test_it_goes_on_until_the_other_is_done_and_counts_all_that_was_asked() -> None:
    """However long that takes; what was on its way is waited for."""
    asked, enough, tally = list[str](), threading.Event(), Tally()

    def answer(request: Asked) -> Given:
        asked.append(request.path)
        if len(asked) > 20:
            enough.set()
        return Given(200, b"hello")

    with serving(answer) as url, offered(url, repeat(get("/", lambda _: None)), 500, tally):
        assert enough.wait(30)
    assert tally.whole().right == len(asked)
    assert tally.whole().wrong == 0


def test_what_the_load_ends_with_is_not_lost() -> None:
    """Its own mistakes are raised where it was begun."""

    asked = threading.Event()

    def broken(_: Answer) -> None:
        asked.set()
        raise ZeroDivisionError

    with (
        serving(lambda _: Given(200, b"hello")) as url,
        pytest.raises(ZeroDivisionError),
        offered(url, repeat(get("/", broken)), 500, Tally()),
    ):
        assert asked.wait(30)
