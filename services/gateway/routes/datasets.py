"""Datasets: upload bars, list them, read their description and their bars, delete them."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, delete, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery, MultipartBody, QueryParameter

from services.gateway.core.etags import etag_of
from services.gateway.guards import form_body, guard
from services.gateway.idempotency import Repeatable, readable_key, repeatable
from services.gateway.notes import notes_of
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway, check_if_match, written
from services.gateway.routes.bars import bars_route
from services.gateway.routes.paging import page
from shared.contracts import messages, values
from shared.contracts.errors import InputError, Invalid, Unavailable
from shared.contracts.ids import new_id
from shared.contracts.objects import dataset_object, datasets_object
from shared.runtime.objects import Objects

CHUNK = 1024 * 1024
INGEST_SECONDS = 60.0


class DatasetUpload(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A multipart form: the file, and what to call it. `interval` (1d, 1h, 1m) is inferred when absent."""

    file: UploadFile
    name: str | None = None
    symbol: str | None = None
    interval: str | None = None
    timezone: str | None = None


def dataset_routes(gateway: Gateway, objects: Objects, max_upload_bytes: int) -> Router:
    """Return the routes under /datasets."""

    @post(
        "/",
        responses=repeatable(PROBLEMS),
        summary="Upload bars as CSV, plain or gzip, or Parquet",
        status_code=201,
        request_max_body_size=max_upload_bytes,
        guards=[guard(form_body, readable_key)],
        operation_class=Repeatable,
    )
    async def upload(
        request: Request[Any, Any, Any],
        data: MultipartBody[DatasetUpload],
    ) -> Response[values.Dataset]:
        message = _message(data, f"uploads/{new_id()}")
        digest = hashlib.sha256() if notes_of(request).idempotency_key else None
        try:
            await objects.put_stream(message.upload_key, _chunks(data.file, digest))
            if digest is not None:
                message = msgspec.structs.replace(message, content_sha256=digest.hexdigest())
            reply = await gateway.create(request, message, notes_of(request).caller, seconds=INGEST_SECONDS)
        finally:
            # Whoever has read it has deleted it; a repeat is answered without that it is read.
            with contextlib.suppress(Unavailable):
                await objects.delete(message.upload_key)
        stored = msgspec.json.decode(reply.body, type=values.Dataset)
        return written(request, reply, 201, location=f"/api/v1/datasets/{stored.id}")

    @get("/", responses=PROBLEMS, summary="List datasets, newest first")
    async def list_all(
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, QueryParameter(max_length=2048)] = None,
    ) -> Response[values.DatasetPage]:
        message = messages.ListDatasets(limit=limit, cursor=cursor)
        return await page(gateway, request, message, datasets_object(notes_of(request).caller.user_id))

    @get("/{dataset_id:str}", responses=PROBLEMS, summary="Read a dataset's description")
    async def read(request: Request[Any, Any, Any], dataset_id: FromPath[str]) -> Response[values.Dataset]:
        return await gateway.read_entity(
            request, messages.ReadDataset(id=dataset_id), dataset_id, dataset_object, "doc"
        )

    @delete(
        "/{dataset_id:str}",
        responses=PROBLEMS,
        summary="Delete a dataset; with force although results refer to it, which stay readable",
        status_code=204,
    )
    async def remove(
        request: Request[Any, Any, Any], dataset_id: FromPath[str], force: FromQuery[bool] = False
    ) -> Response[None]:
        await _check_tag(gateway, request, dataset_id)
        message = messages.DeleteDataset(id=dataset_id, force=force)
        return written(request, await gateway.ask(request, message, notes_of(request).caller), 204)

    bars = bars_route(gateway, objects)
    return Router("/datasets", route_handlers=[upload, list_all, read, bars, remove], tags=["Datasets"])


async def _check_tag(gateway: Gateway, request: Request[Any, Any, Any], dataset_id: str) -> None:
    """Raise PreconditionFailed unless If-Match, when it is sent, names the dataset, which never changes."""
    wanted = request.headers.get("if-match", "")
    if wanted and wanted.strip() != "*":
        reply = await gateway.ask(request, messages.ReadDataset(id=dataset_id), notes_of(request).caller)
        check_if_match(request, etag_of(reply.body))


def _message(data: DatasetUpload, key: str) -> messages.IngestDataset:
    """Build the request from the form's fields. Raises Invalid naming the field."""
    given = {
        name: value for name in ("name", "symbol", "interval", "timezone") if (value := getattr(data, name)) is not None
    }
    try:
        return msgspec.convert({"upload_key": key, "filename": data.file.filename, **given}, messages.IngestDataset)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$.")
        pointer = "/" + place.rstrip("`")
        if pointer == "/interval":
            text = "write a number from 1 to 9999 and a unit, s, m, h, d or w, such as 1d or 15m"
        raise Invalid(f"{pointer}: {text}", errors=(InputError(pointer, text),)) from error


async def _chunks(file: UploadFile, digest: "hashlib._Hash | None") -> AsyncIterator[bytes]:
    """Yield the file's bytes, and put them into `digest` on the way."""
    while chunk := await file.read(CHUNK):
        if digest is not None:
            digest.update(chunk)
        yield chunk
