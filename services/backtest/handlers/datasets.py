"""Datasets: ingesting an upload, reading, listing, deleting. What is another owner's is not found."""

import asyncio
import contextlib
import logging
import re
import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from services.backtest.core.ingest.description import Description
from services.backtest.core.ingest.names import names_of
from services.backtest.core.moments import moments
from services.backtest.files.csv_times import known_zone
from services.backtest.files.dataset_file import dataset_key
from services.backtest.ingest_messages import IngestJob
from services.backtest.ingest_pool import IngestPool
from services.backtest.spare_bars import delete_bars
from services.backtest.store import datasets as store
from shared.contracts.clock import Clock
from shared.contracts.errors import Conflict, Malformed, NotFound, Unavailable
from shared.contracts.events import DatasetCreated, DatasetDeleted, Event
from shared.contracts.ids import is_id, new_id
from shared.contracts.messages import DeleteDataset, IngestDataset, ListDatasets, ReadDataset
from shared.contracts.objects import dataset_object, datasets_object
from shared.contracts.values import Dataset
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database, Transaction
from shared.runtime.gone import not_found
from shared.runtime.objects import Objects
from shared.runtime.once import recorded
from shared.runtime.outbox import announce

log = logging.getLogger(__name__)

# What is left of a caller's time when the bars have been read: to store them and to answer.
STORING_SECONDS = 2.0
CPU_SECONDS = 5.0
CPU_SECONDS_PER_MIB = 1.0
# How often the file may be deleted, with the last other dataset of its content, between its storing and the row's.
TRIES = 5

_UPLOAD_KEY = re.compile(r"uploads/[0-9a-f-]{36}")


class DatasetHandlers:
    """Datasets. They are immutable; the bars of equal ones are stored once."""

    def __init__(self, database: Database, clock: Clock, objects: Objects, readers: IngestPool) -> None:
        self._database = database
        self._clock = clock
        self._objects = objects
        self._readers = readers

    async def ingest(self, message: IngestDataset, call: Call) -> Answer:
        """Validate and store the uploaded bars; the upload is deleted either way. Raises Invalid, TooLarge."""
        owner = call.user.user_id
        if not _UPLOAD_KEY.fullmatch(message.upload_key):
            raise Malformed("This is not the key of an upload")
        try:
            names_of(message.filename, message.name, message.symbol)
            zone = known_zone(message.timezone)
            with tempfile.TemporaryDirectory() as folder:
                bars = Path(folder, "bars.arrow")
                dataset = self._dataset(await self._read(message, bars, call), message, zone)
                return await self._store(dataset, bars, owner, call)
        finally:
            with contextlib.suppress(Unavailable):
                await self._objects.delete(message.upload_key)

    async def _read(self, message: IngestDataset, bars: Path, call: Call) -> Description:
        try:
            async with self._objects.as_file(message.upload_key) as upload:
                job = IngestJob(
                    upload=str(upload.resolve()),
                    bars=str(bars),
                    timezone=message.timezone,
                    interval=message.interval,
                    cpu_seconds=CPU_SECONDS + CPU_SECONDS_PER_MIB * upload.stat().st_size / 1024**2,
                )
                deadline = asyncio.get_running_loop().time() + call.seconds_left - STORING_SECONDS
                return await self._readers.read(job, deadline)
        except NotFound as error:
            raise Unavailable("The upload is gone; send it again") from error

    def _dataset(self, read: Description, message: IngestDataset, zone: ZoneInfo) -> Dataset:
        name, symbol = names_of(message.filename, message.name, message.symbol, read.symbol)
        start, end = moments(np.array([read.first, read.last]))
        return Dataset(
            id=new_id(),
            name=name,
            symbol=symbol,
            interval=read.interval,
            timezone=zone.key,
            rows=read.rows,
            start=start,
            end=end,
            sha256=read.sha256,
            quality=read.quality,
            notes=read.notes,
            created_at=self._clock.now(),
        )

    async def _store(self, dataset: Dataset, bars: Path, owner: str, call: Call) -> Answer:
        """Store the bars, and the row as long as they are there."""
        key = dataset_key(dataset.sha256)
        for _ in range(TRIES):
            # Over those that may be there, which are the same: so an upload mends what was damaged in the store.
            await self._objects.put(key, bars)
            async with self._database.transaction() as connection:
                await store.lock_content(connection, dataset.sha256)
                if await self._objects.exists(key):
                    await store.insert_dataset(connection, dataset, owner)
                    event = DatasetCreated(id=dataset.id, owner=owner, version=0)
                    versions = await self._announce(connection, event, call)
                    return await recorded(connection, call, Answer(dataset, versions))
        raise Unavailable("The bars were deleted as often as they were stored; send the upload again")

    async def read(self, message: ReadDataset, call: Call) -> Answer:
        """Answer one dataset's description. Raises NotFound."""
        found = None
        if is_id(message.id):
            async with self._database.reading() as connection:
                found = await store.read_dataset(connection, message.id, call.user.user_id)
                if found is None:
                    raise await not_found(connection, NO_DATASET, "datasets", message.id, dataset_object(message.id))
        if found is None:
            raise NotFound(NO_DATASET)
        dataset, version = found
        return Answer(dataset, {dataset_object(dataset.id): version})

    async def list_all(self, message: ListDatasets, call: Call) -> Answer:
        """Answer a page of the caller's datasets. Raises Malformed for a cursor of something else."""
        owner = call.user.user_id
        async with self._database.reading() as connection:
            page, version = await store.list_datasets(connection, owner, message)
        return Answer(page, {datasets_object(owner): version})

    async def delete(self, message: DeleteDataset, call: Call) -> Answer:
        """Delete a dataset, and the bars when they are no other one's. Raises NotFound, and Conflict without `force`.

        What refers to it stays, and keeps naming its content.
        """
        owner = call.user.user_id
        async with self._database.transaction() as connection:
            sha256 = await store.lock_dataset(connection, message.id, owner) if is_id(message.id) else None
            if sha256 is None:
                raise NotFound(NO_DATASET)
            references = await store.count_references(connection, message.id)
            if not references.any:
                await store.delete_dataset(connection, message.id)
            elif message.force:
                await store.disown_dataset(connection, message.id)
            else:
                raise Conflict(_in_the_way(references))
            event = DatasetDeleted(id=message.id, owner=owner, version=0)
            versions = await self._announce(connection, event, call)
            answer = await recorded(connection, call, Answer(None, versions))
        try:
            await delete_bars(self._database, self._objects, sha256)
        except Unavailable as error:
            log.warning("the bars %s of no dataset stay in the object store: %s", sha256, error)
        return answer

    async def _announce(self, connection: Transaction, event: Event, call: Call) -> dict[str, int]:
        objects = [dataset_object(event.id), datasets_object(event.owner)]
        return await announce(connection, event, objects, clock=self._clock, traceparent=call.traceparent)


NO_DATASET = "There is no such dataset"


def _in_the_way(references: store.References) -> str:
    counted = (
        (references.backtests, "backtest"),
        (references.sweeps, "sweep"),
        (references.validations, "validation"),
    )
    named = [f"{_counted(count)} {name}{'' if count == 1 else 's'}" for count, name in counted if count]
    one = sum(count for count, _ in counted) == 1
    return (
        f"{' and '.join(named)} {'refers' if one else 'refer'} to this dataset. With ?force=true it is deleted all the "
        "same: finished results stay readable and keep its sha256 in their run identity; what has not begun fails, and "
        "nothing can be run or verified on these bars again until they are uploaded anew"
    )


def _counted(count: int) -> str:
    return f"More than {store.MOST_COUNTED:,}" if count > store.MOST_COUNTED else str(count)
