"""Work in a thread of its own that a stopping process does not wait for."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Stopped(Exception):
    """What a thread was at is not wanted any more."""


def unless(stop: threading.Event) -> Callable[[], None]:
    """What a thread may call now and then: it raises Stopped once `stop` is set."""

    def check() -> None:
        if stop.is_set():
            raise Stopped

    return check


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `function` in a daemon thread and return what it returns, or raise what it raises.

    A kernel cannot be interrupted: when this is cancelled the thread runs on, unheard, and at the end of the process
    it ends with it. `asyncio.to_thread` would hold the process until it is done.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def work() -> None:
        try:
            settle = partial(future.set_result, function(*args, **kwargs))
        except Exception as error:
            settle = partial(future.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(_unless_cancelled, future, settle)

    threading.Thread(target=work, daemon=True).start()
    return await future


def _unless_cancelled(future: asyncio.Future[R], settle: Callable[[], None]) -> None:
    if not future.done():
        settle()
