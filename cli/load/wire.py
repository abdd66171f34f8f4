"""Requests as the bytes that are sent, each with what its answer has to be."""

from collections.abc import Callable
from dataclasses import dataclass

HEAD_ENDS = b"\r\n\r\n"


class WrongAnswer(Exception):
    """A server answered with another status or body than it must, or not at all."""


class Broken(Exception):
    """The connection cannot be used any more; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the headers by their names in lower case, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes


Check = Callable[[Answer], None]
"""Raises WrongAnswer."""


@dataclass(frozen=True, slots=True)
class Request:
    """The bytes to send, and what to do with the answer. `kind` is what it is counted under."""

    wire: bytes
    check: Check
    kind: str = ""


def get(path: str, check: Check, headers: dict[str, str] | None = None, kind: str = "") -> Request:
    """Return a GET."""
    return Request(wire_of("GET", path, headers or {}), check, kind)


def wire_of(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    given = {"Host": "127.0.0.1", **headers}
    if body:
        given |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join(lines).encode() + HEAD_ENDS + body
