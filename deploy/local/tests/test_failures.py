"""What stops a start: each is told in a sentence that says what to do, with exit status 1, and leaves no process."""

import os
import signal
from pathlib import Path

import pytest

from deploy.local.tests.small_disk import fill, make_read_only, small_disk
from deploy.local.tests.stand_in import launched, make_tree

pytestmark = pytest.mark.integration

# Python runs it at each start: from then on the package is not there.
_WITHOUT = """
import sys
from importlib.machinery import PathFinder
class Without:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name.partition(".")[0] == {package!r} else PathFinder.find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    make_tree(tmp_path)
    return tmp_path


@pytest.fixture
def real_tree(tmp_path: Path) -> Path:
    """With the migrations of the services, in copies that a test may spoil."""
    make_tree(tmp_path, real_migrations=True)
    return tmp_path


async def started_and_stopped(tree: Path) -> None:
    """One start that works."""
    async with launched(tree) as launcher:
        await launcher.line_with("ready after", within=40)
        launcher.signal(signal.SIGTERM)
        assert await launcher.end() == 0


async def refusal(tree: Path, environ: dict[str, str] | None = None, within: float = 20.0) -> list[str]:
    """What is said from the launcher's last word on, of a start that must fail."""
    async with launched(tree, environ) as launcher:
        assert await launcher.end(within) == 1
    first = next(index for index, line in enumerate(launcher.lines) if "cannot start:" in line)
    assert launcher.lines[first].startswith("launcher    | cannot start: ")
    return launcher.lines[first:]


# --- the data folder ----------------------------------------


async def test_disk_that_is_full_at_the_first_start(tree: Path) -> None:
    """Before anything is made there: how much is free, and how much is needed."""
    with small_disk(tree / "data", mebibytes=8):
        (said,) = await refusal(tree)
        assert not (tree / "data/postgres").exists()
    assert "the disk is full: 8 MiB are free for" in said
    assert "32 MiB are needed. Free some space, or choose another folder: DATA_DIR=" in said


async def test_disk_with_room_for_everything_but_postgres(tree: Path) -> None:
    """Its log needs more room than all the rest; what is missing is told before it is found out half-way."""
    with small_disk(tree / "data", mebibytes=100):
        (said,) = await refusal(tree)
        assert not (tree / "data/postgres/data").exists()
    assert "192 MiB are needed" in said


@pytest.mark.parametrize("leave", [0, 48])
async def test_disk_that_is_full_at_a_later_start(tree: Path, leave: int) -> None:
    """Nothing is lost by the start that failed: with room again, it works."""
    with small_disk(tree / "data", mebibytes=512):
        await started_and_stopped(tree)
        fill(tree / "data", leave)
        (said,) = await refusal(tree)
        assert "the disk is full: " in said
        assert "DATA_DIR=" in said
        fill(tree / "data", leave_mebibytes=128)
        async with launched(tree) as launcher:
            await launcher.line_with("start number 2")
            await launcher.line_with("ready after")


async def test_disk_that_became_read_only(tree: Path) -> None:
    """As after an error of the disk, or in a container with a volume mounted so."""
    with small_disk(tree / "data", mebibytes=512):
        await started_and_stopped(tree)
        make_read_only(tree / "data")
        (said,) = await refusal(tree)
    assert "Read-only file system" in said
    assert "make it writable, or choose another folder: DATA_DIR=" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; test_normal_user does this as root's guest")
async def test_folder_that_may_not_be_written(tree: Path) -> None:
    """The file, the reason and the way out."""
    (tree / "data").mkdir(mode=0o500)
    (said,) = await refusal(tree)
    assert f"Permission denied: '{tree}/data/launcher.lock'. Start as the user it belongs to" in said
    assert "DATA_DIR=" in said


async def test_file_in_the_place_of_the_folder(tree: Path) -> None:
    """DATA_DIR names a file."""
    (tree / "data").write_text("")
    (said,) = await refusal(tree)
    assert f"{tree}/data is no folder. Choose another: DATA_DIR=" in said


async def test_folder_that_cannot_be(tree: Path) -> None:
    """DATA_DIR names a place where no folder can be made, whoever asks."""
    (said,) = await refusal(tree, {"DATA_DIR": "/proc/data"})
    assert "no folder can be made at /proc/data. Choose another: DATA_DIR=" in said


async def test_file_in_the_place_of_a_folder_within(tree: Path) -> None:
    """What it is in the way of, and what to do."""
    (tree / "data").mkdir(mode=0o700)
    (tree / "data/bus").write_text("")
    (said,) = await refusal(tree)
    assert f"'{tree}/data/bus'. It is in the place of a folder: move it away, or choose another" in said


async def test_lock_left_by_a_dead_launcher(tree: Path) -> None:
    """Neither its file nor the process number in it, which may be somebody else's by now, is an obstacle."""
    (tree / "data").mkdir(mode=0o700)
    for name in ("launcher.lock", "servers.lock"):
        (tree / "data" / name).write_text(str(os.getpid()))
    await started_and_stopped(tree)


async def test_secret_that_was_damaged(tree: Path) -> None:
    """A truncated password file is named; nothing is silently replaced."""
    await started_and_stopped(tree)
    (tree / "data/bus/passwords/gateway").write_text("")
    (said,) = await refusal(tree)
    assert "bus/passwords/gateway does not hold 64 hex digits. Restore it, or delete it" in said


# --- the environment ----------------------------------------


@pytest.mark.parametrize("package", ["asyncpg", "litestar"])
async def test_environment_that_lacks_a_package(tree: Path, package: str) -> None:
    """One of the launcher's own or of a service's: before anything starts, and without a traceback."""
    (tree / "without").mkdir()
    (tree / "without/sitecustomize.py").write_text(_WITHOUT.format(package=package))
    said = await refusal(tree, {"PYTHONPATH": str(tree / "without")})
    assert len(said) == 1
    assert f"lacks {package}: " in said[0]
    assert "make run" in said[0]
    assert not (tree / "data").exists()


async def test_service_that_lacks_a_package(tree: Path) -> None:
    """One that only shows when a service is started: the sentence says which, and what to do."""
    said = await refusal(tree, {"STAND_IN_GATEWAY": "lacking"})
    assert "gateway died 3 times while starting" in said[0]
    assert "lacks a_package_that_is_not_installed: " in said[0]
    assert "make run" in said[0]


# --- the schema ----------------------------------------


def add_migration(tree: Path, revision: str, statement: str) -> Path:
    """One more for the strategy service, after its newest."""
    versions = tree / "services/strategy/migrations/versions"
    newest = max(path.name.partition("_")[0] for path in versions.glob("[0-9]*.py"))
    path = versions / f"{revision}_added.py"
    path.write_text(
        f'from alembic import op\nrevision = "{revision}"\ndown_revision = "{newest}"\n'
        f"def upgrade() -> None:\n    op.execute({statement!r})\n"
    )
    return path


async def test_migration_that_fails(real_tree: Path) -> None:
    """Service and statement are named, no service is started on it; with the migration mended the next start works."""
    broken = add_migration(real_tree, "9998", "CREATE TABLE half AS SELECT 1 / 0 AS n")
    said = await refusal(real_tree, within=40)
    assert "the database schemas cannot be brought up to date" in said[0]
    assert any("services.strategy: division by zero, in: CREATE TABLE half AS" in line for line in said)
    assert not any("Traceback" in line for line in said)
    broken.unlink()
    add_migration(real_tree, "9998", "CREATE TABLE half (n int)")
    await started_and_stopped(real_tree)


async def test_data_of_a_newer_release(real_tree: Path) -> None:
    """A schema that this release does not know: it is left alone, and which release to start is told."""
    newer = add_migration(real_tree, "9999", "CREATE TABLE later (n int)")
    await started_and_stopped(real_tree)
    newer.unlink()
    said = await refusal(real_tree, within=40)
    assert any("schema strategy is at revision 9999" in line and "newer" in line for line in said)


async def test_data_of_another_postgres(tree: Path) -> None:
    """Made by another major version: what made it, and the way over, before the server is started."""
    await started_and_stopped(tree)
    (tree / "data/postgres/data/PG_VERSION").write_text("17\n")
    (said,) = await refusal(tree)
    assert "was made by Postgres 17, and this is Postgres 18, which cannot read it" in said
    assert "pg_dump" in said
