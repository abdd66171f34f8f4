"""What measuring costs: the ratio of rounds, and the verdict on it."""

import pytest

from bench.caching.rounds import Sample
from bench.measuring import DEFAULT, LOGGING, UNMEASURED, Found, met, report


def samples(*cpu: float) -> list[Sample]:
    """Of a server that used so many microseconds a request, and the metrics service one more."""
    return [Sample(1e4, 0.001, 0.002, each / 1e6, (each + 1) / 1e6) for each in cpu]


def found(*cpu: float) -> Found:
    """The same three rounds without measuring, 100 us a request, and these with it."""
    return Found(
        "single strategy", {DEFAULT: samples(*cpu), UNMEASURED: samples(100, 100, 100), LOGGING: samples(*cpu)}
    )


def test_the_median_round_decides() -> None:
    """Not the worst, and not the mean."""
    one = found(103, 104, 140)
    assert one.cost.median == pytest.approx(1.04)
    assert met([one])
    assert "1.040 (1.030 - 1.400)" in report([one])
    assert report([one]).endswith("at most 1.05: met.")


def test_any_read_that_costs_more_is_told() -> None:
    """Whatever the others do."""
    assert not met([found(101, 101, 101), found(104, 106, 107)])
    assert report([found(106, 106, 106)]).endswith("at most 1.05: **not met**.")
