"""Answers are read as HTTP/1.1 has them, in whatever pieces they come; what is none is told."""

import pytest

from cli.load.incoming import Incoming
from cli.load.wire import Answer, Broken

LENGTH = b"HTTP/1.1 200 OK\r\nX-One: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"
TRAILED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\nX-After: b\r\n\r\n"
ANNOUNCED = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + LENGTH


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def read(incoming: Incoming, parts: list[bytes]) -> Answer | None:
    """Take all parts; only with the last the answer is whole."""
    *first, last = parts
    for part in first:
        assert incoming.take(part) is None
    return incoming.take(last)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("data", [LENGTH, CHUNKS, TRAILED, ANNOUNCED])
def test_an_answer_is_whole_when_its_last_byte_is_there(data: bytes, size: int) -> None:
    """With a length or in chunks, and cut wherever the network cuts it."""
    incoming = Incoming()
    answer = read(incoming, pieces(data, size))
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"hello")
    assert not incoming.is_last


def test_headers_are_by_their_names_in_lower_case() -> None:
    """Without the blanks around their values."""
    answer = Incoming().take(LENGTH)
    assert answer is not None
    assert answer.headers == {"x-one": "a", "content-length": "5"}


@pytest.mark.parametrize("head", [b"204 No Content", b"304 Not Modified", b"304 Not Modified\r\nContent-Length: 500"])
def test_what_has_no_body_ends_with_its_head(head: bytes) -> None:
    """The length of a 304 is that of what was not sent."""
    answer = Incoming().take(b"HTTP/1.1 " + head + b"\r\n\r\n")
    assert answer is not None
    assert answer.body == b""


def test_an_empty_body_is_one() -> None:
    """Of any status."""
    answer = Incoming().take(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    assert answer == Answer(404, {"content-length": "0"}, b"")


def test_a_body_without_a_length_lasts_until_the_end() -> None:
    """As in HTTP/1.0, and the connection with it."""
    incoming = Incoming()
    assert incoming.take(b"HTTP/1.0 400 Bad Request\r\n\r\nplain HTTP") is None
    assert incoming.take(b" where TLS is spoken") is None
    assert incoming.end() == Answer(400, {}, b"plain HTTP where TLS is spoken")
    assert incoming.is_last


@pytest.mark.parametrize(
    ("head", "last"),
    [
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n", True),
        (b"HTTP/1.0 200 OK\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", False),
    ],
)
def test_a_server_says_whether_it_keeps_the_connection(head: bytes, last: bool) -> None:
    """By what it speaks, and by its header."""
    incoming = Incoming()
    assert incoming.take(head + b"Content-Length: 0\r\n\r\n") is not None
    assert incoming.is_last == last


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        LENGTH + b"!",
        CHUNKS + b"!",
        b"\x00" * 200_000,
    ],
)
def test_what_is_no_answer_is_told(data: bytes) -> None:
    """Whatever speaks there, and what is more than an answer: never an error of ours."""
    with pytest.raises(Broken):
        Incoming().take(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "instead of"), (LENGTH[:20], "instead of"), (LENGTH[:-1], "middle"), (CHUNKS[:-1], "middle")],
)
def test_a_connection_that_ends_too_soon_is_told(data: bytes, why: str) -> None:
    """Before there was anything of an answer, or in the middle of it."""
    incoming = Incoming()
    assert incoming.take(data) is None
    with pytest.raises(Broken, match=why):
        incoming.end()
