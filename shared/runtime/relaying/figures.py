"""What the metrics service is told of a relay."""

from shared.contracts.timings import Counter
from shared.runtime.relay import Relay
from shared.runtime.timings import REMOVED, Timings


def report_relay(timings: Timings, relay: Relay) -> None:
    """Report the relay's figures with every batch of timings."""
    timings.gauge("relay_backlog", lambda: relay.backlog.rows)
    timings.gauge("outbox_oldest_unpublished_seconds", lambda: relay.backlog.seconds)
    timings.counters_from(lambda: _counters(relay))


def _counters(relay: Relay) -> list[Counter]:
    return [
        *(
            Counter(name="relay_rebuilt", labels={"stream": stream}, value=number)
            for stream, number in relay.rebuild.rebuilt.items()
        ),
        *(
            Counter(name="relay_groups_dropped", labels={"stream": stream, "reason": reason}, value=number)
            for (stream, reason), number in relay.retention.dropped.items()
        ),
        *(
            Counter(name=REMOVED, labels={"what": what}, value=number)
            for what, number in relay.retention.removed.items()
        ),
    ]
