"""Which content coding a client gets, and that the bytes are in it."""

import gzip
from collections.abc import Callable
from decimal import Decimal

import brotli
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.core import codings
from services.gateway.core.codings import (
    CODINGS,
    IDENTITY,
    NotAcceptable,
    choose,
    choose_for,
    coded_tag,
    compress,
    compressor,
    decompress,
    refuses_plain,
)
from services.gateway.core.etags import matches
from services.gateway.core.tests.accept_encodings import Named, best, headers

DECODERS = {"zstd": zstd.decompress, "br": brotli.decompress, "gzip": gzip.decompress, IDENTITY: bytes}


def chosen(header: str) -> str | None:
    """Return the choice, None for none."""
    try:
        return choose(header)
    except NotAcceptable:
        return None


@settings(deadline=None)
@given(headers())
def test_the_choice_is_what_the_rfc_says(case: tuple[str, list[Named]]) -> None:
    """Of what the client accepts, what it wants most; refused is what it refuses, by name or by `*`."""
    header, members = case
    assert chosen(header) == best(members)


@settings(deadline=None)
@given(headers(), st.integers(0, 2000))
def test_a_small_body_is_coded_only_where_it_must(case: tuple[str, list[Named]], size: int) -> None:
    """Below the minimum the plain bytes go out, but to a client that refuses them."""
    header, _ = case
    full = chosen(header)
    if full is not None:
        assert choose_for(header, size, 1000) == (IDENTITY if size < 1000 and not refuses_plain(header) else full)


@settings(deadline=None)
@given(st.text() | st.text(alphabet="gzipbrstd*;q=01.5, \t-x", max_size=40))
def test_any_text_has_an_answer(header: str) -> None:
    """Whatever is sent, the answer is a coding of ours that the text names or covers, the plain bytes, or a 406."""
    coding = chosen(header)
    assert coding in {None, IDENTITY, *CODINGS}
    if coding:
        assert coding in header.lower() or "*" in header


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", IDENTITY),
        ("gzip, deflate, br, zstd", "zstd"),  # Chrome, Firefox
        ("gzip, deflate, br", "br"),  # Safari
        ("gzip, deflate", "gzip"),  # requests, httpx
        ("deflate, compress", IDENTITY),
        ("*", "zstd"),
        ("GZIP;Q=0.5 , BR ; q=0.4", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip;q=0, x-gzip", IDENTITY),
        ("identity, gzip;q=0.9", IDENTITY),
        ("identity, gzip", "gzip"),
        ("identity;q=0.5, *;q=0.1", IDENTITY),
        ("gzip;q=0.2, *;q=0", "gzip"),
        ("*;q=0", None),
        ("identity;q=0", None),
        ("identity;q=0, deflate", None),
        ("identity;q=0, *;q=0.001", "zstd"),
        ("identity;q=0, zstd;q=0, *", "br"),
        ("*;q=0, identity", IDENTITY),
        # What the grammar does not allow:
        ("gzip;q=nonsense", IDENTITY),
        ("gzip;q=-1, br", "br"),
        ("gzip;q=1.5", IDENTITY),
        ("gzip;q=0.0000", IDENTITY),
        ("gzip;level=3;q=0", IDENTITY),
        ("gzip;", IDENTITY),
        ("gzip, gzip;q=0", IDENTITY),
        ("gzip;q=0, gzip", IDENTITY),
        ("zstd;q=nonsense, *", "br"),
        ("*;q=nonsense", IDENTITY),
        ("identity;q=nonsense, *;q=0", IDENTITY),
        ("gz ip, , ,;q=1,br", "br"),
        (",", IDENTITY),
        ("zstd\u00a0;q=1", IDENTITY),
    ],
)
def test_headers_as_they_come(header: str, expected: str | None) -> None:
    """What clients send, corners of the grammar, and what lies outside: in doubt a coding is refused."""
    assert chosen(header) == expected


def test_a_long_header_is_read_and_not_remembered() -> None:
    """A server takes headers of 400 kB: hundreds of them would be as much memory as all the rest."""
    remembered = codings._remembered_wish.cache_info().currsize
    for number in range(3):
        assert choose(f"x{number}, " * 100 + "br") == "br"
    assert codings._remembered_wish.cache_info().currsize == remembered
    assert choose(f"x{remembered}y, br") == "br"
    assert codings._remembered_wish.cache_info().currsize in {remembered + 1, codings._REMEMBERED}


@pytest.mark.parametrize("coding", [*CODINGS, IDENTITY])
@settings(deadline=None)
@given(body=st.binary(max_size=5000))
def test_every_body_comes_back(coding: str, body: bytes) -> None:
    """Decoded by somebody else's decoder it is what it was, and the same body gives the same bytes again."""
    coded = compress(body, coding)
    assert DECODERS[coding](coded) == body
    assert compress(body, coding) == coded


@pytest.mark.parametrize("coding", CODINGS)
@settings(deadline=None)
@given(pieces=st.lists(st.binary(max_size=3000)))
def test_a_body_on_its_way_comes_back(coding: str, pieces: list[bytes]) -> None:
    """However it is cut."""
    way = compressor(coding)
    coded = b"".join(way.add(piece) for piece in pieces) + way.end()
    assert DECODERS[coding](coded) == b"".join(pieces)


def test_a_zstd_body_tells_its_size_and_needs_a_small_window() -> None:
    """So that a client can make room once, and never has to make more than 8 MB (RFC 9659)."""
    body = b"0123456789" * 2_000_000
    coded = compress(body, "zstd")
    assert zstd.get_frame_info(coded).decompressed_size == len(body)
    decompressor = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})
    assert decompressor.decompress(coded) == body


def test_a_coding_that_is_none_is_a_fault_of_the_caller() -> None:
    """Rather than an answer in no coding that says it is in one."""
    with pytest.raises(ValueError, match="no coding of ours"):
        compress(b"", "deflate")


@pytest.mark.parametrize("coding", CODINGS)
def test_a_coded_tag_is_another_tag_for_the_same_state(coding: str) -> None:
    """Strong tags name bytes, so each coding has its own; conditions compare what they say of the resource."""
    assert coded_tag('"3-abc"', coding) == f'"3-abc-{coding}"'
    assert matches(coded_tag('"3-abc"', coding), '"3-abc"')
    assert coded_tag('"3-abc"', IDENTITY) == '"3-abc"'


def test_the_reading_that_the_choice_is_held_against() -> None:
    """It refuses, prefers and falls back as the examples of the RFC do."""
    assert best([]) == IDENTITY
    assert best([("*", Decimal(1))]) == "zstd"
    assert best([("gzip", Decimal(1)), ("identity", Decimal("0.5")), ("*", Decimal(0))]) == "gzip"
    assert best([("compress", Decimal("0.5")), ("gzip", Decimal(0))]) == IDENTITY
    assert best([("*", Decimal(0))]) is None


@settings(deadline=None)
@given(st.binary(max_size=2000), st.sampled_from([IDENTITY, *CODINGS]))
def test_what_is_compressed_comes_back(body: bytes, coding: str) -> None:
    """Whatever it was."""
    assert decompress(compress(body, coding), coding) == body


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("spoil", [lambda coded: coded[:-1], lambda coded: coded + b"x", lambda coded: b"x" + coded])
def test_what_is_not_whole_and_alone_does_not(coding: str, spoil: Callable[[bytes], bytes]) -> None:
    """Cut off, or with something before it or behind."""
    with pytest.raises(ValueError, match=coding):
        decompress(spoil(compress(b"abc" * 100, coding)), coding)


def test_there_is_no_other_coding() -> None:
    """To be made, or to be made plain."""
    for make in (compress, decompress):
        with pytest.raises(ValueError, match="no coding of ours"):
            make(b"x", "deflate")
