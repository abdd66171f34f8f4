"""The spans of the whole system as a collector gets them: one request, one connected trace, whoever worked on it."""

from urllib.parse import quote

import pytest

from shared.runtime.tracing.tests.receiver import Received
from tests.e2e.talkative import SPAN, TRACE, Told

pytestmark = pytest.mark.e2e

JOBS, EVENTS = "aurelius.jobs.backtest", "aurelius.events.backtest"


@pytest.fixture(scope="module")
def trace(told: Told) -> dict[str, Received]:
    """The spans of the run's trace, by their ids."""
    return {span.span: span for span in told.spans if span.trace == TRACE}


def upwards(trace: dict[str, Received], span: Received) -> list[Received]:
    """A span and all that are above it."""
    found = [span]
    while found[-1].parent in trace:
        found.append(trace[found[-1].parent])
    return found


def only(trace: dict[str, Received], **wanted: object) -> Received:
    """Return the one span of which all this is true."""
    (found,) = (span for span in trace.values() if all(getattr(span, name) == each for name, each in wanted.items()))
    return found


def test_the_trace_is_one_tree_below_the_clients_span(trace: dict[str, Received]) -> None:
    """No span hangs in the air, and the client's state went along with the requests."""
    assert {upwards(trace, span)[-1].parent for span in trace.values()} == {SPAN}
    assert len([span for span in trace.values() if span.parent == SPAN]) == 1
    assert {span.state for span in trace.values() if span.kind == "server"} == {"vendor=1"}


def test_it_leads_from_the_request_through_the_job_to_the_event(trace: dict[str, Received]) -> None:
    """Gateway, bus, service, outbox, worker, outbox, invalidator: each below the one that it came of."""
    job = only(trace, name=f"backtest.run {JOBS}")
    ended = only(trace, service="invalidator", parent=job.span)
    assert [(span.service, span.kind, span.name) for span in upwards(trace, ended)] == [
        ("invalidator", "consumer", f"process {EVENTS}"),
        ("backtest", "consumer", f"backtest.run {JOBS}"),
        ("backtest", "server", "backtest.create aurelius.rpc.backtest"),
        ("gateway", "client", "backtest.create aurelius.rpc.backtest"),
        ("gateway", "server", "POST /api/v1/backtests"),
    ]
    created = trace[job.parent]
    assert job.resource["service.instance.id"] != created.resource["service.instance.id"]
    assert (job.links, ended.links) == ([(TRACE, created.span)], [(TRACE, job.span)])
    assert not any(span.failed for span in trace.values())
    sent = {(span.name, span.parent) for span in trace.values() if span.kind == "producer"}
    assert sent >= {(f"send {JOBS}", created.span), (f"send {EVENTS}", created.span), (f"send {EVENTS}", job.span)}


def test_a_service_that_was_asked_in_turn_is_in_it(trace: dict[str, Received]) -> None:
    """The strategy was read by the backtest service, over the bus, from the other's database."""
    read = only(trace, service="strategy", kind="server")
    assert [(span.service, span.kind) for span in upwards(trace, read)[:3]] == [
        ("strategy", "server"), ("backtest", "client"), ("backtest", "server"),
    ]  # fmt: skip
    assert any(span.parent == read.span and span.attributes.get("db.system.name") for span in trace.values())


def test_statements_are_in_it_without_their_values(told: Told, trace: dict[str, Received]) -> None:
    """The transaction of the request and the one of the worker, each to its commit."""
    statements = [span for span in trace.values() if "db.system.name" in span.attributes]
    for above in (f"backtest.run {JOBS}", "backtest.create aurelius.rpc.backtest"):
        names = {span.name for span in statements if trace[span.parent].name == above}
        assert names >= {"BEGIN", "INSERT outbox", "COMMIT"}
    assert {span.kind for span in statements} == {"client"}
    texts = " ".join(str(span.attributes["db.query.text"]) for span in statements)
    assert "$1" in texts
    assert told.run["id"] not in texts


def test_what_the_worker_has_stored_is_in_it(trace: dict[str, Received]) -> None:
    """The result's files, below the job that made them."""
    stored = [span for span in trace.values() if span.name == "put results"]
    assert stored
    assert {trace[span.parent].name for span in stored} == {f"backtest.run {JOBS}"}


def test_times_lie_within_one_another(trace: dict[str, Received]) -> None:
    """All processes here have one clock: nothing begins before what it came of."""
    for span in trace.values():
        assert span.begin <= span.end
        if span.parent in trace:
            assert trace[span.parent].begin <= span.begin


def test_what_processes_do_for_their_own_sake_is_no_trace(told: Told) -> None:
    """Health, polls, timings and renewals would bury the requests."""
    roots = {span.name for span in told.spans if not span.parent}
    assert all(name.startswith(("GET", "POST", "HTTP")) for name in roots), roots
    assert not {path for span in told.spans if (path := span.attributes.get("url.path")) in {"/health", "/metrics"}}


def test_no_secret_is_in_any_span(told: Told) -> None:
    """Of the system or of its users, in any spelling, in anything that was sent."""
    assert len(told.spans) > 100
    for secret in told.secrets:
        for spelling in (secret, quote(secret), quote(secret, safe=""), repr(secret)[1:-1]):
            assert spelling.encode() not in told.sent
