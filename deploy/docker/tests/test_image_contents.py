"""Each image's lock holds what its code imports, and nothing that is there for another service."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.locks import FOLDER, IMAGES, ROOT

PACKAGES = {name: [f"services.{name}"] for name in IMAGES if name != "migrate"}
PACKAGES["migrate"] = ["shared.runtime.migrations", "shared.runtime.acl", "services.strategy.migrations"]
PACKAGES["migrate"] += ["services.backtest.migrations", "cli"]
# What every service stands on; migrations need only part of it. Those of traces are imported when there are any.
COMMON = {"faststream", "redis", "msgspec", "granian", "uvloop", "psutil"}
COMMON |= {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"}


def direct(lock: str) -> set[str]:
    """The distributions that pyproject.toml itself asks for, as the lock's notes tell."""
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / FOLDER / f"{lock}.txt").read_text())
    return {block.partition("==")[0] for block in blocks if "aurelius (pyproject.toml)" in block}


def imported(lock: str, packages: list[str]) -> "subprocess.CompletedProcess[str]":
    """Import packages under a lock."""
    script = Path(__file__).with_name("locked_imports.py")
    command = [sys.executable, str(script), str(ROOT / FOLDER / f"{lock}.txt"), *packages]
    return subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_exactly_what_its_code_imports(image: str) -> None:
    """With its lock alone every module can be imported, and each thing asked for is imported by some module."""
    run = imported(image, PACKAGES[image])
    assert run.returncode == 0, run.stderr
    assert direct(image) - COMMON <= set(run.stdout.split())


@pytest.mark.parametrize(
    ("image", "absent"),
    [
        ("gateway", {"asyncpg", "sqlalchemy", "alembic", "numba", "numpy", "pyarrow", "argon2-cffi"}),
        ("strategy", {"sqlalchemy", "alembic", "numba", "numpy", "pyarrow", "litestar"}),
        ("backtest", {"sqlalchemy", "alembic", "argon2-cffi", "pyjwt", "litestar"}),
        ("invalidator", {"asyncpg", "obstore", "numba", "numpy", "litestar"}),
        ("metrics", {"asyncpg", "sqlalchemy", "numba", "numpy", "litestar"}),
        ("migrate", {"numba", "numpy", "pyarrow", "obstore", "litestar"}),
    ],
)
def test_no_image_holds_what_another_service_is_for(image: str, absent: set[str]) -> None:
    """Least of all the one that faces the internet: it has nothing to reach a database with."""
    locked = re.findall(r"^([a-z0-9.-]+)==", (ROOT / FOLDER / f"{image}.txt").read_text(), flags=re.MULTILINE)
    assert locked
    assert not absent & set(locked)


def test_a_package_outside_the_lock_is_refused() -> None:
    """The check can fail: the gateway's code does not import under the invalidator's lock."""
    run = imported("invalidator", ["services.gateway"])
    assert run.returncode == 1
    assert "which the lock does not name" in run.stderr
