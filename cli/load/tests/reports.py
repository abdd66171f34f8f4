"""Results to look at, made from latencies."""

from collections.abc import Sequence

import msgspec

from cli.load.results import Memory, Ramp, Report, Result, Step
from cli.load.running import Offered, result_of
from cli.load.scenarios import Scenario
from cli.load.tally import Tally
from cli.load.wire import Answer, get

FAST = [0.001] * 96 + [0.004] * 4
SCENARIO = Scenario("strategies", "GET /strategies", 50)


def _any(_: Answer) -> None:
    """Right, whatever it is."""


def tally_of(latencies: Sequence[float], failures: Sequence[str] = (), late: float = 0.0) -> Tally:
    """Count what ended so."""
    tally = Tally()
    request = get("/", _any, kind="one")
    for latency in latencies:
        tally.sent(late)
        tally.right(request, latency)
    for why in failures:
        tally.sent(late)
        tally.wrong(request, why)
    return tally


def result(
    latencies: Sequence[float] = FAST, failures: Sequence[str] = (), *, late: float = 0.0, busy: float = 0.1
) -> Result:
    """Return what came of so many requests at 50 a second."""
    seconds = (len(latencies) + len(failures)) / SCENARIO.rate
    offered = Offered(tally_of(latencies, failures, late), seconds, busy, None, "it is elsewhere")
    return result_of(SCENARIO, SCENARIO.rate, offered, users=20, connections=64)


def report(*results: Result) -> Report:
    """Return a whole report with a ramp."""
    step = {"requests_per_second": 50.0, "success_rate": 1.0, "median_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0}
    used: dict[str, float] = {"platform_percent": 12.0, "others_percent": 3.0}
    steps = [
        Step(rate=50, held=True, why="", **step, **used),
        Step(rate=75, held=False, why="p95 <too> high", **step, **used),
    ]
    return Report(
        url="http://127.0.0.1:8000",
        version="1.2.3",
        began_at="2026-11-29T12:00:00Z",
        machine="2 processors",
        load_average=0.5,
        results=list(results),
        ramp=Ramp(knee=50, ended_by="the platform", steps=steps, required=50, ours=250, grade="GOOD"),
        memory=Memory(pss_mb=300, bound_mb=512, asked=True),
        left=["2 empty accounts stay"],
        grade="GOOD",
    )


def decoded(data: bytes) -> Report:
    """Read a report that was written as JSON."""
    return msgspec.json.decode(data, type=Report)
