"""What measuring costs: the ratio of rounds, and the verdict on it."""

import pytest

from bench.caching.rounds import Sample
from bench.measuring import DEFAULT, LOGGING, UNMEASURED, Found, merged, met, report, twin


def samples(*cpu: float, reader: float = 0.05, rate: float = 1e4) -> list[Sample]:
    """Of a server that used so many microseconds a request, and a metrics service with so much of a processor."""
    return [Sample(rate, 0.001, 0.002, each / 1e6, each / 1e6 + reader / rate) for each in cpu]


def found(*cpu: float, reader: float = 0.05) -> Found:
    """The same three rounds without measuring, 100 us a request, and these with it, at half the rate."""
    with_it = samples(*cpu, reader=reader, rate=5e3)
    return Found("single strategy", {DEFAULT: with_it, UNMEASURED: samples(100, 100, 100), LOGGING: with_it})


def test_the_median_round_decides() -> None:
    """Not the worst, and not the mean."""
    one = found(103, 104, 140)
    assert one.costs(DEFAULT)[0].median == pytest.approx(1.04)
    assert met([one])
    assert "1.040 (1.030 - 1.400)" in report([one])
    assert report([one]).endswith("at most 1.05: met.")


def test_the_metrics_services_work_counts_as_far_as_it_is_more() -> None:
    """What it does anyhow costs nothing; two hundredths of a processor more are 4 us of each of 5,000 requests."""
    assert found(100, 100, 100).costs(DEFAULT)[1].median == pytest.approx(1)
    one = found(102, 102, 102, reader=0.07)
    assert [cost.median for cost in one.costs(DEFAULT)] == pytest.approx([1.02, 1.06])
    assert not met([one])


def test_any_read_that_costs_more_is_told() -> None:
    """Whatever the others do."""
    assert not met([found(101, 101, 101), found(104, 106, 107)])
    assert report([found(106, 106, 106)]).endswith("at most 1.05: **not met**.")


def test_of_two_alike_the_mean_of_a_round_counts() -> None:
    """And how far they are apart is told."""
    asked = {
        DEFAULT: samples(102, 102, 102),
        twin(DEFAULT): samples(106, 106, 106),
        UNMEASURED: samples(99, 100, 101),
        twin(UNMEASURED): samples(101, 100, 99),
        LOGGING: samples(200, 200, 200),
    }
    one = merged("single strategy", asked)
    assert one.costs(DEFAULT)[0].median == pytest.approx(1.04)
    assert one.alike[0].median == pytest.approx(106 / 102)
    assert "one of two alike to the other 1.039 (1.039 - 1.039), 1.000 (0.980 - 1.020)." in report([one])
