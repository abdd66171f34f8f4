"""What a request is: the base of all, and the types that lists have in common."""

from typing import Annotated, ClassVar, Generic, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta

A_co = TypeVar("A_co", covariant=True)

Limit = Annotated[int, Meta(ge=1, le=200)]
Cursor = Annotated[str, Meta(max_length=2048)]
TableForm = Literal["csv", "arrow", "parquet"]
"""The files that a table can be had as."""


class Request(msgspec.Struct, Generic[A_co], frozen=True, kw_only=True):
    """A question to one service, answered by a value of type `A`."""

    SERVICE: ClassVar[str]
    METHOD: ClassVar[str]
    INCIDENTAL: ClassVar[frozenset[str]] = frozenset()
    """Fields that differ between repeats of one and the same request."""
    SECRET: ClassVar[bool] = False
    """Whether it carries a password or a token, and so must be kept nowhere."""


def answer_type(request: type[Request[A_co]]) -> type[A_co]:
    """Return the type a request is answered with."""
    (base,) = request.__orig_bases__  # type: ignore[attr-defined]  # set by typing for every subclass of Request[X]
    (answer,) = get_args(base)
    return answer  # type: ignore[no-any-return]  # get_args is untyped by nature
