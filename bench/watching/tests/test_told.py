"""What Prometheus says against what the load has counted: any difference is told, and nothing else."""

from collections import Counter
from dataclasses import replace

import pytest

from bench.serving.exposed import Answered
from bench.watching.told import METRICS, Scrapes, Told, report

READ = Answered("GET", "/api/v1/strategies", "200")
SHOWN, AWAY = Answered("GET", METRICS, "200"), Answered("GET", METRICS, "503")
WELL = Told(
    sent=Counter({READ: 40, SHOWN: 10, AWAY: 2}),
    counted=Counter({READ: 40, SHOWN: 17, AWAY: 3}),
    scrapes=Scrapes(came=8, failed=1, median=0.01, worst=0.02, samples=1234),
    requests=55,
    failures=Counter({"connection refused": 3}),
)


def test_all_is_well() -> None:
    """Seven of eight scrapes show themselves in a later one, and the one that failed was answered."""
    assert WELL.differences == []
    assert WELL.well
    text = report(WELL)
    assert "| GET | `/api/v1/strategies` | 200 | 40 | 40 |" in text
    assert text.count(": met.") == 4
    assert "Of 55 requests 3 had no answer" in text
    assert "3 times connection refused" in text


@pytest.mark.parametrize(
    ("answered", "number", "told"),
    [
        (READ, 41, "GET /api/v1/strategies 200: 41, and not 40"),
        (READ, 39, "GET /api/v1/strategies 200: 39, and not 40"),
        (SHOWN, 18, "GET /metrics 200: 18, and not 17"),
        (AWAY, 4, "GET /metrics 503: 4, and not 2 to 3"),
        (Answered("POST", "/api/v1/auth/login", "200"), 1, "POST /api/v1/auth/login 200: 1, and not 0"),
    ],
)
def test_one_more_or_less_is_told(answered: Answered, number: int, told: str) -> None:
    """Of any route, asked for or not."""
    wrong = replace(WELL, counted=Counter({**WELL.counted, answered: number}))
    assert wrong.differences == [told]
    assert not wrong.well
    assert f"  - {told}" in report(wrong)


@pytest.mark.parametrize("fault", [{"fell": 1}, {"alerts": ["AureliusDown"]}, {"faults": ["promtool: no"]}], ids=str)
def test_what_else_is_wrong_counts(fault: dict[str, object]) -> None:
    """A counter that fell, an alert, a complaint."""
    wrong = replace(WELL, **fault)  # type: ignore[arg-type]  # each of its own type
    assert not wrong.well
    assert report(wrong).count("**not met**") == 1
