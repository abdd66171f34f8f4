"""Prefer, Accept, request ids and trace context."""

import re
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.core.exposition import wanted
from services.gateway.core.prefer import MAX_WAIT, wait_seconds
from services.gateway.core.tracing import request_id, traceparent
from shared.contracts.ids import is_id

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
# Of one that keeps native histograms, of 2.42 and of 2.5.
PROMETHEUS_3 = (
    f"{PROTOBUF};escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_2_5 = "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
JSON, TEXT = "application/json", "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
OPENMETRICS_0 = "application/openmetrics-text; version=0.0.1; charset=utf-8"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("wait=5", 5),
        ("respond-async, wait=10", 10),
        ('wait="7"', 7),
        ("WAIT = 3 ; foo", 3),
        ("wait=600", MAX_WAIT),
        ("wait=-1", 0),
        ("await=5", 0),
        ("", 0),
    ],
)
def test_wait_is_read_and_bounded(header: str, expected: int) -> None:
    """A client is never kept longer than MAX_WAIT, and an unreadable preference is no preference."""
    assert wait_seconds(header) == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("image/png", JSON),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
        ("application/json;q=0.5, text/plain;q=0.4", JSON),
        ("application/json, text/plain", JSON),
        ("text/plain;q=0", JSON),
        ("text/plain;q=x", JSON),
        ("text/plain;q=nan", JSON),
        ("text/plain;q=inf, application/json;q=0.1", JSON),
        ("text/plain", TEXT),
        ("TEXT/PLAIN; Version=0.0.4", TEXT),
        ("text/*", TEXT),
        ("text/plain, application/json", TEXT),
        ("*/*, text/plain", TEXT),
        ("application/json;q=0, application/openmetrics-text;q=0, */*", TEXT),
        ("application/openmetrics-text;version=2.0.0, text/plain;q=0.5", TEXT),
        (f"{PROTOBUF},text/plain;version=0.0.4;q=0.3", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"', OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        (PROMETHEUS_2_42, OPENMETRICS),
        (PROMETHEUS_2_5, OPENMETRICS_0),
    ],
)
def test_the_form_of_the_metrics_follows_accept(accept: str, expected: str) -> None:
    """What a scraper weighs most and we have, in the version that it reads; people and scripts get JSON."""
    assert wanted(accept).media_type == expected


@given(st.text())
def test_whatever_is_accepted_there_is_a_form_of_the_metrics(accept: str) -> None:
    """Never an error."""
    assert wanted(accept).form in {"json", "prometheus", "openmetrics"}


@given(st.binary())
def test_any_header_gives_ids_that_are_safe_to_echo(sent: bytes) -> None:
    """Whatever a client sends, what goes into logs and headers is printable and bounded."""
    assert re.fullmatch(rb"[\x21-\x7e]{1,128}", request_id(sent))
    assert re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", traceparent(sent))


def test_ids_of_ours_are_of_now_and_each_another() -> None:
    """Without one of the client's a request is named by a UUID of version 7, which sorts by time."""
    made = [request_id(b"").decode() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert {uuid.UUID(each).version for each in made} == {7}
    assert {uuid.UUID(each).variant for each in made} == {uuid.RFC_4122}
    assert all(is_id(each) for each in made)
    times = [int(each.replace("-", "")[:12], 16) for each in made]
    assert times == sorted(times)
    assert abs(times[0] / 1000 - time.time()) < 60


def test_a_trace_goes_on_with_a_span_of_ours() -> None:
    """The caller's trace id and flags are kept, the span is new."""
    sent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    kept = traceparent(sent)
    assert kept[:36] == sent[:36]
    assert kept[-2:] == b"00"
    assert kept[36:52] != sent[36:52]


@pytest.mark.parametrize(
    ("sent", "flags"),
    [
        (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", b"03"),
        (b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"01"),
        (b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-what-the-future-will-be-like", b"00"),
    ],
)
def test_what_is_not_known_of_a_trace_is_not_passed_on(sent: bytes, flags: bytes) -> None:
    """Neither flags nor what a later version has besides; but the trace goes on."""
    kept = traceparent(sent)
    assert (kept[:36], kept[53:]) == (b"00" + sent[2:36], flags)
