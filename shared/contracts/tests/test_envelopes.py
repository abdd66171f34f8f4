"""Requests and replies as stream entries."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.envelopes import ReplyEnvelope, RequestEnvelope
from shared.contracts.errors import BY_KIND, ErrorBody, InputError
from shared.contracts.tests.entries import as_read
from shared.contracts.values import Principal

texts = st.text(st.characters(exclude_categories=["Cs"]))
principals = st.builds(Principal, user_id=texts, role=st.sampled_from(["user", "admin"]), session_id=texts)
requests = st.builds(
    RequestEnvelope,
    id=texts,
    method=texts,
    deadline=st.integers(0, 2**53),
    reply_to=texts,
    principal=st.none() | principals,
    traceparent=texts,
    idempotency_key=texts,
    body=st.binary(),
    request_id=texts,
)
errors = st.builds(
    ErrorBody,
    kind=st.sampled_from(sorted(BY_KIND)),
    detail=texts,
    errors=st.lists(
        st.builds(
            InputError,
            pointer=texts,
            message=texts,
            line=st.none() | st.integers(1, 10_000),
            column=st.none() | st.integers(1, 10_000),
        ),
        max_size=3,
    ).map(tuple),
    retry_after=st.none() | st.floats(0, 1e6),
)
answers = st.builds(
    ReplyEnvelope,
    id=texts,
    body=st.binary(),
    versions=st.dictionaries(texts, st.integers(1, 2**53), max_size=3),
    object_key=texts,
    elapsed_us=st.integers(0, 2**53),
    replayed=st.booleans(),
)
failures = st.builds(ReplyEnvelope, id=texts, error=errors, elapsed_us=st.integers(0, 2**53))


@given(requests)
def test_a_request_arrives_as_it_was_sent(request: RequestEnvelope) -> None:
    """Every field, any text, any body."""
    assert RequestEnvelope.from_entry(as_read(request.to_entry())) == request


@given(answers | failures)
def test_a_reply_arrives_as_it_was_sent(reply: ReplyEnvelope) -> None:
    """An answer with its versions and its object key, or an error."""
    assert ReplyEnvelope.from_entry(as_read(reply.to_entry())) == reply


def test_an_error_reply_carries_no_answer() -> None:
    """What was made of an answer before it failed does not travel."""
    reply = ReplyEnvelope(id="1", body=b"half", error=ErrorBody("conflict", "no"), versions={"a": 1}, object_key="k")
    assert ReplyEnvelope.from_entry(as_read(reply.to_entry())) == ReplyEnvelope(
        id="1", error=ErrorBody("conflict", "no")
    )


@pytest.mark.parametrize("envelope", [RequestEnvelope, ReplyEnvelope])
@given(fields=st.dictionaries(st.sampled_from([b"id", b"deadline", b"principal", b"error", b"x"]), st.binary()))
def test_an_entry_that_is_no_envelope_is_refused(
    envelope: type[RequestEnvelope | ReplyEnvelope], fields: dict[bytes, bytes]
) -> None:
    """With one of the errors the readers expect, whatever the entry holds."""
    with pytest.raises((KeyError, ValueError, msgspec.ValidationError)):
        envelope.from_entry(fields)
