"""A small tree in which the launcher finds stand-ins for the services and the migrations, and a running launcher."""

import asyncio
import contextlib
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psutil

import deploy
from deploy.local.ports import free_ports
from tests.seconds import allowed

SERVICES = {
    "strategy": "STRATEGY_PORT",
    "backtest": "BACKTEST_PORT",
    "invalidator": "INVALIDATOR_PORT",
    "metrics": "METRICS_PORT",
    "gateway": "PORT",
}

# Nothing else of the surroundings may decide how a launcher under test behaves.
_INHERITED = ("PATH", "HOME", "TMPDIR", "AURELIUS_DEMO_DATA", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
# Whatever a launcher starts inherits this, so that it can be found when its parents are gone.
_MARK = "STAND_IN_RUN"

# Counts the starts in the database, so that a test can see whether the data was kept.
_MIGRATIONS = """
import asyncio, asyncpg, os, sys
async def migrate():
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    await connection.execute("CREATE TABLE IF NOT EXISTS starts (at timestamptz)")
    await connection.execute("INSERT INTO starts VALUES (now())")
    print("start number", await connection.fetchval("SELECT count(*) FROM starts"), "for", *sys.argv[1:])
if os.environ.get("STAND_IN_MIGRATIONS") == "broken":
    sys.exit("schema strategy: column missing")
if os.environ.get("STAND_IN_MIGRATIONS") != "skipped":
    asyncio.run(migrate())
"""

_SERVICE = """
import http.server, os, signal, subprocess, sys
manner = os.environ.get("STAND_IN_{upper}")
if manner == "broken":
    sys.exit("FEE_RATE=abc: must be a number")
if manner == "lacking":
    import a_package_that_is_not_installed
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(403)
    def log_message(self, *_):
        pass
print("up as", os.getpid(), "with", *sorted(os.environ))
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["{port}"])), Health).serve_forever()
"""


def make_tree(root: Path, *, real_migrations: bool = False) -> None:
    """Lay out a repository whose `deploy` is the real one, and on request its migrations."""
    repository = Path(deploy.__file__).parents[1]
    (root / "deploy").symlink_to(repository / "deploy")
    if real_migrations:
        (root / "shared").symlink_to(repository / "shared")
        for name in ("strategy", "backtest"):
            shutil.copytree(repository / f"services/{name}/migrations", root / f"services/{name}/migrations")
    else:
        _module(root / "shared/runtime/migrations", _MIGRATIONS)
        for part in ("contracts", "runtime/acl"):  # of which the launcher makes the users of the embedded servers
            (root / "shared" / part).symlink_to(repository / "shared" / part)
    for name, port in SERVICES.items():
        _module(root / "services" / name, _SERVICE.format(upper=name.upper(), port=port))


def _module(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__main__.py").write_text(text)


class Launcher:
    """A running launcher: its lines, its processes, its end."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        assert process.stdout is not None
        self.port = port
        self.lines: list[str] = []
        self._process = process
        self._stdout = process.stdout

    @property
    def pid(self) -> int:
        """Of the launcher itself."""
        return self._process.pid

    async def line_with(self, text: str, within: float = 20.0) -> str:
        """The next line that holds `text`."""
        async with asyncio.timeout(allowed(within)):
            while line := (await self._stdout.readline()).decode():
                self.lines.append(line.rstrip())
                if text in line:
                    return line.rstrip()
        raise AssertionError(f"the launcher ended without a line holding {text!r}:\n" + "\n".join(self.lines))

    def processes(self) -> dict[str, psutil.Process]:
        """What it started itself, by name."""
        # One that is ending has no command line any more.
        return {_name(child): child for child in psutil.Process(self.pid).children() if child.cmdline()}

    def family(self) -> list[psutil.Process]:
        """Everything below it."""
        return psutil.Process(self.pid).children(recursive=True)

    def signal(self, number: signal.Signals) -> None:
        """Send the launcher a signal."""
        self._process.send_signal(number)

    async def end(self, within: float = 5.0) -> int:
        """Its exit status; its output is read to the end."""
        async with asyncio.timeout(allowed(within)):
            rest, _ = await self._process.communicate()
        self.lines += rest.decode().splitlines()
        return self._process.returncode if self._process.returncode is not None else -1


@asynccontextmanager
async def launched(
    root: Path, environ: Mapping[str, str] | None = None, python: Sequence[str] = (sys.executable,)
) -> AsyncIterator[Launcher]:
    """A launcher in a tree of `make_tree`, without a demo, ended at the latest on leaving; nothing may be left of it.

    `python` is how Python is run.
    """
    (port,) = free_ports(1, "127.0.0.1")
    own = {"PORT": str(port), "DATA_DIR": str(root / "data"), "PYTHONUNBUFFERED": "1", "DEMO": "0", _MARK: uuid4().hex}
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(*python, "-m", "deploy.local"),
        cwd=root,
        env={**inherited, **own, **(environ or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    launcher = Launcher(process, port)
    try:
        yield launcher
    finally:
        if process.returncode is None:
            process.terminate()
            await launcher.end(within=10)
    assert left_of(_marked(own[_MARK]), within=1) == []


def _marked(run: str) -> list[psutil.Process]:
    """Every process of this machine that a launcher, or what it started, has started."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(_MARK) == run:
                found.append(process)
    return found


def left_of(processes: list[psutil.Process], within: float) -> list[psutil.Process]:
    """Those that still run after `within` seconds; the dead whom their parent has not collected yet do not."""
    deadline = time.monotonic() + allowed(within)
    return [process for process in processes if not _ended(process, max(0.0, deadline - time.monotonic()))]


def _ended(process: psutil.Process, within: float) -> bool:
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        readable, _, _ = select.select([descriptor], [], [], within)
    finally:
        os.close(descriptor)
    return bool(readable)


def _name(process: psutil.Process) -> str:
    command = process.cmdline() or [""]
    if "-m" in command:
        return command[command.index("-m") + 1].removeprefix("services.")
    if "valkey-server" in command[0]:
        return Path(process.cwd()).name
    return Path(command[0]).name
