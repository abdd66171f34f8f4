"""`@cached`: a function whose results are kept under a name, and are asked for by its arguments."""

import functools
import inspect
import typing
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

import msgspec

from shared.cache.api import NEGATIVE_TTL, TTL, PlainCache

P = ParamSpec("P")
T = TypeVar("T")

Function = Callable[P, Coroutine[Any, Any, T]]


def cached(
    cache: PlainCache, name: str, *, ttl: float = TTL, negative_ttl: float = NEGATIVE_TTL
) -> Callable[[Function[P, T]], Function[P, T]]:
    """Keep what an async function returns under `name`, for each list of arguments, for `ttl` seconds; a None shorter.

    The function keeps its signature. Its return annotation says what is read back, and must be of what msgspec reads;
    its arguments must be what msgspec can write as JSON, and are told apart by that and by their own types: inside of a
    container 1 and "1" are one key. Of one name the results for 512 lists of arguments are kept.
    `cache.delete(name)` forgets all of them; nothing else does before their time is over, see `shared.cache.api`. A
    call that raises leaves nothing behind, and neither does one while the cache is away.
    Raises TypeError, here, for a function that is not async or does not say what it returns.
    """

    def decorate(function: Function[P, T]) -> Function[P, T]:
        kind = _returned(function)
        signature = inspect.signature(function)

        @functools.wraps(function)
        async def call(*args: P.args, **kwargs: P.kwargs) -> T:
            variant = _variant(signature, args, kwargs)
            value: T = await cache.through(
                name, variant, kind, lambda: function(*args, **kwargs), ttl=ttl, negative_ttl=negative_ttl
            )
            return value

        return call

    return decorate


def _returned(function: Callable[..., object]) -> Any:  # noqa: ANN401  # a type, which may be a union
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{function!r} is not async: only async functions can be cached")
    try:
        return typing.get_type_hints(function)["return"]
    except KeyError:
        raise TypeError(f"{function!r} does not say what it returns: annotate it, its results are read back") from None


def _variant(signature: inspect.Signature, args: tuple[object, ...], kwargs: dict[str, object]) -> str:
    """Return the arguments as text, the same however they were passed; with their types, since 1 and 1.0 differ."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    given = [(name, type(value).__qualname__, value) for name, value in bound.arguments.items()]
    return msgspec.json.encode(given, order="deterministic").decode()
