"""Having the files of a run or a sweep removed, in the transaction after which nobody needs them."""

from datetime import datetime

from services.backtest.store.jobs import Kind, Urgency, enqueue
from shared.runtime.database import Connection


async def free_files(connection: Connection, subject: str, owner: str, now: datetime, traceparent: str) -> None:
    """Have all files of a run or a sweep removed but those of its results, if it has any."""
    await enqueue(
        connection,
        subject=subject,
        kind=Kind.REMOVAL,
        owner_id=owner,
        urgency=Urgency.CARE,
        now=now,
        traceparent=traceparent,
    )
