"""What makes two requests the same."""

import time
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.errors import KeyReused, StillInProgress
from shared.contracts.ids import new_id
from shared.contracts.messages import CreateBacktest, CreateStrategy, IngestDataset, RegisterUser, VerifyBacktest
from shared.contracts.request import Request
from shared.runtime.repeats import Recorded, age_seconds, answered, fingerprint, scope_of

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
specs = st.dictionaries(st.text(max_size=5), json_values, max_size=4)


def strategy(**fields: Any) -> CreateStrategy:
    return CreateStrategy(**{"name": "n", "spec": {}} | fields)


@given(specs)
def test_a_request_is_known_again_however_it_was_written(spec: dict[str, Any]) -> None:
    """Read back from the bus, with the keys in another order: it says the same."""
    turned = dict(reversed(spec.items()))
    arrived = msgspec.json.decode(msgspec.json.encode(strategy(spec=turned)), type=CreateStrategy)
    assert fingerprint(arrived) == fingerprint(strategy(spec=spec))


@given(specs, specs)
def test_another_request_has_another_fingerprint(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Whatever differs in the JSON that it says: 1 is not 1.0, nor true."""
    same = msgspec.json.encode(one, order="deterministic") == msgspec.json.encode(other, order="deterministic")
    assert (fingerprint(strategy(spec=one)) == fingerprint(strategy(spec=other))) == same


class Older(Request[None], frozen=True, kw_only=True):
    """A request of the release before."""

    SERVICE = "echo"
    METHOD = "echo.make"
    name: str


class Newer(Request[None], frozen=True, kw_only=True):
    """The same in a release that takes more."""

    SERVICE = "echo"
    METHOD = "echo.make"
    name: str
    colour: str | None = None
    tags: list[str] = msgspec.field(default_factory=list)


def test_a_release_that_takes_more_knows_the_requests_of_the_one_before() -> None:
    """What is at its default counts as not said, so that a repeat across an upgrade is no other request."""
    assert fingerprint(Newer(name="a")) == fingerprint(Older(name="a"))
    assert fingerprint(Newer(name="a", colour="red")) != fingerprint(Older(name="a"))


def test_of_an_upload_the_content_counts_and_not_where_it_was_put() -> None:
    """A repeat is uploaded anew."""
    one, again, other = (
        IngestDataset(upload_key=f"uploads/{new_id()}", filename="a.csv", content_sha256=content)
        for content in ("aa", "aa", "bb")
    )
    assert fingerprint(one) == fingerprint(again) != fingerprint(other)


def test_a_password_cannot_be_tried_on_a_fingerprint_without_the_secret() -> None:
    """It counts, but under a key that the database does not hold."""
    one, other = (RegisterUser(email="a@example.com", name="A", password=word * 3) for word in ("abcd", "efgh"))
    assert fingerprint(one, b"secret") != fingerprint(other, b"secret")
    assert fingerprint(one, b"secret") != fingerprint(one, b"another")


def test_a_key_is_its_owners_own_of_one_method_and_path() -> None:
    """The same key in other hands, on another route or on another resource is another one."""
    scopes = [
        scope_of("ana", strategy(), "k"),
        scope_of("ben", strategy(), "k"),
        scope_of("ana", strategy(), "l"),
        scope_of("ana", CreateBacktest(dataset_id="d"), "k"),
        scope_of("ana", VerifyBacktest(id="1"), "k"),
        scope_of("ana", VerifyBacktest(id="2"), "k"),
        scope_of("ana1", VerifyBacktest(id=""), "k"),
    ]
    assert len(set(scopes)) == len(scopes)
    assert scope_of("ana", strategy(name="other"), "k") == scopes[0]


def test_an_id_tells_its_age() -> None:
    """To the millisecond for the ids we make; others tell none, and pass for new."""
    assert 0 <= age_seconds(new_id(), time.time()) < 60
    assert age_seconds("018cc251-f400-7000-8000-000000000000", 1704067200.0 + 5) == pytest.approx(5)
    assert [age_seconds(text, time.time()) for text in (str(uuid.uuid4()), "1", "")] == [0.0] * 3


def test_who_repeats_a_key_is_told_what_to_do() -> None:
    """The answer; another key for another request, answered or not; a moment's patience."""
    held = Recorded(request_id="1", fingerprint=b"f", body=None, versions=None)
    done = msgspec.structs.replace(held, body=b"{}", versions={})
    assert answered(done, b"f") is done
    for found in (held, done):
        with pytest.raises(KeyReused):
            answered(found, b"g")
    for nothing in (held, None):
        with pytest.raises(StillInProgress) as error:
            answered(nothing, b"f")
        assert error.value.retry_after == 1
