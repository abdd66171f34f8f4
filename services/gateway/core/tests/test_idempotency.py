"""The `Idempotency-Key` header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.core.idempotency import MAX_LENGTH, key_of
from shared.contracts.errors import Malformed

visible = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=MAX_LENGTH)


@given(visible)
def test_any_visible_text_is_a_key_in_quotes(key: str) -> None:
    """As RFC 9651 writes a string, with white space around it or not."""
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert key_of([quoted]) == key_of([f" \t{quoted} "]) == key


@pytest.mark.parametrize("key", ["8e03978e-40d5-43dd-bc93-6894a57f9324", "order/17:a=b+c", "a", "x" * MAX_LENGTH])
def test_a_key_without_quotes_is_the_same_key(key: str) -> None:
    """Many clients send it so."""
    assert key_of([key]) == key_of([f'"{key}"']) == key


def test_no_header_is_no_key() -> None:
    """Repeating is the client's choice."""
    assert key_of([]) == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([""], "is not readable"),
        (["   "], "is not readable"),
        (["a b"], "is not readable"),
        (["a, b"], "is not readable"),
        (["a,b"], "is not readable"),
        (['"a'], "is not readable"),
        (['a"'], "is not readable"),
        (['"a";q=1'], "is not readable"),
        (['"a\\b"'], "is not readable"),
        (['"a", "b"'], "is not readable"),
        (["schlüssel"], "is not readable"),
        (['"schl\xfcssel"'], "is not readable"),
        (["a\x7f"], "is not readable"),
        (['""'], "is 0 characters long; send 1 to 255"),
        (["x" * 256], "is 256 characters long; send 1 to 255"),
        (["a", "a"], "is given twice"),
    ],
)
def test_what_is_no_key_is_refused_with_what_to_send(values: list[str], said: str) -> None:
    """Rather than taken for another one than the client means."""
    with pytest.raises(Malformed, match=said) as error:
        key_of(values)
    assert error.value.errors[0].pointer == "/header/Idempotency-Key"
