"""All that the aggregate knows, in a form that outlives the process."""

import msgspec

from services.metrics.core.metric import Metric
from services.metrics.core.names import ALL
from services.metrics.core.totals import Labels, Vector


class SeriesState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Cumulative values of one series. There are thousands, in no cycle, which the collector need not walk through."""

    metric: str
    labels: Labels
    vector: Vector

    def row(self) -> Metric | None:
        """Return its metric, or None when the table has none any more that it fits."""
        metric = ALL.get(self.metric)
        fits = metric is not None and len(self.labels) == len(metric.labels) and len(self.vector) == metric.size
        return metric if fits else None


class ProcessState(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one life of an instance; see Process."""

    instance: str
    boot: str
    service: str
    place: int
    heard: float
    at: float
    started_at: float
    sequence: int
    series: list[SeriesState]
    gauges: list[tuple[str, Labels, float]]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Totals, processes that may report again, and those that have come to their end, oldest first."""

    now: float
    totals: list[SeriesState]
    processes: list[ProcessState]
    ended: list[tuple[str, str]]
    durations: list[float]
    by_second: dict[int, Vector]


_DECODER = msgspec.msgpack.Decoder(State)


def pack(state: State) -> bytes:
    """Return the state as bytes."""
    return msgspec.msgpack.encode(state)


def unpack(packed: bytes) -> State:
    """Return the state in `packed`. Raises msgspec.DecodeError for what is none."""
    return _DECODER.decode(packed)
