"""`python -m shared.runtime.tests.echo_process`: the echo service as a process, which can be made to fail."""

import asyncio
import os
import signal
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


async def wait_for_release(service: Service) -> None:
    """Return when the test has let all go that are held."""
    while not await service.client.exists(RELEASED):
        await service.client.xread({RELEASED: "0"}, block=500)


async def die(_: Service) -> None:
    """End this process as a crash would."""
    os.kill(os.getpid(), signal.SIGKILL)


async def hang(_: Service) -> None:
    """Never return."""
    await asyncio.Event().wait()


async def block_a_thread(_: Service) -> None:
    """Occupy a thread that nobody can interrupt."""
    await asyncio.to_thread(time.sleep, 3600)


async def block_the_stop(service: Service) -> None:
    """Have the stop meet with a mistake."""

    async def block() -> None:
        time.sleep(3600)  # the mistake that this stands for

    service.stopping(block)


DOES = {
    "held": wait_for_release,
    "die": die,
    "hang": hang,
    "block a thread": block_a_thread,
    "block the stop": block_the_stop,
}


def compose(settings: EchoSettings) -> Service:
    """Return the service."""
    service = Service("echo", settings)
    worn_out = asyncio.Event()

    async def work() -> None:
        await worn_out.wait()
        raise LookupError("worn out")

    async def answer(message: Say, _: Call) -> Answer:
        """Say on the bus that the request was taken, then do what its text says, but for a number at its end."""
        await service.client.xadd(TAKEN, {"text": message.text, "pid": os.getpid()})
        if message.text == "wear out":
            worn_out.set()
        if (do := DOES.get(message.text.rstrip(" 0123456789"))) is not None:
            await do(service)
        return Answer(message.text)

    service.background(work)
    service.requests().handle(Say, answer)
    return service


if __name__ == "__main__":
    run("echo", EchoSettings, compose)
