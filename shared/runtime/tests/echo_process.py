"""`python -m shared.runtime.tests.echo_process`: the echo service as a process of its own."""

from dataclasses import dataclass

from faststream.asgi.types import ASGIApp

from shared.runtime.bus.server import Answer, Call
from shared.runtime.service import Service
from shared.runtime.serving import main
from shared.runtime.settings import Port, Settings
from shared.runtime.tests.echo import Say

TAKEN = "test.taken"
RELEASED = "test.released"


@dataclass(frozen=True, kw_only=True)
class EchoSettings(Settings):
    """`echo_port` serves health."""

    echo_port: Port = 0


def build(settings: EchoSettings) -> tuple[ASGIApp, int]:
    """Return the application and its port."""
    service = Service("echo", settings)

    async def hold(message: Say, _: Call) -> Answer:
        """Say on the bus that the request was taken; answer when the bus says so."""
        await service.client.xadd(TAKEN, {"text": message.text})
        while message.text == "held" and not await service.client.exists(RELEASED):
            await service.client.xread({RELEASED: "0"}, block=500)
        return Answer(message.text)

    service.requests().handle(Say, hold)
    return service.asgi(), settings.echo_port


if __name__ == "__main__":
    main("echo", EchoSettings, build)
