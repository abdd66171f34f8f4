"""Every stream on the bus: who writes it, who reads it, how its ids are made, how long it is kept."""

from typing import Literal

import msgspec

PREFIX = "aurelius"


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of streams. `groups` are the consumer groups its readers use; empty means plain reads."""

    name: str
    written_by: str
    groups: tuple[str, ...]
    ids: Literal["*", "<sequence>-0"]
    kept: str


def rpc_stream(service: str) -> str:
    """Requests to one service."""
    return f"{PREFIX}.rpc.{service}"


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

EVENT_SOURCES = ("strategy", "backtest")

STREAMS: tuple[Stream, ...] = (
    *(
        Stream(
            name=rpc_stream(service),
            written_by="any caller",
            groups=(service,),
            ids="*",
            kept="until acknowledged",
        )
        for service in ("strategy", "backtest", "invalidator", "metrics")
    ),
    Stream(
        name=reply_stream("<instance>"),
        written_by="the services",
        groups=(),
        ids="*",
        kept="the newest 10,000; a minute after its owner is gone",
    ),
    *(
        Stream(
            name=event_stream(service),
            written_by=f"the relay of the {service} service",
            groups=("invalidator",),
            ids="<sequence>-0",
            kept="until trimmed by the operator",
        )
        for service in EVENT_SOURCES
    ),
    Stream(
        name=JOBS_BACKTEST,
        written_by="the relay of the backtest service",
        groups=("workers",),
        ids="<sequence>-0",
        kept="until acknowledged",
    ),
    Stream(name=PROGRESS, written_by="workers", groups=(), ids="*", kept="the newest 1,000"),
    Stream(name=TIMINGS, written_by="every process", groups=("metrics",), ids="*", kept="the newest 10,000"),
)
