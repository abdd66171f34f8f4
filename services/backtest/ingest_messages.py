"""What the service and a process that reads uploads say to each other: a JSON object a line each way."""

import msgspec

from services.backtest.core.ingest.description import Description
from shared.contracts.errors import ErrorBody

BREAKS = "breaks the program that reads it: it is damaged, or made to; write it anew, or as CSV"


class IngestJob(msgspec.Struct, frozen=True, kw_only=True):
    """Read the bars of the file `upload`, whose times are of `timezone`, and write them to the file `bars`.

    No more than `cpu_seconds` may be spent on it.
    """

    upload: str
    bars: str
    timezone: str
    interval: str | None
    cpu_seconds: float


class IngestReply(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, or why it was refused; `last` when the process is of no more use.

    `trouble` is for the service's log: what nobody expected, with its traceback.
    """

    description: Description | None = None
    error: ErrorBody | None = None
    last: bool = False
    trouble: str = ""
