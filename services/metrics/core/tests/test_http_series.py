"""HTTP as it is shown, of what the gateway measures."""

import pytest

from services.metrics.core.aggregate import Aggregate
from services.metrics.core.http_series import class_of, shown_http
from services.metrics.core.names import HTTP_ANSWERS, HTTP_DURATION, HTTP_REQUESTS
from services.metrics.core.tests.batches import batch, http


def test_times_are_told_by_class_and_counts_by_status() -> None:
    """Nothing is lost on the way, and what is measured is not shown itself."""
    aggregate = Aggregate()
    statuses = {"200": [0.1, 0.2], "204": [0.3], "404": [0.4]}
    aggregate.apply(batch(histograms=[http(times, status=status) for status, times in statuses.items()]), 1)
    series = shown_http(aggregate.snapshot().series)
    assert HTTP_ANSWERS.name not in series
    route = ("GET", "/api/v1/strategies")
    assert series[HTTP_REQUESTS.name] == {(*route, "200"): [2], (*route, "204"): [1], (*route, "404"): [1]}
    durations = series[HTTP_DURATION.name]
    assert {labels: sum(vector[:-1]) for labels, vector in durations.items()} == {
        (*route, "2xx"): 3,
        (*route, "4xx"): 1,
    }
    assert durations[*route, "2xx"][-1] == pytest.approx(0.6)


def test_what_was_measured_is_not_changed_by_showing_it() -> None:
    """A snapshot may be shown twice."""
    aggregate = Aggregate()
    aggregate.apply(batch(histograms=[http([0.1], status=status) for status in ("200", "201")]), 1)
    series = aggregate.snapshot().series
    assert shown_http(series) == shown_http(series)


@pytest.mark.parametrize(("status", "told"), [("200", "2xx"), ("503", "5xx"), ("other", "other"), ("", "other")])
def test_a_class_is_that_of_the_first_digit(status: str, told: str) -> None:
    """What is no status, as the rest of a full metric, is something else."""
    assert class_of(status) == told
