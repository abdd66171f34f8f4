"""The headers of answers that are coded."""

import pytest

from services.gateway.core.coded_headers import coded_headers, coding_for, may_be_coded, media_type, value_of


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], b"Accept-Encoding"),
        ([b"Authorization"], b"Authorization, Accept-Encoding"),
        ([b"Origin", b"Authorization,Accept"], b"Origin, Authorization, Accept, Accept-Encoding"),
        ([b"accept-encoding, Accept"], b"accept-encoding, Accept"),
        ([b"*"], b"*"),
    ],
)
def test_vary_is_added_to_what_is_there(before: list[bytes], after: bytes) -> None:
    """Once, in one header, whoever wrote the others; where all varies nothing need be added."""
    headers = coded_headers([(b"vary", value) for value in before], "", None)
    assert headers == [(b"vary", after)]


def test_what_speaks_of_the_body_speaks_of_the_coded_one() -> None:
    """Length and tag are replaced, the coding is named, the rest stays in its order."""
    plain = [(b"content-type", b"text/html"), (b"content-length", b"9000"), (b"etag", b'"a"'), (b"set-cookie", b"b")]
    expected = [
        (b"content-type", b"text/html"), (b"set-cookie", b"b"), (b"etag", b'"a-br"'), (b"content-encoding", b"br"),
        (b"content-length", b"70"), (b"vary", b"Accept-Encoding"),
    ]  # fmt: skip
    assert coded_headers(plain, "br", 70) == expected
    names = [name for name, _ in coded_headers(plain, "", None)]
    assert names == [b"content-type", b"set-cookie", b"etag", b"vary"]


@pytest.mark.parametrize("status", [101, 103, 204, 205, 206])
def test_what_has_no_whole_body_is_not_coded(status: int) -> None:
    """Nothing, or a part, which is one of the plain bytes; errors and 304 are like any other answer."""
    assert not may_be_coded(status, [])
    assert all(may_be_coded(other, []) for other in (200, 201, 202, 304, 404, 503))


def test_parquet_is_coded_for_who_refuses_it_plain() -> None:
    """And for nobody else, since it is compressed inside, whatever the spelling of its type."""
    parquet = [(b"content-type", b"Application/vnd.apache.parquet; x=y")]
    assert media_type(parquet) == "application/vnd.apache.parquet"
    assert coding_for("gzip", parquet, None, 0) == ""
    assert coding_for("gzip, identity;q=0", parquet, None, 0) == "gzip"


def test_headers_of_one_name_are_read_together() -> None:
    """As if they had been one."""
    assert value_of([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")], b"a") == "1, 3"
