"""A bus that misbehaves when it is told to: it holds its answers back, or hangs up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import hiredis


class FakeBus:
    """Answers each command that says SET with how many came before it; what a client says to log in, with OK.

    `clients` is how many have ever connected.
    """

    def __init__(self) -> None:
        self.url = ""
        self.commands: list[list[bytes]] = []
        self.hang_ups = 0
        self.clients = 0
        self.answering = asyncio.Event()
        self.answering.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client; instead of the next answers hang up, `hang_ups` times."""
        self.clients += 1
        parser = hiredis.Reader()
        try:
            while data := await reader.read(65536):
                parser.feed(data)
                while (command := parser.gets()) is not False:
                    await self._answer(command, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _answer(self, command: list[bytes], writer: asyncio.StreamWriter) -> None:
        if command[0] != b"SET":
            writer.write(b"+OK\r\n")
            return
        await self.answering.wait()
        if self.hang_ups:
            self.hang_ups -= 1
            raise ConnectionResetError
        writer.write(b":%d\r\n" % len(self.commands))
        self.commands.append(command)


@asynccontextmanager
async def fake_bus(port: int = 0) -> AsyncIterator[FakeBus]:
    """Run one, on any port that is free or on this."""
    bus = FakeBus()
    server = await asyncio.start_server(bus.serve, "127.0.0.1", port)
    host, port = server.sockets[0].getsockname()
    bus.url = f"redis://{host}:{port}"
    yield bus
    bus.answering.set()
    server.close()
