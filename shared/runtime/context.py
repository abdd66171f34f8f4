"""What this task is handling: told to its log lines, and passed on with what it asks of other services."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec


class Handling(msgspec.Struct, frozen=True):
    """One unit of work. `method` is the request's, or the stream of a batch; `job` is the id of a job.

    `request_id` is that of the HTTP request that it all began with. `traceparent` and `tracestate` (W3C Trace Context)
    are that request's too, or where there are traces those of the span that this is.
    """

    request_id: str = ""
    traceparent: str = ""
    method: str = ""
    job: str = ""
    tracestate: str = ""

    @property
    def trace_id(self) -> str:
        """The trace's part of `traceparent`."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """The span's part of `traceparent`."""
        return self.traceparent[36:52]


_NOTHING = Handling()
_current: ContextVar[Handling] = ContextVar("handling", default=_NOTHING)


def current() -> Handling:
    """Return what this task is handling; with nothing in it when that came of no request."""
    return _current.get()


def begin(handling: Handling) -> None:
    """Handle this from now on, in this task and those it starts: for a task that handles nothing else."""
    _current.set(handling)


@contextmanager
def during(handling: Handling) -> Iterator[None]:
    """Handle this inside the block, in a task that goes on to something else."""
    token = _current.set(handling)
    try:
        yield
    finally:
        _current.reset(token)
