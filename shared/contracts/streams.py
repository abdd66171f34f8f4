"""Every stream on the bus: who writes it, who reads it, how its ids are made, how long it is kept."""

from collections.abc import Mapping
from typing import Literal

import msgspec

PREFIX = "aurelius"

ASKS: Mapping[str, tuple[str, ...]] = {
    "gateway": ("strategy", "backtest", "invalidator", "metrics"),
    "strategy": ("backtest",),
    "backtest": ("strategy",),
}
"""Which services each one sends requests to, in whosever name it says, and so hears replies from."""

CHECKS: Mapping[str, tuple[str, ...]] = {"metrics": ("strategy", "backtest", "invalidator")}
"""Which services each one sends checks to: the few requests that are in nobody's name, on a stream of their own.

Who may write there can name no user that it would be done for, as who may write requests can.
"""

PROCESSES = ("gateway", "strategy", "backtest", "invalidator", "metrics")
EVENT_SOURCES = ("strategy", "backtest")

OUTSIDE = "consumer"
"""Programs that are no part of the platform and read its events."""

UNTIL_ACKNOWLEDGED = "until acknowledged"
DEAD_LETTERS_KEPT = "30 days, the newest 1,000"


class Reader(msgspec.Struct, frozen=True):
    """Who reads a stream: through the consumer group `group`, or without one, so that each process gets all of it."""

    name: str
    group: str = ""


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of streams. A name with `<process>` stands for one stream of each process.

    Nobody but its `writers` and `readers` may touch it: the users of the bus are made from this table.
    """

    name: str
    writers: tuple[str, ...]
    readers: tuple[Reader, ...]
    ids: Literal["*", "<sequence>-0"]
    kept: str


def rpc_stream(service: str) -> str:
    """Requests to one service."""
    return f"{PREFIX}.rpc.{service}"


def checks_of(service: str) -> str:
    """Name a service as those do who send it checks: the stream is that of requests to this name."""
    return f"{service}.checks"


def reply_stream(instance: str) -> str:
    """Replies to one calling process."""
    return f"{PREFIX}.replies.{instance}"


def event_stream(service: str) -> str:
    """Change events of one service."""
    return f"{PREFIX}.events.{service}"


EVENT_STREAMS = event_stream("")
"""What the name of every event stream begins with."""

JOBS_BACKTEST = f"{PREFIX}.jobs.backtest"
PROGRESS = f"{PREFIX}.progress"
TIMINGS = f"{PREFIX}.timings"
TOTALS = f"{PREFIX}.totals"
CACHE_PROBES = f"{PREFIX}.cache.probes"
CACHE_SHOWN = f"{PREFIX}.cache.shown"


def dead_stream(stream: str) -> str:
    """Entries of `stream` that could not be done."""
    return f"{PREFIX}.dead.{stream.removeprefix(f'{PREFIX}.')}"


DEAD_LETTERS: Mapping[str, str] = {
    **{rpc_stream(service): service for service in ASKS["gateway"]},
    **{rpc_stream(checks_of(service)): service for asked in CHECKS.values() for service in asked},
    **{event_stream(source): "invalidator" for source in EVENT_SOURCES},
}
"""Which streams have dead letters, and the service that puts them aside and can do them once more.

The workers' stream has none: an entry of it is a wake-up that nobody reads, the row says what there is to do. Nor has
one that is read without a group: what each process reads for itself none can do for all.
"""

STREAMS: tuple[Stream, ...] = (
    *(
        Stream(
            name=rpc_stream(service),
            writers=tuple(asker for asker, asked in ASKS.items() if service in asked),
            readers=(Reader(service, group=service),),
            ids="*",
            kept=UNTIL_ACKNOWLEDGED,
        )
        for service in ("strategy", "backtest", "invalidator", "metrics")
    ),
    *(
        Stream(
            name=rpc_stream(checks_of(service)),
            writers=(checker,),
            readers=(Reader(service, group=service),),
            ids="*",
            kept=UNTIL_ACKNOWLEDGED,
        )
        for checker, checked in CHECKS.items()
        for service in checked
    ),
    *(
        Stream(
            name=reply_stream(f"{asker}-<process>"),
            writers=asked,
            readers=(Reader(asker),),
            ids="*",
            kept="the newest 10,000; a minute after its owner is gone",
        )
        for asker, asked in (*ASKS.items(), *CHECKS.items())
    ),
    *(
        Stream(
            name=event_stream(service),
            writers=(service,),
            readers=(
                Reader("invalidator", group="invalidator"),
                Reader("metrics"),
                Reader(OUTSIDE, group="any of its own"),
            ),
            ids="<sequence>-0",
            kept="7 days; what a group has not acknowledged, 30",
        )
        for service in EVENT_SOURCES
    ),
    Stream(
        name=JOBS_BACKTEST,
        writers=("backtest",),
        readers=(Reader("backtest", group="workers"),),
        ids="<sequence>-0",
        kept=UNTIL_ACKNOWLEDGED,
    ),
    Stream(
        name=PROGRESS,
        writers=("backtest",),
        readers=(Reader("gateway"),),
        ids="*",
        kept="the newest 1,000",
    ),
    Stream(
        name=TIMINGS,
        writers=PROCESSES,
        readers=(Reader("metrics"),),
        ids="*",
        kept="the newest 10,000",
    ),
    Stream(
        name=TOTALS,
        writers=("metrics",),
        readers=(Reader("metrics"),),
        ids="*",
        kept="the newest one",
    ),
    Stream(
        name=CACHE_PROBES,
        writers=("metrics",),
        readers=(Reader("gateway"),),
        ids="*",
        kept="the newest 100",
    ),
    Stream(
        name=CACHE_SHOWN,
        writers=("gateway",),
        readers=(Reader("metrics"),),
        ids="*",
        kept="the newest 1,000",
    ),
    *(
        Stream(
            name=dead_stream(stream),
            writers=(owner,),
            readers=(Reader(owner),),
            ids="*",
            kept=DEAD_LETTERS_KEPT,
        )
        for stream, owner in DEAD_LETTERS.items()
    ),
)
