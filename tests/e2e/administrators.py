"""Administrators of a running system, made as the documents say."""

import asyncio
import re
import sys
import uuid

import httpx

from tests.e2e.journey import User
from tests.e2e.platform import PASSWORD, ROOT, Platform


async def made_admin(system: Platform, email: str) -> str:
    """Run the command of the document, for this platform; returns what it says."""
    text = (ROOT / "docs" / "deployment.md").read_text()
    found = re.search(r"Beside `make run`.*?```sh\n(.*?)```", text, re.DOTALL)
    assert found is not None
    command = found[1].replace(".data/", f"{system.data_dir}/").replace(".venv/bin/python", sys.executable)
    process = await asyncio.create_subprocess_shell(
        command.replace("you@example.com", email), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def logged_in(client: httpx.AsyncClient, email: str) -> User:
    """Log in."""
    login = await User(client, {}).call("POST", "/auth/login", 200, json={"email": email, "password": PASSWORD})
    return User(client, {"Authorization": f"Bearer {login.json()['access_token']}"})


async def administrator(system: Platform, client: httpx.AsyncClient) -> User:
    """Return a fresh account that is one, logged in."""
    email = f"{uuid.uuid4().hex}@example.com"
    account = {"email": email, "password": PASSWORD, "name": "A"}
    await User(client, {}).call("POST", "/auth/register", 201, json=account)
    await made_admin(system, email)
    return await logged_in(client, email)
