"""Identifiers."""

import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.ids import is_id, new_id


def test_an_id_is_a_version_7_uuid() -> None:
    """The version and variant bits are those of RFC 9562, so that any library reads it."""
    for _ in range(100):
        made = uuid.UUID(new_id())
        assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_an_id_carries_its_milliseconds() -> None:
    """The first 48 bits are the Unix time at which it was made."""
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_id()).int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, max_size=20, unique=True))
def test_ids_sort_by_time(milliseconds: list[int]) -> None:
    """As text too, which is how they are compared where there is no uuid type."""
    with pytest.MonkeyPatch.context() as patch:
        made = []
        for at in milliseconds:
            patch.setattr(time, "time_ns", lambda at=at: at * 1_000_000)
            made.append((at, new_id()))
    assert [text for _, text in sorted(made)] == sorted(text for _, text in made)


def test_ids_made_at_once_differ() -> None:
    """74 bits are random."""
    assert len({new_id() for _ in range(10_000)}) == 10_000


@given(st.uuids())
def test_the_canonical_form_is_an_id(value: uuid.UUID) -> None:
    """Whatever its version: ids that came from elsewhere are ids."""
    assert is_id(str(value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "0190163D-8694-739B-AEA5-966C26F8AD91",
        "{0190163d-8694-739b-aea5-966c26f8ad91}",
        "urn:uuid:0190163d-8694-739b-aea5-966c26f8ad91",
        "0190163d8694739baea5966c26f8ad91",
        "0190163d-8694-739b-aea5-966c26f8ad9",
        "0190163d-8694-739b-aea5-966c26f8ad91\n",
    ],
)
def test_other_spellings_are_no_ids(text: str) -> None:
    """One entity has one name: a cache key made from another spelling would be another key."""
    assert not is_id(text)
