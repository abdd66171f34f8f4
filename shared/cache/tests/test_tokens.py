"""The Consistency-Token."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cache.tokens import MAX_LENGTH, MAX_PAIRS, InvalidToken, decode, encode, merge

objects = st.builds("{}:{}".format, st.sampled_from(["strategy", "backtests"]), st.integers(0, 30))
versions = st.dictionaries(objects, st.integers(0, 2**53 - 1), max_size=MAX_PAIRS)


def token_of(text: str) -> str:
    """A token made by somebody else."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(versions)
def test_a_token_reads_back_as_it_was_written(pairs: dict[str, int]) -> None:
    """Pairs and their order survive, in text that fits a header or a URL unescaped."""
    token = encode(pairs)
    assert re.fullmatch(r"[A-Za-z0-9_-]*", token)
    assert list(decode(token).items()) == list(pairs.items())


def test_the_largest_token_is_within_the_limit() -> None:
    """Whatever `encode` makes, `decode` takes."""
    pairs = {f"{'a' * 32}:{number:0128}": 2**53 - 1 for number in range(MAX_PAIRS)}
    assert len(encode(pairs)) <= MAX_LENGTH
    assert decode(encode(pairs)) == pairs


@given(versions, versions)
def test_a_merged_token_is_never_below_the_newer_one(older: dict[str, int], newer: dict[str, int]) -> None:
    """The newer pairs are all there, at the higher version, and the older ones as far as there is room."""
    merged = merge(older, newer)
    assert len(merged) == min(MAX_PAIRS, len(older.keys() | newer.keys()))
    assert newer.keys() <= merged.keys()
    for obj, version in merged.items():
        assert version == max(older.get(obj, 0), newer.get(obj, 0))


def test_the_last_written_objects_are_kept() -> None:
    """A write renews its object's place; the one written longest ago is dropped first."""
    full = {f"strategy:{number}": 1 for number in range(MAX_PAIRS)}
    merged = merge(merge(full, {"strategy:0": 2}), {"strategy:new": 1})
    assert "strategy:1" not in merged
    assert merged["strategy:0"] == 2
    assert list(decode(encode(merged)))[-2:] == ["strategy:0", "strategy:new"]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "!!!",
        "ü",
        "a",
        "e30\n",
        token_of("not json"),
        token_of("[]"),
        token_of('{"strategy:1": "2"}'),
        token_of('{"strategy:1": -1}'),
        token_of('{"strategy:1": 1.5}'),
        token_of('{"strategy:1": true}'),
        token_of('{"strategy:1": 9007199254740992}'),
        token_of('{"{strategy}:1": 1}'),
        token_of('{"strategy:1": 1} '[:-2]),
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    """The client learns what to do, and nothing of what is inside."""
    with pytest.raises(InvalidToken, match="exactly as it was received"):
        decode(token)


def test_a_token_that_is_too_large_is_refused() -> None:
    """Neither its length nor its number of objects is in the client's hands."""
    with pytest.raises(InvalidToken, match="longer than 8192"):
        decode("A" * (MAX_LENGTH + 1))
    pairs = ", ".join(f'"s:{number}": 1' for number in range(MAX_PAIRS + 1))
    with pytest.raises(InvalidToken, match="more than 32 objects"):
        decode(token_of("{" + pairs + "}"))
