"""`Prefer: wait=N`: answering with the finished run when it finishes in time."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec

from services.gateway.core.prefer import wait_seconds
from services.gateway.live import ENDED, ProgressFeed
from services.gateway.notes import notes_of
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway, written
from shared.cache.tokens import merge
from shared.contracts import messages, sweep_values, values
from shared.contracts.errors import DeadlineExceeded, NotFound, Unavailable
from shared.runtime.bus.caller import Reply

LOOK_SECONDS = 1.0


_IN_TIME = "It ended in the time that `Prefer: wait` gave it"
RUN_ANSWERS = {**PROBLEMS, 200: ResponseSpec(values.Backtest, description=_IN_TIME, generate_examples=False)}
SWEEP_ANSWERS = {**PROBLEMS, 200: ResponseSpec(sweep_values.Sweep, description=_IN_TIME, generate_examples=False)}


class Waited(NamedTuple):
    """What is waited for: where it is, and how it is read by its id."""

    path: str
    read: Callable[[str], messages.Request[Any]]


BACKTESTS = Waited("/api/v1/backtests", lambda run_id: messages.ReadBacktest(id=run_id))
SWEEPS = Waited("/api/v1/sweeps", lambda sweep_id: messages.ReadSweep(id=sweep_id))


class RunState(msgspec.Struct, frozen=True):
    """What the gateway looks at in a run or a sweep that it passes on."""

    id: str
    status: values.BacktestStatus
    verification: values.Verification | None = None


_RUN = msgspec.json.Decoder(RunState)


def has_ended(run: RunState) -> bool:
    """Say whether a run has a result, or will never have one."""
    return run.status in ENDED


async def answer_when_done(
    gateway: Gateway,
    feed: ProgressFeed,
    request: Request[Any, Any, Any],
    reply: Reply,
    is_done: Callable[[RunState], bool],
    waited: Waited = BACKTESTS,
) -> Response[Any]:
    """Return 200 with the run that `reply` holds once it is done, when the client would wait, else 202 with `reply`."""
    run = _RUN.decode(reply.body)
    location = f"{waited.path}/{run.id}"
    seconds = wait_seconds(request.headers.get("prefer", ""))
    if not seconds:
        return written(request, reply, 202, location=location)
    try:
        finished = reply if is_done(run) else await _finished(gateway, feed, request, run.id, seconds, is_done, waited)
    except NotFound:
        if not reply.replayed:
            raise
        finished = None  # deleted since the first answer, which stands
    except (Unavailable, DeadlineExceeded):
        finished = None  # it was accepted all the same: told 503, a client would ask for another one
    if finished is not None:
        # Its token must still name the list that the request changed.
        finished = msgspec.structs.replace(
            finished, versions=merge(reply.versions, finished.versions), replayed=reply.replayed
        )
    response = written(request, finished or reply, 200 if finished else 202, location=location)
    response.headers["Preference-Applied"] = f"wait={seconds}"
    return response


async def _finished(
    gateway: Gateway,
    feed: ProgressFeed,
    request: Request[Any, Any, Any],
    run_id: str,
    seconds: int,
    is_done: Callable[[RunState], bool],
    waited: Waited,
) -> Reply | None:
    """Return the run when it is done, or None after `seconds`."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + seconds
    with feed.ended(run_id) as ended:
        while True:
            ended.clear()
            reply = await gateway.ask(request, waited.read(run_id), notes_of(request).caller)
            if is_done(_RUN.decode(reply.body)):
                return reply
            left = give_up - loop.time()
            if left <= 0:
                return None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK_SECONDS)):
                    await ended.wait()
