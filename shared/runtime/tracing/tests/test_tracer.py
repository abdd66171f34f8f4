"""How spans hang together."""

import pytest
from opentelemetry.sdk.trace import sampling
from opentelemetry.trace import SpanKind, StatusCode

from shared.runtime.tracing.tests.recording import (
    FOREIGN,
    SPAN,
    TRACE,
    Recorder,
    context_of,
    links_of,
    parent_of,
    traceparent_of,
)  # fmt: skip

SAMPLED = 1
"""The flag; another one says that the id of a trace is random."""


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_a_span_is_below_the_one_it_is_given(recorder: Recorder) -> None:
    """By the text that requests carry; and is named by such a text in turn."""
    above = recorder.tracer.start("above", "server", {}, parent=FOREIGN, state="vendor=1,other=2")
    below = recorder.tracer.start("below", "client", {}, parent=above.traceparent, state=above.tracestate)
    for span in (below, above):
        span.end()
    first, second = recorder.named("above"), recorder.named("below")
    assert (parent_of(first), parent_of(second)) == (SPAN, above.traceparent[36:52])
    assert {above.traceparent[:35], below.traceparent[:35]} == {f"00-{TRACE}"}
    assert [traceparent_of(first), traceparent_of(second)] == [above.traceparent, below.traceparent]
    assert (first.kind, second.kind) == (SpanKind.SERVER, SpanKind.CLIENT)
    assert context_of(second).trace_state.to_header() == "vendor=1,other=2"


@pytest.mark.parametrize(
    "malformed",
    [
        "", "garbage", FOREIGN[:-1], f"{FOREIGN}-extra", FOREIGN.upper(), f"ff{FOREIGN[2:]}",
        f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f" {FOREIGN}", f"{FOREIGN}\n", f"{FOREIGN}-",
        f"cc{FOREIGN[2:]}.what", f"cc{FOREIGN[2:]}0",
    ],
)  # fmt: skip
def test_what_is_no_trace_context_is_ignored(recorder: Recorder, malformed: str) -> None:
    """With the state beside it: the span begins a trace of its own."""
    span = recorder.tracer.start("root", "server", {}, parent=malformed, state="vendor=1", link=malformed)
    span.end()
    assert recorder.named("root").parent is None
    assert recorder.named("root").links == ()
    assert span.tracestate == ""
    assert span.traceparent[3:35] not in (TRACE, "0" * 32)


@pytest.mark.parametrize(
    "later", [f"cc{FOREIGN[2:]}", f"01{FOREIGN[2:]}-what-the-future-will-be-like", f"fe{FOREIGN[2:]}-"]
)
def test_a_later_version_is_read_as_far_as_it_is_known(recorder: Recorder, later: str) -> None:
    """A client that is ahead of this release stays in its trace."""
    span = recorder.tracer.start("below", "server", {}, parent=later)
    span.end()
    assert parent_of(recorder.named("below")) == SPAN
    assert span.traceparent[:35] == f"00-{TRACE}"


@pytest.mark.parametrize(
    "state", ["=", "a=b=c,,", "k" * 600 + "=1", ",".join(f"k{n}={'v' * 99}" for n in range(9)), "é=1"]
)
def test_a_state_that_is_none_costs_the_trace_nothing(recorder: Recorder, state: str) -> None:
    """What is well formed of it is kept, what is too long is not."""
    span = recorder.tracer.start("root", "server", {}, parent=FOREIGN, state=state)
    assert span.traceparent[3:35] == TRACE
    assert len(span.tracestate) <= 512


def test_a_span_may_be_linked_to_what_it_came_of(recorder: Recorder) -> None:
    """Whether or not it is below it."""
    recorder.tracer.start("later", "consumer", {}, link=FOREIGN).end()
    assert links_of(recorder.named("later")) == [SPAN]
    assert recorder.named("later").parent is None


def test_who_asks_decides_what_is_sampled() -> None:
    """As `traceparent` says it, on either side; and what is not is passed on as not sampled."""
    recorder = Recorder(sampling.DEFAULT_OFF)
    wanted = recorder.tracer.start("wanted", "server", {}, parent=FOREIGN)
    unwanted = recorder.tracer.start("unwanted", "server", {}, parent=f"{FOREIGN[:-2]}00")
    root = recorder.tracer.start("root", "server", {})
    for span in (wanted, unwanted, root):
        span.end()
    assert [span.name for span in recorder.spans] == ["wanted"]
    assert [int(span.traceparent[-2:], 16) & SAMPLED for span in (wanted, unwanted, root)] == [1, 0, 0]
    assert unwanted.traceparent[:35] == f"00-{TRACE}"
    assert unwanted.traceparent[36:52] not in (SPAN, "0" * 16)


def test_what_failed_says_so_in_a_word(recorder: Recorder) -> None:
    """Without a message, which might hold what a user has written."""
    span = recorder.tracer.start("broken", "server", {"a": 1})
    span.fail("OSError")
    span.end()
    broken = recorder.named("broken")
    assert broken.attributes == {"a": 1, "error.type": "OSError"}
    assert (broken.status.status_code, broken.status.description) == (StatusCode.ERROR, None)
    assert broken.events == ()


def test_what_is_done_is_told_afterwards(recorder: Recorder) -> None:
    """With the time that it took."""
    recorder.tracer.tell("past", "client", {}, parent=FOREIGN, seconds=2.5, error="")
    past = recorder.named("past")
    assert past.start_time is not None
    assert past.end_time is not None
    assert (past.end_time - past.start_time) / 1e9 == pytest.approx(2.5, abs=0.5)
