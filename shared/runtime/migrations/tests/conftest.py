"""A folder of packages, and accounts that the tests' server does not know yet."""

import sys
import uuid
from pathlib import Path

import pytest

from tests.databases import execute, with_account


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that packages are imported from."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two releases within one second would share it
    return tmp_path


@pytest.fixture
def role() -> str:
    """A name that no role of the server has. Roles are the server's, and outlive a test's database."""
    return f"role_{uuid.uuid4().hex}"


@pytest.fixture
def role_url(owner_url: str, role: str) -> str:
    """Where a service logs in as it."""
    return with_account(owner_url, role, "its-password")


@pytest.fixture
async def maker_url(owner_url: str) -> str:
    """The database for an owner who is no superuser, and may make roles."""
    return await _owner(owner_url, "CREATEROLE")


@pytest.fixture
async def plain_url(owner_url: str) -> str:
    """The database for an owner who is no superuser, and may not make roles."""
    return await _owner(owner_url, "")


async def _owner(superuser_url: str, attributes: str) -> str:
    name = f"owner_{uuid.uuid4().hex}"
    await execute(superuser_url, f"CREATE ROLE {name} LOGIN {attributes} PASSWORD 'owns'")
    await execute(superuser_url, f"GRANT CREATE ON DATABASE {superuser_url.rpartition('/')[2]} TO {name}")
    return with_account(superuser_url, name, "owns")
