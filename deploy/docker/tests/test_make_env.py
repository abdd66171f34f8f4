"""The generator of secrets."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.locks import ROOT
from deploy.tests.containers import make_env

SCRIPT = ROOT / "deploy/docker/make-env.sh"


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the script as a user does, in a folder."""
    return subprocess.run(["sh", SCRIPT, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_writes_env_for_its_owner_alone(tmp_path: Path) -> None:
    """Without an argument it is `.env`, which no other user can read."""
    assert run(tmp_path).returncode == 0
    assert [file.name for file in tmp_path.iterdir()] == [".env"]
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_never_overwrites(tmp_path: Path) -> None:
    """Secrets in use stay as they are, and the exit code says that nothing was made."""
    (tmp_path / ".env").write_text("SECRET_KEY=in use\n")
    again = run(tmp_path)
    assert again.returncode == 1
    assert "in use" in again.stderr
    assert (tmp_path / ".env").read_text() == "SECRET_KEY=in use\n"


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Nothing half-written, and not success."""
    assert run(tmp_path, "missing/.env").returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_all_secrets_are_long_random_and_different(tmp_path: Path) -> None:
    """32 random bytes each, in no two deployments the same; only Postgres' owner is named twice."""
    (tmp_path / "other").mkdir()
    here, there = make_env(tmp_path), make_env(tmp_path / "other")
    secrets = [value.rpartition("@")[0].rpartition(":")[2] or value for value in here.values()]
    assert all(len(secret) == 64 and int(secret, 16) > 0 for secret in secrets)
    assert len(set(secrets)) == len(secrets) - 1
    assert here["POSTGRES_PASSWORD"] in here["DATABASE_URL"]
    assert all(here[name] != there[name] for name in here)


@pytest.mark.parametrize("server", ["bus", "cache"])
def test_every_user_of_the_servers_can_log_in(tmp_path: Path, server: str) -> None:
    """What it writes is all that the servers' ACL files are made from: nobody but the nameless `default` is off."""
    command = [sys.executable, "-m", "shared.runtime.acl", server]
    made = subprocess.run(command, cwd=ROOT, env=make_env(tmp_path), capture_output=True, text=True, check=True)
    assert made.stderr == ""
    off = [line.split()[1] for line in made.stdout.splitlines() if line.endswith(" off")]
    assert off == ["default"]
