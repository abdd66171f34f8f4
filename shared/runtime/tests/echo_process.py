"""`python -m shared.runtime.tests.echo_process`: the echo service as a process, which can be made to fail."""

import asyncio
import time
from dataclasses import dataclass, field

from shared.runtime.bus.server import Answer, Call
from shared.runtime.service import Service
from shared.runtime.serving import run
from shared.runtime.settings import Port, Settings
from shared.runtime.tests.echo import Say

TAKEN = "test.taken"
RELEASED = "test.released"


@dataclass(frozen=True, kw_only=True)
class EchoSettings(Settings):
    """ECHO_PORT serves health. With ECHO_COPIES above 1 that many processes answer."""

    port: Port = field(default=0, metadata={"variable": "ECHO_PORT"})
    echo_copies: int = 1

    def copies(self) -> int:
        """Return how many processes there are."""
        return self.echo_copies


def compose(settings: EchoSettings) -> Service:
    """Return the service."""
    service = Service("echo", settings)
    worn_out = asyncio.Event()

    async def work() -> None:
        await worn_out.wait()
        raise LookupError("worn out")

    async def block() -> None:
        time.sleep(3600)  # the mistake that this stands for

    async def answer(message: Say, _: Call) -> Answer:
        """Say on the bus that the request was taken, then do what its text says."""
        await service.client.xadd(TAKEN, {"text": message.text})
        if message.text == "wear out":
            worn_out.set()
        if message.text == "held":
            while not await service.client.exists(RELEASED):
                await service.client.xread({RELEASED: "0"}, block=500)
        if message.text == "hang":
            await asyncio.Event().wait()
        if message.text == "block a thread":
            await asyncio.to_thread(time.sleep, 3600)
        if message.text == "block the stop":
            service.stopping(block)
        return Answer(message.text)

    service.background(work)
    service.requests().handle(Say, answer)
    return service


if __name__ == "__main__":
    run("echo", EchoSettings, compose)
