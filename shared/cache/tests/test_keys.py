"""Names in the cache server."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from shared.cache.keys import InvalidObject, entry_key, head_key, object_type, state_key, variant_segment, variants_key
from shared.contracts.objects import KEEPERS

objects = st.from_regex(r"[a-z][a-z_]{0,31}:[A-Za-z0-9._:-]{1,128}", fullmatch=True)
variants = st.one_of(st.text(), st.from_regex(r"[a-z]+=[0-9]+", fullmatch=True))


@given(objects, variants)
def test_all_keys_are_in_one_slot(obj: str, variant: str) -> None:
    """A cluster keeps them on one node, so a script may use an object's and the states together."""
    keys = [head_key(obj), entry_key(obj, variant), variants_key(obj), *map(state_key, KEEPERS)]
    assert {key_slot(key.encode()) for key in keys} == {key_slot(b"aurelius:cache")}


@given(objects, variants, objects, variants)
def test_no_two_records_share_a_key(obj: str, variant: str, other: str, other_variant: str) -> None:
    """Two keys are the same only when they name the same record."""
    keys = {head_key(obj), variants_key(obj), entry_key(obj, variant), *map(state_key, KEEPERS)}
    assert len(keys) == 5
    if obj != other:
        assert keys.isdisjoint({head_key(other), variants_key(other), entry_key(other, other_variant)})
    if variant != other_variant:
        assert entry_key(obj, variant) != entry_key(obj, other_variant)


@given(variants)
def test_a_variant_is_short_and_plain_in_its_key(variant: str) -> None:
    """No query can break a key, look like a digest, or make keys as long as itself."""
    assert re.fullmatch(r"~?[A-Za-z0-9._=&,%+-]{1,64}", variant_segment(variant))


def test_keys_are_what_the_documentation_says() -> None:
    """An operator finds an object by its name."""
    assert state_key("strategy") == "{aurelius:cache}#state:strategy"
    assert head_key("strategy:18f") == "{aurelius:cache}:strategy:18f"
    assert entry_key("strategies:18f", "limit=50") == "{aurelius:cache}/strategies:18f/limit=50"
    assert entry_key("strategies:18f", "q=a b") == "{aurelius:cache}/strategies:18f/~" + variant_segment("q=a b")[1:]


def test_the_type_is_the_text_before_the_colon() -> None:
    """Ids may have colons of their own."""
    assert object_type("backtests:owner:1") == "backtests"


@pytest.mark.parametrize("obj", ["", "strategy", "strategy:}", "a" * 33 + ":1", "strategy:" + "1" * 129, "Стратегия:1"])
def test_other_names_are_refused(obj: str) -> None:
    """The error shows the name and what it should look like."""
    with pytest.raises(InvalidObject, match="type:id"):
        object_type(obj)
