"""A gateway and a service that does so much a second, asked for more: a client that does not wait for answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from faststream.asgi.types import ASGIApp

from services.gateway.app import compose
from services.gateway.settings import GatewaySettings
from services.gateway.tests.fakes import SECRET, token_of
from shared.contracts.ids import new_id
from shared.contracts.messages import ReadStrategy
from shared.runtime.bus.server import Answer, Call
from shared.runtime.service import Service
from shared.runtime.settings import Settings

WORK = 0.02
"""Seconds that a request takes, one after the other: fifty a second."""
ALICE = new_id()


class Told(NamedTuple):
    """One answer: when it was asked for, its status, its headers, and the gateway's own seconds for it."""

    asked: float
    status: int
    headers: dict[bytes, bytes]
    seconds: float


@asynccontextmanager
async def bound_service(bus_url: str, folder: Path) -> AsyncIterator[Service]:
    """Run a gateway, without a cache, and the service; lend the gateway."""
    turn = asyncio.Lock()

    async def handler(message: ReadStrategy, _: Call) -> Answer:
        async with turn:
            await asyncio.sleep(WORK)
        return Answer({"id": message.id})

    service = Service("strategy", Settings(bus_url=bus_url))
    service.requests().handle(ReadStrategy, handler)
    settings = GatewaySettings(bus_url=bus_url, secret_key=SECRET, data_dir=folder, redis_enabled=False)
    gateway = compose(settings)
    async with service.running(), gateway.running():
        yield gateway


@asynccontextmanager
async def metronome() -> AsyncIterator[list[float]]:
    """Work for WORK again and again; lend the moments at which each was done."""
    beats: list[float] = []

    async def beat() -> None:
        while True:
            await asyncio.sleep(WORK)
            beats.append(time.monotonic())

    task = asyncio.create_task(beat())
    try:
        yield beats
    finally:
        task.cancel()


async def ask(application: ASGIApp) -> Told:
    """Read a strategy, without a client's own cost: hundreds a second must not be what is measured."""
    token = [(name.lower().encode(), value.encode()) for name, value in token_of(ALICE).items()]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": f"/api/v1/strategies/{ALICE}", "raw_path": b"", "query_string": b"", "root_path": "",
        "headers": token, "client": ("127.0.0.1", 1), "server": ("gateway", 80),
    }  # fmt: skip
    told: list[Told] = []
    asked = time.monotonic()

    async def receive() -> Any:  # any ASGI event
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:  # any ASGI event
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            told.append(Told(asked, message["status"], headers, float(headers[b"x-process-time"])))

    await application(scope, receive, send)
    return told[0]


async def offer(application: ASGIApp, per_second: int, seconds: float) -> list[Told]:
    """Ask so often, whatever is answered; the answers in the order of the requests."""
    started, asking = time.monotonic(), []
    for number in range(int(per_second * seconds)):
        await asyncio.sleep(started + number / per_second - time.monotonic())
        asking.append(asyncio.create_task(ask(application)))
    return await asyncio.gather(*asking)
