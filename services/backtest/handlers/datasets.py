"""Datasets: ingesting an upload, reading, listing. What is another owner's is not found."""

import asyncio
import contextlib
import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.ingest.digest import sha256_of
from services.backtest.core.ingest.interval import interval_of
from services.backtest.core.ingest.names import names_of
from services.backtest.core.ingest.quality import quality_of
from services.backtest.files.csv_bars import read_csv
from services.backtest.files.csv_cells import known_zone
from services.backtest.files.dataset_file import dataset_key, write_bars
from services.backtest.store.datasets import insert_dataset, list_datasets, read_dataset
from shared.contracts.clock import Clock
from shared.contracts.errors import DeadlineExceeded, Malformed, NotFound, Unavailable
from shared.contracts.events import DatasetCreated
from shared.contracts.ids import is_id, new_id
from shared.contracts.messages import IngestDataset, ListDatasets, ReadDataset
from shared.contracts.objects import dataset_object, datasets_object
from shared.contracts.values import Dataset
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from shared.runtime.outbox import announce

# Each ingestion keeps a core busy, and of the largest file there may be needs most of a gigabyte.
AT_ONCE = 2

_UPLOAD_KEY = re.compile(r"uploads/[0-9a-f-]{36}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DatasetHandlers:
    """Datasets. They are immutable; the bars of equal ones are stored once."""

    def __init__(self, database: Database, clock: Clock, objects: Objects) -> None:
        self._database = database
        self._clock = clock
        self._objects = objects
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def ingest(self, message: IngestDataset, call: Call) -> Answer:
        """Validate and store the uploaded bars; the upload is deleted either way. Raises Invalid, TooLarge."""
        owner = call.user.user_id
        if not _UPLOAD_KEY.fullmatch(message.upload_key):
            raise Malformed("This is not the key of an upload")
        try:
            dataset = await self._store_bars(message, call)
        finally:
            with contextlib.suppress(Unavailable):
                await self._objects.delete(message.upload_key)
        async with self._database.transaction() as connection:
            await insert_dataset(connection, dataset, owner)
            versions = await announce(
                connection,
                DatasetCreated(id=dataset.id, owner=owner, version=0),
                [dataset_object(dataset.id), datasets_object(owner)],
                clock=self._clock,
                traceparent=call.traceparent,
            )
        return Answer(dataset, versions)

    async def _store_bars(self, message: IngestDataset, call: Call) -> Dataset:
        names = names_of(message.filename, message.name, message.symbol)
        zone = known_zone(message.timezone)
        async with self._slots:
            if call.seconds_left <= 0:
                raise DeadlineExceeded("There was no time left to read the upload")
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "bars.arrow")
                try:
                    async with self._objects.as_file(message.upload_key) as upload:
                        bars = await asyncio.to_thread(read_csv, upload, zone)
                except NotFound as error:
                    raise Unavailable("The upload is gone; send it again") from error
                dataset = await asyncio.to_thread(self._describe, bars, names, message.interval, zone)
                await asyncio.to_thread(write_bars, file, bars)
                await self._objects.put(dataset_key(dataset.sha256), file)
        return dataset

    def _describe(self, bars: Bars, names: tuple[str, str], interval: str | None, zone: ZoneInfo) -> Dataset:
        interval = interval_of(bars.time, interval)
        name, symbol = names
        return Dataset(
            id=new_id(),
            name=name,
            symbol=symbol,
            interval=interval,
            timezone=zone.key,
            rows=len(bars),
            start=_moment(bars.time[0]),
            end=_moment(bars.time[-1]),
            sha256=sha256_of(bars),
            quality=quality_of(bars, interval, zone),
            created_at=self._clock.now(),
        )

    async def read(self, message: ReadDataset, call: Call) -> Answer:
        """Answer one dataset's description. Raises NotFound."""
        found = None
        if is_id(message.id):
            async with self._database.reading() as connection:
                found = await read_dataset(connection, message.id, call.user.user_id)
        if found is None:
            raise NotFound("There is no such dataset")
        dataset, version = found
        return Answer(dataset, {dataset_object(dataset.id): version})

    async def list_all(self, message: ListDatasets, call: Call) -> Answer:
        """Answer a page of the caller's datasets. Raises Malformed for a cursor of something else."""
        owner = call.user.user_id
        async with self._database.reading() as connection:
            page, version = await list_datasets(connection, owner, message)
        return Answer(page, {datasets_object(owner): version})


def _moment(nanoseconds: np.int64) -> datetime:
    return _EPOCH + timedelta(microseconds=int(nanoseconds) // 1000)
