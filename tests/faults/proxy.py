"""A TCP proxy in front of one server, in which a network fails: cut connections, silence, delay."""

import asyncio
import socket
import struct
from collections import deque
from typing import cast

_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends a reset (tcp(7))."""
CONNECT_SECONDS = 5.0
SUBSCRIBE = b"SUBSCRIBE"
"""The word that tells a connection over which a server speaks of itself."""


class Proxy:
    """Passes bytes between whoever connects to `port` of 127.0.0.1 and `target`, unless it is told to fail.

    `port` is a free one, known from `start` on. `target` is another of 127.0.0.1, and may be changed: connections made
    afterwards go to the new one.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self.target = target
        self.delay = 0.0
        self.held: dict[bytes, float] = {}
        """Words, and for how many seconds what a client sends with one of them, and all after it, is held back."""
        self._silent = False
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Link(self).near, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more, and end every connection."""
        if self._server is not None:
            self._server.close()
            for link in list(self._links):
                link.abort()
            await self._server.wait_closed()

    @property
    def connections(self) -> int:
        """How many there are, silent ones included."""
        return len(self._links)

    def reset(self) -> None:
        """End every connection with a reset on both sides; new ones work."""
        for link in list(self._links):
            link.abort()

    def fall_silent(self) -> None:
        """Pass nothing from now on, nor the end of a connection: both sides believe that they are connected.

        What is connected now stays silent for ever; what connects before `speak` is accepted and hears nothing.
        """
        self._silent = True
        for link in self._links:
            link.silent = True

    def forget(self, word: bytes = b"") -> None:
        """Pass nothing of the connections that there are, as a firewall that has forgotten them; new ones work.

        With `word` only of those whose client has sent it.
        """
        for link in self._links:
            link.silent = link.silent or word in link.words

    def speak(self) -> None:
        """Pass the bytes of connections made from now on."""
        self._silent = False

    def began(self, link: "_Link") -> None:
        """Note a connection."""
        link.silent = self._silent
        self._links.add(link)

    def ended(self, link: "_Link") -> None:
        """Forget a connection."""
        self._links.discard(link)


class _Link:
    """One connection: the end that was accepted (`near`) and the one to the target (`far`)."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.silent = False
        self.words = {b""}
        self.near = _End(self)
        self.far = _End(self)
        self.near.other, self.far.other = self.far, self.near
        self._connecting: asyncio.Task[None] | None = None

    def accepted(self) -> None:
        """Connect to the target, unless nobody is to hear of it."""
        self.proxy.began(self)
        if not self.silent:
            self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(lambda: self.far, "127.0.0.1", self.proxy.target)
        except (OSError, TimeoutError):
            self.abort()

    def abort(self) -> None:
        """Reset both sides."""
        self.silent = False
        if self._connecting is not None:
            self._connecting.cancel()
        for end in (self.near, self.far):
            end.abort()
        self.proxy.ended(self)


class _End(asyncio.Protocol):
    """One end of a link; what it receives goes out of the `other`, in order, after the proxy's delay."""

    other: "_End"

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[bytes] = deque()  # came before this end was connected
        self._due = 0.0
        self._later = 0
        self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        if self is self._link.near:
            self._link.accepted()
        while self._waiting:
            self._transport.write(self._waiting.popleft())
        if self._over:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._link.silent:
            return
        if self is self._link.near and SUBSCRIBE in data:
            self._link.words.add(SUBSCRIBE)
        held = self._link.proxy.held if self is self._link.near else {}
        self.other.send(data, max((seconds for word, seconds in held.items() if word in data), default=0.0))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._over = True
        if not self._link.silent:
            self.other.finish()
        if self.other.is_over:
            self._link.proxy.ended(self._link)

    def pause_writing(self) -> None:
        if self.other._transport is not None:
            self.other._transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other._transport is not None:
            self.other._transport.resume_reading()

    @property
    def is_over(self) -> bool:
        """Whether it will send no more."""
        return self._over

    def send(self, data: bytes, held: float = 0.0) -> None:
        """Send what the other end received, `held` back for so many seconds at least."""
        delay = max(held, self._link.proxy.delay)
        if not delay and not self._later:
            self._write(data)
            return
        # Never before what came earlier, though the delay is gone meanwhile.
        loop = asyncio.get_running_loop()
        self._due = max(self._due + 1e-6, loop.time() + delay)
        self._later += 1
        loop.call_at(self._due, self._write_later, data)

    def finish(self) -> None:
        """Send what is still to be sent, and close."""
        self._over = True
        if self._later == 0 and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close with a reset."""
        self._over = True
        if self._transport is not None:
            endpoint = self._transport.get_extra_info("socket")
            if endpoint is not None:
                endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            self._transport.abort()

    def _write_later(self, data: bytes) -> None:
        self._later -= 1
        self._write(data)
        if self._over and self._later == 0 and self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._link.silent:
            return
        if self._transport is None:
            if not self._over:
                self._waiting.append(data)
        else:
            self._transport.write(data)
