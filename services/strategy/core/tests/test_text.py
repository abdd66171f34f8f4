"""Text that people type."""

from collections.abc import Callable

import pytest

from services.strategy.core.text import normal_email, required_text, storable_text
from shared.contracts.errors import Invalid


def test_a_name_is_trimmed_and_otherwise_kept() -> None:
    """Surrounding white space, of any script, is not part of a name; inner spaces are."""
    assert required_text("/name", " \t\u3000SMA  cross\n") == "SMA  cross"


@pytest.mark.parametrize("text", ["", " ", "\t\n\u00a0"])
def test_a_blank_name_is_refused_where_it_stands(text: str) -> None:
    """The error points at the field and says what to write."""
    with pytest.raises(Invalid) as caught:
        required_text("/name", text)
    (error,) = caught.value.errors
    assert error.pointer == "/name"
    assert "at least one visible character" in error.message


@pytest.mark.parametrize("text", ["a\nb", "a\u2028b", "a\u202eb", "a\u2067b", "a\u0007b"])
def test_a_name_is_one_line_in_one_direction(text: str) -> None:
    """A line break, a turned direction, a bell: refused with what to do."""
    with pytest.raises(Invalid, match="line break, or a character that turns the text round"):
        required_text("/name", text)


@pytest.mark.parametrize(
    "text",
    ["a\u00a0b", "\U0001f468\u200d\U0001f4bb", "\u05e9\u05dc\u05d5\u05dd", "\u0645\u06cc\u200c\u0631\u0648\u062f"],
)
def test_a_name_may_be_in_any_script(text: str) -> None:
    """Spaces that do not break, joined emoji, letters from right to left and what holds them apart."""
    assert required_text("/name", text) == text


@pytest.mark.parametrize("check", [required_text, storable_text])
def test_what_the_database_cannot_store_is_the_callers_error(check: Callable[[str, str], str]) -> None:
    """U+0000 is refused with a sentence, not with a failed statement."""
    with pytest.raises(Invalid, match=r"U\+0000"):
        check("/description", "a\0b")


def test_the_spellings_of_an_email_are_one() -> None:
    """Case does not tell accounts apart, nor does how an accented letter is composed."""
    composed, decomposed = "JOS\u00c9@Example.COM", "jose\u0301@example.com"
    assert normal_email(composed) == normal_email(decomposed) == "jos\u00e9@example.com"
