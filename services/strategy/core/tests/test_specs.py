"""Accepting a spec, and telling two apart."""

import pytest

from services.strategy.core.specs import accepted_hash, same_document
from shared.contracts.errors import InputError, InvalidSpec
from shared.contracts.values import SpecReport


def test_a_valid_spec_gives_its_hash() -> None:
    """What the parser accepts is stored under the parser's hash."""
    assert accepted_hash(SpecReport(valid=True, spec_hash="ab", warmup_bars=3)) == "ab"


def test_an_invalid_spec_carries_the_parsers_errors_unchanged() -> None:
    """Pointer, line and column reach the client as the parser gave them."""
    errors = [InputError("/spec/entry_long", "unknown function smaa", line=1, column=4), InputError("/spec/let/f", "x")]
    with pytest.raises(InvalidSpec, match="2 errors") as caught:
        accepted_hash(SpecReport(valid=False, errors=errors))
    assert caught.value.errors == tuple(errors)


def test_the_same_text_is_the_same_document() -> None:
    """Equal content in equal order is no change."""
    assert same_document({"let": {"a": "1", "b": "2"}}, {"let": {"a": "1", "b": "2"}})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"let": {"a": "1", "b": "2"}}, {"let": {"b": "2", "a": "1"}}),
        ({"value": 1}, {"value": True}),
        ({"value": 1}, {"value": 1.0}),
        ({"value": None}, {}),
    ],
)
def test_what_a_reader_would_see_differ_is_another_document(one: dict[str, object], other: dict[str, object]) -> None:
    """`let` refers backwards, so that order counts; Python's 1 == True == 1.0 does not make them one."""
    assert not same_document(one, other)
