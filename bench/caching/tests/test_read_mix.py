"""The mixed load and its counting."""

from collections import Counter
from typing import Any

import pytest

from bench.caching.account import Account
from bench.caching.read_mix import WEIGHTS, Counts, Mix, Owner, counts_of
from cli.load.wire import Answer, WrongAnswer

NUMBER = 4000

EXPOSITION = """\
# HELP aurelius_cache_hits_total Reads that the cache answered.
aurelius_cache_hits_total{type="strategy"} 7.0
aurelius_cache_l1_hits_total{type="strategies"} 2.0
aurelius_cache_l1_misses_total{type="strategies"} 3.0
aurelius_cache_hits_total{place="here",type="strategies"} 3.0
aurelius_cache_misses_total{type="strategy"} 2.0
aurelius_cache_misses_total{type="sweep"} 99.0
aurelius_cache_bypass_total{reason="requested",type="strategy"} 1.0
aurelius_cache_fills_total{type="strategy"} 50.0
"""


def owners() -> list[Owner]:
    made = []
    for number in range(5):
        account = Account(None)  # type: ignore[arg-type]  # nothing is sent
        account.token = f"token-{number}"
        made.append(
            Owner(account, [f"s{number}-{each}" for each in range(5)], [f"b{number}-{each}" for each in range(3)])
        )
    return made


def lines_of(mix: Mix) -> list[str]:
    return [request.wire.split(b"\r\n", 1)[0].decode() for request in mix.requests(NUMBER)]


def test_a_read_that_went_past_the_cache_is_no_hit() -> None:
    """Of whatever layer the hits are, and whyever it was none."""
    assert counts_of(EXPOSITION)["strategy"] == Counts(hits=7, reads=10)
    assert counts_of(EXPOSITION)["strategies"] == Counts(hits=5, reads=5)
    assert counts_of(EXPOSITION)["backtest"] == Counts(hits=0, reads=0)


def test_the_mix_has_its_shares() -> None:
    """Of the load suite, with a login in ninety requests and a write in as many as it is told."""
    kinds = Counter(line.split()[0] for line in lines_of(Mix(owners(), 100)))
    assert kinds["PATCH"] == pytest.approx(NUMBER / 100, rel=0.4)
    assert kinds["POST"] == pytest.approx(NUMBER * WEIGHTS["login"] / sum(WEIGHTS.values()), rel=0.4)
    assert kinds["GET"] == NUMBER - kinds["PATCH"] - kinds["POST"]


def test_the_second_is_asked_for_half_as_often_as_the_first() -> None:
    """Zipf's law, of the things that an owner has."""
    paths = Counter(line.split()[1] for line in lines_of(Mix(owners(), 100)))
    first, second, fifth = (sum(paths[f"/api/v1/strategies/s{owner}-{n}"] for owner in range(5)) for n in (0, 1, 4))
    assert second == pytest.approx(first / 2, rel=0.3)
    assert fifth == pytest.approx(first / 5, rel=0.4)


def test_the_same_is_asked_for_each_time() -> None:
    """So that two runs can be compared."""
    assert lines_of(Mix(owners(), 100)) == lines_of(Mix(owners(), 100))


@pytest.mark.parametrize(
    ("cache_status", "hits"), [("aurelius-l1; hit", 1), ("aurelius-l2; hit", 1), ("aurelius-l2; fwd=uri-miss", 0)]
)
def test_what_the_client_saw_is_counted(cache_status: str, hits: int) -> None:
    """Of reads alone."""
    mix = Mix(owners(), 100)
    reads: list[Any] = [each for each in mix.requests(50) if b"GET /api/v1" in each.wire]
    reads[0].check(Answer(200, {"cache-status": cache_status}, b""))
    assert mix.seen == Counts(hits, 1)


def test_a_refused_request_ends_the_run() -> None:
    """Whatever it was: a mix with failures has another hit rate."""
    for request in Mix(owners(), 100).requests(50):
        with pytest.raises(WrongAnswer):
            request.check(Answer(429, {}, b""))
