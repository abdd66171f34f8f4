"""A kept-alive HTTP/1.1 connection with at most one request on it; nothing it does waits."""

import errno
import os
import socket

from cli.load.incoming import Incoming
from cli.load.wire import Answer, Broken, Request

_READ = 1 << 18


class Connection:
    """Opened when it is first used, and again when the server has closed it.

    `request` is the one on its way and `due` when that was due; `freed` is when the one before was answered. Times are
    those of the caller's clock.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._unsent = memoryview(b"")
        self._incoming = Incoming()
        self.request: Request | None = None
        self.due = 0.0
        self.freed = 0.0

    def fileno(self) -> int:
        """Return the socket's descriptor. Raises Broken."""
        if self._socket is None:
            raise Broken("not open")
        return self._socket.fileno()

    def close(self) -> None:
        """Close it; it may be used again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, request: Request, due: float) -> bool:
        """Begin to send a request; return whether a connection that had been open before had to be opened anew.

        Raises Broken.
        """
        self.request, self.due = request, due
        self._incoming = Incoming()
        self._unsent = memoryview(request.wire)
        lost = self._socket is not None and self._has_ended()
        if self._socket is None or lost:
            self._open()
        self.flush()
        return lost

    @property
    def sending(self) -> bool:
        """Whether a part of the request could not be sent yet."""
        return bool(self._unsent)

    def flush(self) -> None:
        """Send what the server takes at the moment. Raises Broken."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._opened().send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            raise Broken(_reason(error)) from error

    def receive(self) -> Answer | None:
        """Take what has come; return the answer when that was the last of it. Raises Broken."""
        try:
            part = self._opened().recv(_READ)
        except BlockingIOError:
            return None
        except OSError as error:
            raise Broken(_reason(error)) from error
        answer = self._incoming.take(part) if part else self._incoming.end()
        # Who was answered before all of the request was sent could only go on with the rest of it.
        if answer is not None and (self._incoming.is_last or self.sending):
            self.close()
        return answer

    def _open(self) -> None:
        self.close()
        self._socket = socket.socket(socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        result = self._socket.connect_ex(self._address)
        if result not in {0, errno.EINPROGRESS}:
            raise Broken(_reason(OSError(result, os.strerror(result))))

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise Broken("not open")
        return self._socket

    def _has_ended(self) -> bool:
        """Whether the server has closed it, or said what it was not asked for, while nothing was on it."""
        try:
            self._opened().recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            pass  # it is broken
        return True


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
