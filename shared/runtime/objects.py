"""The object store: uploads, datasets, results, answers too large for the bus. A folder, or S3, GCS, Azure by URL."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from shared.contracts.errors import NotFound, Unavailable
from shared.runtime import addresses, context
from shared.runtime.environment import SettingsError
from shared.runtime.tracing.bus_spans import refused
from shared.runtime.tracing.object_spans import asking_for

if TYPE_CHECKING:
    from shared.runtime.tracing.tracer import Tracer


class Objects:
    """Whole objects by key. Keys are `/`-separated; a put replaces what is there, all or nothing.

    Raises SettingsError for a store that cannot be: a folder that cannot be written, a store without its credentials.
    With a `tracer` what is asked of it is a span.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.tracer: Tracer | None = None
        self.folder: Path | None = None
        self._store: ObjectStore
        if parts.scheme == "file":
            self.folder = _writable(Path(url2pathname(parts.path)))
            self._store = LocalStore(self.folder)
        else:
            try:
                self._store = from_url(url)
            except (BaseError, ValueError) as error:
                # What the library says of a URL repeats it, and there may be a key in it.
                raise SettingsError(
                    f"OBJECT_STORE_URL {addresses.OBJECTS}, with the provider's own variables set"
                ) from error

    async def put(self, key: str, content: bytes | Path) -> None:
        """Store bytes, or a file's content streamed. Raises Unavailable."""
        with self._spanned("put", key):
            try:
                await obstore.put_async(self._store, key, content)
            except (BaseError, OSError) as error:
                raise Unavailable("The object store does not take the data") from error

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Store what `chunks` yields, without holding it whole in memory. Raises Unavailable."""
        with self._spanned("put", key):
            try:
                await obstore.put_async(self._store, key, chunks)
            except (BaseError, OSError) as error:
                raise Unavailable("The object store does not take the data") from error

    async def get(self, key: str) -> bytes:
        """Return an object's bytes. Raises NotFound or Unavailable."""
        with self._spanned("get", key):
            try:
                result = await obstore.get_async(self._store, key)
                return bytes(await result.bytes_async())
            except FileNotFoundError as error:
                raise NotFound(f"There is no object {key}") from error
            except (BaseError, OSError) as error:
                raise Unavailable("The object store does not answer") from error

    async def exists(self, key: str) -> bool:
        """Say whether there is such an object. Raises Unavailable."""
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise Unavailable("The object store does not answer") from error
        return True

    @asynccontextmanager
    async def as_file(self, key: str) -> AsyncIterator[Path]:
        """Lend an object as a file to read: in a folder the object itself, else a copy that goes away afterwards.

        Raises NotFound or Unavailable.
        """
        if self.folder is not None:
            path = self.folder / key
            if not path.is_file():
                raise NotFound(f"There is no object {key}")
            yield path
            return
        with tempfile.NamedTemporaryFile() as copy:
            with self._spanned("get", key):
                try:
                    result = await obstore.get_async(self._store, key)
                    async for chunk in result.stream():
                        copy.write(chunk)
                except FileNotFoundError as error:
                    raise NotFound(f"There is no object {key}") from error
                except (BaseError, OSError) as error:
                    raise Unavailable("The object store does not answer") from error
            copy.flush()
            yield Path(copy.name)

    async def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error. Raises Unavailable."""
        with self._spanned("delete", key):
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                return
            except (BaseError, OSError) as error:
                raise Unavailable("The object store does not answer") from error

    async def delete_all(self, prefix: str, *, but: str = "") -> None:
        """Delete every object under `prefix`, which ends with `/`, but the one of the key `but`. Raises Unavailable."""
        with self._spanned("delete", prefix):
            try:
                async for found in obstore.list(self._store, prefix):
                    if paths := [entry["path"] for entry in found if entry["path"] != but]:
                        await obstore.delete_async(self._store, paths)
            except (BaseError, OSError) as error:
                raise Unavailable("The object store does not answer") from error

    async def delete_older(self, prefix: str, moment: datetime, most: int | None = None) -> int:
        """Delete what is under `prefix` and was stored before an aware `moment`, `most` at most; return how many.

        Several processes may do so at once. Raises Unavailable.
        """
        removed = 0
        async for keys in self.older(prefix, moment):
            for key in keys[: None if most is None else most - removed]:
                await self.delete(key)
                removed += 1
            if removed == most:
                break
        return removed

    async def older(self, prefix: str, moment: datetime) -> AsyncIterator[list[str]]:
        """Yield the keys of what is under `prefix` and was stored before an aware `moment`. Raises Unavailable."""
        try:
            async for found in obstore.list(self._store, prefix):
                if keys := [entry["path"] for entry in found if entry["last_modified"] < moment]:
                    yield keys
        except (BaseError, OSError) as error:
            raise Unavailable("The object store does not answer") from error

    @contextmanager
    def _spanned(self, operation: str, key: str) -> Iterator[None]:
        """Make a span of the block, if it is part of a trace."""
        handling = context.current()
        if self.tracer is None or not handling.traceparent:
            yield
            return
        span = asking_for(self.tracer, operation, key, handling)
        try:
            yield
        except Exception as error:
            refused(span, error)
            raise
        finally:
            span.end()


def _writable(folder: Path) -> Path:
    """Return the folder, made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise SettingsError(
            f"DATA_DIR or OBJECT_STORE_URL must lead to a folder that can be written; {folder}: {error.strerror}"
        ) from error
