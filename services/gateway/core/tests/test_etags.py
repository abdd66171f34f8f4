"""Entity tags and preconditions."""

import pytest

from services.gateway.core.etags import etag_of, matches, revisions


def test_tag_is_strong_and_follows_the_bytes() -> None:
    """Two bodies that differ in one byte never share a tag, and a tag is never weak."""
    one, two = etag_of(b'{"revision":3,"name":"a"}'), etag_of(b'{"revision":3,"name":"b"}')
    assert one != two
    assert one.startswith('"3-')
    assert etag_of(b'{"items":[]}').strip('"').isalnum()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('"abc"', True),
        ('W/"abc"', True),
        ('"abc-gzip"', True),
        ('"abc-zstd"', True),
        ('"x", "abc"', True),
        ("*", True),
        ('"abcd"', False),
        ("", False),
        ("abc", False),
    ],
)
def test_if_none_match_compares_weakly_and_ignores_the_coding(header: str, expected: bool) -> None:
    """A client that kept any coded variant is told that it has the current one."""
    assert matches(header, '"abc"') is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("*", None),
        ('"3-0a1b"', (3,)),
        ('"3-0a1b-gzip"', (3,)),
        ('"3-0a", "4-0b"', (3, 4)),
        ('W/"3-0a1b"', ()),
        ('"nonsense"', ()),
        ("nonsense", ()),
    ],
)
def test_if_match_names_revisions(header: str, expected: tuple[int, ...] | None) -> None:
    """An If-Match that names no tag of ours, or only a weak one, allows no revision, rather than being ignored."""
    assert revisions(header) == expected
