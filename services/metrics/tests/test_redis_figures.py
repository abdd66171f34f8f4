"""What servers say of themselves becomes figures."""

from services.metrics.core.server_names import REDIS_CLIENTS, REDIS_HITS, REDIS_UP
from services.metrics.redis_figures import redis_figures


def test_each_server_has_its_own_series() -> None:
    """By its name here."""
    figures = redis_figures({"bus": {"connected_clients": 7}, "cache": {"connected_clients": 3, "keyspace_hits": 5}})
    assert figures[REDIS_CLIENTS.name] == {("bus",): [7], ("cache",): [3]}
    assert figures[REDIS_HITS.name] == {("cache",): [5]}
    assert figures[REDIS_UP.name] == {("bus",): [1], ("cache",): [1]}


def test_one_that_does_not_answer_has_no_figures() -> None:
    """But for this one, that it does not."""
    assert redis_figures({"bus": None}) == {REDIS_UP.name: {("bus",): [0]}}


def test_what_is_no_number_is_none() -> None:
    """A managed server may hide a line, or say it in words."""
    assert redis_figures({"bus": {"connected_clients": "many"}}) == {REDIS_UP.name: {("bus",): [1]}}
