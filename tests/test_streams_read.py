"""The table of streams against what the processes really read, as FastStream describes it."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from services.backtest import app as backtest
from services.backtest import worker
from services.backtest.settings import BacktestSettings
from services.gateway import app as gateway
from services.gateway.settings import GatewaySettings
from services.invalidator import app as invalidator
from services.invalidator.settings import InvalidatorSettings
from services.metrics import app as metrics
from services.metrics.settings import MetricsSettings
from services.strategy import app as strategy
from services.strategy.settings import StrategySettings
from shared.contracts.streams import (
    CACHE_SHOWN,
    DEAD_LETTERS,
    EVENT_SOURCES,
    OUTSIDE,
    PROCESSES,
    STREAMS,
    TIMINGS,
    TOTALS,
    dead_stream,
    event_stream,
)
from shared.runtime.service import Service

KEY = "0123456789abcdef" * 4
NOWHERE = "postgresql://127.0.0.1:1/nowhere"
PROGRAMS: dict[str, list[Callable[[Path], Service]]] = {
    "gateway": [lambda folder: gateway.compose(GatewaySettings(secret_key=KEY, data_dir=folder))],
    "strategy": [
        lambda folder: strategy.compose(StrategySettings(database_url=NOWHERE, secret_key=KEY, data_dir=folder))
    ],
    "backtest": [
        lambda folder: backtest.compose(BacktestSettings(database_url=NOWHERE, data_dir=folder)),
        lambda folder: worker.compose(BacktestSettings(database_url=NOWHERE, data_dir=folder)),
    ],
    "invalidator": [lambda folder: invalidator.compose(InvalidatorSettings(data_dir=folder))],
    "metrics": [lambda folder: metrics.compose(MetricsSettings(data_dir=folder))],
}
READ_OTHERWISE = {
    ("metrics", TIMINGS, ""),
    ("metrics", TOTALS, ""),
    *(("metrics", event_stream(source), "") for source in EVENT_SOURCES),
    ("metrics", CACHE_SHOWN, ""),
    *((owner, dead_stream(stream), "") for stream, owner in DEAD_LETTERS.items()),
}
"""Read by no subscriber: what was before, and what it came to, once at the start; what the checker of the caches
follows as far as it has time for; dead letters when an administrator asks for them.
"""


class Binding(msgspec.Struct):
    """How a channel is read: its stream, and the group if there is one."""

    channel: str
    groupName: str = ""  # noqa: N815  # FastStream's word


class Channel(msgspec.Struct):
    """A channel of an AsyncAPI document."""

    bindings: dict[str, Binding]


class Document(msgspec.Struct):
    """What there is in it for this test."""

    channels: dict[str, Channel]


@pytest.mark.parametrize("name", PROCESSES)
def test_each_service_reads_what_the_table_says(name: str, tmp_path: Path) -> None:
    """The users of the bus are made from the table: what it leaves out a process may not read, the rest it need not."""
    read = set()
    for compose in PROGRAMS[name]:
        service = compose(tmp_path)
        document = msgspec.json.decode(service.asyncapi(), type=Document)
        for channel in document.channels.values():
            binding = channel.bindings["redis"]
            read.add((name, binding.channel.replace(service.instance, f"{name}-<process>"), binding.groupName))
    told = {
        (reader.name, stream.name, reader.group)
        for stream in STREAMS
        for reader in stream.readers
        if reader.name == name and reader.name != OUTSIDE
    }
    assert read == told - READ_OTHERWISE
