"""An HTTP/1.1 answer as it comes, piece by piece (RFC 9112): its body has a length, comes in chunks, or to the end."""

import re

from cli.load.wire import HEAD_ENDS, Answer, Broken

_NO_BODY = {204, 304}
"""Whatever the head says of a length: that of a 304 is the length of what was not sent."""
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9]\d\d)(?: .*)?")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_LONGEST_HEAD = 1 << 17
_LINE_ENDS = b"\r\n"


class Incoming:
    """One answer. `is_last` says, once it is whole, that the connection takes no further request."""

    __slots__ = ("_at", "_body", "_head", "_length", "_received", "is_last")

    def __init__(self) -> None:
        self.is_last = False
        self._received = bytearray()
        self._head: tuple[int, dict[str, str]] | None = None
        self._length: int | None = None
        self._at = 0
        self._body = bytearray()

    def take(self, part: bytes) -> Answer | None:
        """Take what has come; return the answer when that was the last of it. Raises Broken: it is no HTTP answer."""
        self._received += part
        if self._head is None:
            self._head = self._read_head()
            if self._head is None:
                return None
        status, headers = self._head
        if status in _NO_BODY:
            return self._whole(b"", 0)
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._whole(bytes(self._body), self._at) if self._read_chunks() else None
        if self._length is None or len(self._received) < self._length:
            return None
        return self._whole(bytes(self._received[: self._length]), self._length)

    def end(self) -> Answer:
        """Return the answer that ends with the connection. Raises Broken when it is another or there is none."""
        if self._head is None:
            raise Broken("the server closed the connection instead of answering")
        if self._length is not None or "transfer-encoding" in self._head[1]:
            raise Broken("the server closed the connection in the middle of an answer")
        self.is_last = True
        return self._whole(bytes(self._received), len(self._received))

    def _read_head(self) -> tuple[int, dict[str, str]] | None:
        """Return status and headers once they are there, past what only announces an answer (1xx)."""
        while (ends := self._received.find(HEAD_ENDS)) >= 0:
            first, *lines = bytes(self._received[:ends]).decode("latin-1").split("\r\n")
            del self._received[: ends + len(HEAD_ENDS)]
            found = _STATUS.fullmatch(first)
            if found is None:
                raise Broken("what came is no HTTP answer")
            if found[2].startswith("1"):
                continue
            pairs = (line.partition(":") for line in lines)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            self._read_framing(found[1] == "0", headers)
            return int(found[2]), headers
        if len(self._received) > _LONGEST_HEAD:
            raise Broken("what came is no HTTP answer")
        return None

    def _read_framing(self, old: bool, headers: dict[str, str]) -> None:
        connection = headers.get("connection", "").lower()
        self.is_last = connection == "close" or (old and connection != "keep-alive")
        if (length := headers.get("content-length")) is not None:
            if not (length.isascii() and length.isdigit()):
                raise Broken(f"an answer with a length of {length[:20]!r}")
            self._length = int(length)

    def _read_chunks(self) -> bool:
        """Move what has come to the body; whether the last chunk and what trails it are there."""
        while (ends := self._received.find(_LINE_ENDS, self._at)) >= 0:
            found = _CHUNK.fullmatch(self._received, self._at, ends)
            if found is None:
                raise Broken("an answer in chunks without their sizes")
            size, begins = int(found[1], 16), ends + len(_LINE_ENDS)
            if size == 0:
                # What trails the last chunk ends with an empty line, as a head does, and may be nothing.
                trailed = self._received.find(HEAD_ENDS, ends)
                if trailed >= 0:
                    self._at = trailed + len(HEAD_ENDS)
                return trailed >= 0
            if len(self._received) < begins + size + len(_LINE_ENDS):
                return False
            self._body += self._received[begins : begins + size]
            self._at = begins + size + len(_LINE_ENDS)
        return False

    def _whole(self, body: bytes, ends: int) -> Answer:
        assert self._head is not None  # noqa: S101  # there is no body before the head
        if len(self._received) > ends:
            raise Broken("more came than the answer")
        return Answer(*self._head, body)
