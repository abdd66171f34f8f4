"""The locks in requirements/: written from pyproject.toml, or compared with it.

    python -m deploy.locks            write them (`make lock`)
    python -m deploy.locks --check    fail when pyproject.toml asks for something they do not hold (`make check`)

Versions that are locked stay as they are as long as they satisfy pyproject.toml: new releases change nothing. To take a
new release, delete its lines from the locks first.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = Path("requirements")

# The images of deploy/docker. Each holds the extra of its name.
IMAGES = ("gateway", "strategy", "backtest", "invalidator", "metrics", "migrate")

_COMPILE = [sys.executable, "-m", "uv", "pip", "compile", "--no-config", "--quiet"]
_COMPILE += ["--universal", "--python-version=3.11", "--generate-hashes"]
_COMPILE += ["--no-header"]  # it would repeat this command, with the paths of whoever ran it


@dataclass(frozen=True, slots=True)
class Lock:
    """One file of FOLDER, and what uv makes it from. `stdin` is the text of requirements, where `-` is the source."""

    name: str
    source: Sequence[str]
    stdin: str = ""


def all_locks(pyproject: str) -> list[Lock]:
    """What `make run` installs, what `make test` and `make check` add, what `make bench` adds, the demo data alone, and
    each image's part.
    """
    demo = tomllib.loads(pyproject)["project"]["optional-dependencies"]["demo"]
    same_versions = ["--constraint", str(FOLDER / "run.txt")]
    return [
        Lock("run.txt", ["--extra=run", "pyproject.toml"]),
        Lock("dev.txt", ["--extra=run", "--extra=check", *same_versions, "pyproject.toml"]),
        Lock("bench.txt", ["--extra=run", "--extra=test", "--extra=bench", *same_versions, "pyproject.toml"]),
        Lock("demo.txt", ["--no-deps", "--no-annotate", "-"], "\n".join(demo)),
        *(Lock(f"{image}.txt", [f"--extra={image}", *same_versions, "pyproject.toml"]) for image in IMAGES),
    ]


def compile_lock(lock: Lock, target: Path) -> None:
    """Write `target`, keeping the versions it holds already. Raises CalledProcessError, after uv has said why."""
    command = [*_COMPILE, f"--output-file={target}", *lock.source]
    subprocess.run(command, input=lock.stdin, text=True, cwd=ROOT, check=True)  # noqa: S603 - our own words only


def outdated(locks: Sequence[Lock], compile_one: Callable[[Lock, Path], None]) -> list[str]:
    """The names of locks that would come out with other packages, versions or reasons."""
    with tempfile.TemporaryDirectory() as temporary:
        return [lock.name for lock in locks if _differs(lock, Path(temporary, lock.name), compile_one)]


def _differs(lock: Lock, fresh: Path, compile_one: Callable[[Lock, Path], None]) -> bool:
    current = ROOT / FOLDER / lock.name
    shutil.copy(current, fresh)
    compile_one(lock, fresh)
    return _without_hashes(current.read_text()) != _without_hashes(fresh.read_text())


def _without_hashes(text: str) -> list[str]:
    """A release may gain wheels for further systems after it was locked; that does not make a lock wrong."""
    return [line.rstrip(" \\") for line in text.splitlines() if not line.lstrip().startswith("--hash=")]


def main(arguments: list[str]) -> str | None:
    """The message to end with, None when all is well."""
    locks = all_locks((ROOT / "pyproject.toml").read_text())
    if arguments == ["--check"]:
        changed = outdated(locks, compile_lock)
        return f"{', '.join(changed)} in {FOLDER}/ do not match pyproject.toml: run `make lock`" if changed else None
    for lock in locks:
        compile_lock(lock, ROOT / FOLDER / lock.name)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
