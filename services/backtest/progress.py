"""Telling everybody who listens how far the runs are."""

from collections.abc import Callable

import msgspec

from shared.contracts.jobs import Progress
from shared.contracts.streams import PROGRESS
from shared.runtime.service import Service

KEPT = 1000


def publisher(service: Service) -> Callable[[Progress], None]:
    """Return a function that appends to the progress stream, soon and without a wait."""

    def publish(progress: Progress) -> None:
        entry = msgspec.json.encode(progress)
        service.writer.post("XADD", PROGRESS, "MAXLEN", "~", KEPT, "*", "progress", entry)

    return publish
