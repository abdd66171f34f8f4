"""What a scrape costs: percentiles, and when an event loop stood still."""

import pytest
from prometheus_client import generate_latest

from bench.watching.scraped import STALL, Scraped, Seldom, at, latest, peer_seconds, report, stood_still

LAG = "aurelius_event_loop_lag_seconds"
BOUNDS = ("0.001", "0.025", "10.0", "+Inf")


def lags(*cumulative: int) -> str:
    """The text of a process whose loop woke up late so often, up to each bound; and of another one."""
    head = f"# TYPE {LAG} histogram\n"
    lines = [
        f'{LAG}_bucket{{le="{bound}",service="{service}"}} {number}.0\n'
        for service, numbers in (("gateway", (0, 0, 0, 9)), ("metrics", cumulative))
        for bound, number in zip(BOUNDS, numbers, strict=True)
    ]
    return head + "".join(lines)


def told(*forms: Scraped) -> str:
    """The report of these forms."""
    return report([0.001], forms, "at most 0.001 s", Seldom(15, [0.02, 0.04, 0.03], [0.01]), peer=0.028)


def scraped(seconds: list[float], probes: list[float]) -> Scraped:
    """One form."""
    return Scraped("JSON", seconds, sent=2000, size=2000, probes=probes)


def test_a_percentile_is_one_of_them() -> None:
    """By the nearest rank."""
    hundred = [each / 1000 for each in range(100, 0, -1)]
    assert at(hundred, 0.95) == 0.096
    assert at([0.5], 0.95) == 0.5


@pytest.mark.parametrize(
    ("after", "said"),
    [((5, 6, 6, 6), "at most 0.001 s"), ((5, 8, 8, 8), "at most 0.025 s"), ((4, 5, 5, 6), "above 10.0 s")],
)
def test_the_latest_is_in_the_highest_bucket_that_has_grown(after: tuple[int, ...], said: str) -> None:
    """Of the metrics service alone, and since the first look."""
    assert latest(lags(4, 5, 5, 5), lags(*after)) == said


def test_a_stall_is_longer_than_allowed_and_than_without_scrapes() -> None:
    """On a busy machine it is the machine that stands still."""
    slow = scraped([0.01], [0.001, STALL * 2])
    assert stood_still([0.001], [slow])
    assert not stood_still([STALL * 3], [slow])
    assert not stood_still([0.001], [scraped([0.01], [STALL])])


def test_what_is_too_slow_is_told() -> None:
    """By the p95: one slow scrape in a hundred is none."""
    fast, slow = scraped([0.01] * 99 + [0.5], [0.001]), scraped([0.01] * 94 + [0.5] * 6, [0.001])
    assert (fast.met, slow.met) == (True, False)
    assert "**not met**" not in told(fast)
    assert told(fast, slow).count("**not met**") == 1


def test_what_is_asked_for_seldom_stands_beside_an_answer_without_work() -> None:
    """And what the library takes beside both."""
    said = told(scraped([0.01], [0.001]))
    assert "One in 15 s, as Prometheus asks: median 30.0 ms, worst 40.0 ms of 3." in said
    assert "(`/health/live`), as seldom: median 10.0 ms" in said
    assert "prometheus-client takes 28.0 ms" in said


def test_the_library_writes_the_series_of_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, which takes it some time."""
    written: list[str] = []
    monkeypatch.setattr(
        "bench.watching.scraped.generate_latest", lambda families: written.append(generate_latest(families).decode())
    )
    assert peer_seconds(lags(1, 2, 3, 4)) > 0
    assert all(text.count(f"{LAG}_bucket{{") == 2 * len(BOUNDS) for text in written)
    assert written
