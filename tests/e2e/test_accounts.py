"""An account from its opening to its closing, and what an administrator does with it."""

import uuid

import httpx
import pytest

from tests.e2e.administrators import made_admin
from tests.e2e.journey import SMA_CROSS, User
from tests.e2e.platform import PASSWORD, Platform

pytestmark = pytest.mark.e2e

OTHER = "another horse, another battery"


async def opened(client: httpx.AsyncClient) -> str:
    """Open an account; returns its email."""
    email = f"{uuid.uuid4().hex}@example.com"
    account = {"email": email, "password": PASSWORD, "name": "Ana"}
    answer = await User(client, {}).call("POST", "/auth/register", 201, json=account)
    assert answer.headers["location"] == "/api/v1/users/me"
    return email


async def session(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> tuple[User, str]:
    """Log in; returns who, and the refresh token."""
    login = await User(client, {}).call("POST", "/auth/login", 200, json={"email": email, "password": password})
    tokens = login.json()
    return User(client, {"Authorization": f"Bearer {tokens['access_token']}"}), tokens["refresh_token"]


async def refreshed(client: httpx.AsyncClient, token: str) -> int:
    """Whether a refresh token is still good, by the status of the answer."""
    return (await client.post("/api/v1/auth/refresh", json={"refresh_token": token})).status_code


async def test_an_owner_renames_changes_the_password_and_logs_out(client: httpx.AsyncClient) -> None:
    """Each shows in the next read with its token, from another session too; ended sessions end at once."""
    email = await opened(client)
    ana, mine = await session(client, email)
    elsewhere, theirs = await session(client, email)
    before = await elsewhere.call("GET", "/users/me", 200)
    tag = {"If-Match": before.headers["etag"]}
    renamed = await ana.call("PATCH", "/users/me", 200, json={"name": "Anna"}, headers=tag)
    await ana.call("PATCH", "/users/me", 412, json={"name": "Annabel"}, headers=tag)
    token = {"Consistency-Token": renamed.headers["consistency-token"]}
    seen = await elsewhere.call("GET", "/users/me", 200, headers=token)
    assert (seen.json(), seen.json()["name"], seen.json()["revision"]) == (renamed.json(), "Anna", 2)

    wrong = {"current_password": "not it", "new_password": OTHER}
    refusal = await ana.call("POST", "/auth/change-password", 422, json=wrong)
    assert [error["pointer"] for error in refusal.json()["errors"]] == ["/current_password"]
    await ana.call("POST", "/auth/change-password", 204, json={"current_password": PASSWORD, "new_password": OTHER})
    assert await refreshed(client, theirs) == 401
    takeover = {"current_password": OTHER, "new_password": PASSWORD}
    await elsewhere.call("POST", "/auth/change-password", 401, json=takeover)
    await User(client, {}).call("POST", "/auth/login", 401, json={"email": email, "password": PASSWORD})
    again, third = await session(client, email, OTHER)
    await again.call("POST", "/auth/logout", 204)
    await again.call("POST", "/auth/logout", 204)
    assert [await refreshed(client, third), await refreshed(client, mine)] == [401, 200]


async def test_versions_are_read_as_long_as_their_strategy_is_there(client: httpx.AsyncClient) -> None:
    """Each spec as it was stored, from the cache at the second read; after the deletion none, with its token."""
    ana, _ = await session(client, await opened(client))
    created = await ana.call("POST", "/strategies", 201, json={"name": "SMA cross", "spec": SMA_CROSS})
    path = created.headers["location"].removeprefix("/api/v1")
    spec = {**SMA_CROSS, "entry_long": "close > 1"}
    changed = await ana.call("PATCH", path, 200, json={"spec": spec})
    token = {"Consistency-Token": changed.headers["consistency-token"]}
    page = await ana.call("GET", f"{path}/versions?limit=1", 200, headers=token)
    (second,) = page.json()["items"]
    following = page.headers["link"].partition(">")[0].removeprefix("</api/v1")
    (first,) = (await ana.call("GET", following, 200, headers=token)).json()["items"]
    assert [(each["version"], each["spec"]) for each in (first, second)] == [(1, SMA_CROSS), (2, spec)]
    for version in (first, second):
        one = f"{path}/versions/{version['version']}"
        assert [(await ana.call("GET", one, 200, headers=token)).json() for _ in range(2)] == [version] * 2
    last = await ana.call("GET", f"{path}/versions/2", 200, headers=token)
    assert last.headers["cache-status"].endswith("; hit")
    await ana.call("GET", f"{path}/versions/3", 404)
    gone = await ana.call("DELETE", path, 204)
    token = {"Consistency-Token": gone.headers["consistency-token"]}
    for missing in (f"{path}/versions", f"{path}/versions/1"):
        await ana.call("GET", missing, 404, headers=token)


async def test_an_administrator_closes_an_account_and_opens_it_again(
    system: Platform, client: httpx.AsyncClient
) -> None:
    """Closed, it can neither refresh nor log in, which says why; its own account is shown to it no more."""
    email = await opened(client)
    ana, refresh_token = await session(client, email)
    user_id = (await ana.call("GET", "/users/me", 200)).json()["id"]
    await ana.call("GET", "/users", 403)
    await ana.call("PATCH", f"/users/{user_id}", 403, json={"role": "admin"})
    operator = await opened(client)
    await made_admin(system, operator)
    admin, _ = await session(client, operator)
    (found,) = (await admin.call("GET", "/users", 200, params={"email": email.upper()})).json()["items"]
    assert (found["id"], found["role"], found["is_active"]) == (user_id, "user", True)

    closed = await admin.call("PATCH", f"/users/{user_id}", 200, json={"is_active": False})
    assert (closed.json()["is_active"], closed.json()["revision"]) == (False, 2)
    token = {"Consistency-Token": closed.headers["consistency-token"]}
    await ana.call("GET", "/users/me", 401, headers=token)
    assert await refreshed(client, refresh_token) == 401
    refusal = await User(client, {}).call("POST", "/auth/login", 403, json={"email": email, "password": PASSWORD})
    assert "closed" in refusal.json()["detail"]
    listed = await admin.call("GET", "/users", 200, params={"is_active": False}, headers=token)
    assert user_id in {item["id"] for item in listed.json()["items"]}

    await admin.call("PATCH", f"/users/{user_id}", 200, json={"is_active": True, "role": "admin"})
    assert await refreshed(client, refresh_token) == 401
    ana, _ = await session(client, email)
    await ana.call("GET", "/users", 200)
