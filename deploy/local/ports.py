"""Which TCP ports the launcher hands out, and whether one that was asked for is free."""

import errno
import random
import socket
from collections.abc import Collection

from deploy.local.errors import StartError

_CANDIDATES = range(20_000, 32_768)
"""Below the range from which Linux takes ports for outgoing connections, so that none of those takes a port that was
handed out while its server is being restarted."""


def free_ports(count: int, host: str, but_not: Collection[int] = ()) -> list[int]:
    """Different ports that nobody listens on at `host`. Raises StartError when there are too few."""
    found: list[int] = []
    for port in random.SystemRandom().sample(_CANDIDATES, len(_CANDIDATES)):
        if len(found) == count:
            break
        if port not in but_not and _bind_error(host, port) is None:
            found.append(port)
    if len(found) < count:
        raise StartError(f"fewer than {count} free ports between {_CANDIDATES.start} and {_CANDIDATES.stop} on {host}")
    return found


def require_free(variable: str, host: str, port: int) -> None:
    """Raise StartError, naming the variable to change, when `port` cannot be listened on at `host`."""
    error = _bind_error(host, port)
    if error is None:
        return
    if error.errno == errno.EADDRINUSE:
        (another,) = free_ports(1, host)
        raise StartError(f"port {port} on {host} is in use. Stop what uses it, or choose another: {variable}={another}")
    where = f"cannot listen on HOST={host} {variable}={port}: {error.strerror or error}"
    if error.errno == errno.EACCES:
        raise StartError(f"{where}. Ports below 1024 may be root's alone: choose a higher one")
    raise StartError(f"{where}. HOST is an address of this machine: 127.0.0.1 for itself alone, 0.0.0.0 for all it has")


def _bind_error(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do: a port whose last connections are still in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        return error
    return None
