"""What the whole system writes at its most talkative: every line of one request is found, and no secret in any."""

from collections import Counter
from urllib.parse import quote

import pytest

from tests.e2e.talkative import TRACE, Told

pytestmark = pytest.mark.e2e


def test_a_request_is_found_in_every_process_that_worked_on_it(told: Told) -> None:
    """By the id that the client was answered with: the gateway, the service it asked, and the one asked in turn."""
    lines = [line for line in told.lines() if line.get("request_id") == "journey-1"]
    assert {(line["service"], line.get("method", "")) for line in lines} >= {
        ("gateway", ""),
        ("backtest", "backtest.create"),
        ("strategy", "strategy.read"),
    }
    assert {line["trace_id"] for line in lines} == {TRACE}
    assert all(len(line["span_id"]) == 16 for line in lines)
    assert all(line["instance"].startswith(line["service"]) for line in lines)


def test_a_run_is_found_by_the_trace_of_its_request(told: Told) -> None:
    """In the worker's lines too, which come of no request any more."""
    lines = [line for line in told.lines() if line.get("job") == told.run["id"]]
    assert [line["message"] for line in lines] == ["the job begins", "the job succeeded"]
    assert {(line["trace_id"], line["method"]) for line in lines} == {(TRACE, "backtest.run")}


def test_a_request_has_one_line_in_the_gateway(told: Told) -> None:
    """With LOG_REQUESTS, whatever became of it, and with its figures; those of failures say why in the same line."""
    lines = [line for line in told.lines() if line["logger"] == "services.gateway.edge"]
    assert max(Counter(line["request_id"] for line in lines).values()) == 1
    assert all({"route", "status", "duration"} <= line.keys() for line in lines)
    traced = [line for line in lines if not line["route"].startswith(("/health", "/metrics"))]
    assert all({"trace_id", "span_id"} <= line.keys() for line in traced)
    assert {line["level"] for line in lines if line["status"] < 500} == {"info"}
    failed = [line for line in lines if line["level"] == "warning"]
    assert {line["status"] for line in failed} <= {500, 503, 504}
    assert any("does not answer" in line["message"] for line in failed)
    (journey,) = (line for line in lines if line["request_id"] == "journey-1")
    assert (journey["route"], journey["status"]) == ("/api/v1/backtests", 200)


def test_every_line_says_whose_it_is(told: Told) -> None:
    """Time, level, service, logger and message; and those of failures were told, or this would prove nothing."""
    lines = told.lines()
    assert all({"time", "level", "service", "logger", "message"} <= line.keys() for line in lines)
    assert {line["level"] for line in lines} >= {"debug", "info", "warning"}
    assert {line["service"] for line in lines} == {"gateway", "strategy", "backtest", "invalidator", "metrics"}
    assert any("Connection refused" in line["message"] or "closed" in line["message"] for line in lines)


def test_no_secret_is_in_any_line(told: Told) -> None:
    """Of the system or of its users, in any spelling, at any level, whoever wrote it."""
    assert len(told.secrets) > 20
    for secret in told.secrets:
        for spelling in (secret, quote(secret), quote(secret, safe=""), repr(secret)[1:-1]):
            assert spelling not in told.log, f"in the log: {told.log[told.log.index(spelling) - 200 :][:200]}"
