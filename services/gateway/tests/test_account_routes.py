"""Accounts and their sessions at the edge of the HTTP contract."""

from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from services.gateway.routes.sessions import PasswordChange
from services.gateway.tests.fakes import FakeServices, token_of
from shared.cache.fake import FakeCacheStore
from shared.cache.tokens import decode
from shared.contracts.errors import Forbidden, Unauthenticated
from shared.contracts.ids import new_id
from shared.contracts.messages import AdministerUser, ChangePassword, ListUsers, LogOut, PatchUser, ReadUser
from shared.contracts.objects import session_object, user_object, users_object
from shared.contracts.values import Principal, User, UserPage

ANA, BEN, CAT = (new_id() for _ in range(3))
ADMIN, OTHER_ADMIN, USER = token_of(ANA, role="admin"), token_of(CAT, role="admin"), token_of(BEN)
ME, USERS = "/api/v1/users/me", "/api/v1/users"
JSON = {"Content-Type": "application/json"}


class Accounts:
    """Accounts as the strategy service holds them: who administers now, and how often anything was changed."""

    def __init__(self, services: FakeServices) -> None:
        self.administrators = {ANA, CAT}
        self.version = 1
        for message, handler in (
            (ReadUser, self.read),
            (PatchUser, self.change),
            (ListUsers, self.page),
            (AdministerUser, self.change),
        ):
            services.handlers[message.METHOD] = handler

    def user(self, user_id: str) -> User:
        """What is said of an account."""
        return User(
            id=user_id, email="a@example.com", name="A", role="user", is_active=True,
            created_at=datetime(2026, 1, 1, tzinfo=UTC), revision=self.version,
        )  # fmt: skip

    def read(self, _: object, principal: Principal | None) -> tuple[object, dict[str, int]]:
        """Answer the caller's own."""
        assert principal is not None
        return self.user(principal.user_id), {user_object(principal.user_id): self.version}

    def change(self, message: PatchUser | AdministerUser, principal: Principal | None) -> tuple[object, dict[str, int]]:
        """Change the one that is named, the caller's own else."""
        assert principal is not None
        self.version += 1
        user_id = getattr(message, "id", principal.user_id)
        return self.user(user_id), {user_object(user_id): self.version, users_object(): self.version}

    def page(self, _: object, principal: Principal | None) -> tuple[object, dict[str, int]]:
        """Answer administrators of now."""
        assert principal is not None
        if principal.user_id not in self.administrators:
            raise Forbidden("This is for administrators")
        return UserPage(items=[self.user(BEN)], next_cursor="abc"), {users_object(): self.version}


@pytest.fixture
def accounts(services: FakeServices) -> Accounts:
    return Accounts(services)


async def test_ones_own_account_is_cached_for_oneself(
    client: httpx.AsyncClient, services: FakeServices, accounts: Accounts
) -> None:
    """Under the account's own object: the next read asks nobody, another caller's is another's."""
    first, second, other = [await client.get(ME, headers=headers) for headers in (USER, USER, ADMIN)]
    assert [answer.headers["cache-status"] for answer in (first, second, other)] == [
        "aurelius-l2; fwd=uri-miss", "aurelius-l2; hit", "aurelius-l2; fwd=uri-miss",
    ]  # fmt: skip
    assert first.headers["etag"].startswith('"1-')
    assert (first.content, first.json()["id"], other.json()["id"]) == (second.content, BEN, ANA)
    assert services.asked == [ReadUser(), ReadUser()]
    tag = {"If-None-Match": first.headers["etag"]}
    assert (await client.get(ME, headers=USER | tag)).status_code == 304


async def test_a_change_of_ones_name_is_a_merge_patch_under_if_match(
    client: httpx.AsyncClient, services: FakeServices, accounts: Accounts
) -> None:
    """Answered with tag and token; the next read with the token is not the entry of before."""
    await client.get(ME, headers=USER)
    answer = await client.patch(ME, headers=USER | {"If-Match": '"1-aa"'}, json={"name": "B"})
    assert (answer.status_code, answer.json()["revision"]) == (200, 2)
    assert answer.headers["etag"].startswith('"2-')
    assert services.asked[-1] == PatchUser(name="B", if_revision=(1,))
    assert decode(answer.headers["consistency-token"]) == {user_object(BEN): 2, users_object(): 2}
    token = {"Consistency-Token": answer.headers["consistency-token"]}
    assert (await client.get(ME, headers=USER | token)).json()["revision"] == 2


@pytest.mark.parametrize(
    ("path", "body", "status", "pointer"),
    [
        (ME, {"name": None}, 400, "/name"),
        (ME, {"name": ""}, 400, "/name"),
        (ME, {"email": "b@example.com"}, 400, "/email"),
        (ME, {"role": "admin"}, 400, "/role"),
        (f"{USERS}/{BEN}", {"role": "root"}, 400, "/role"),
        (f"{USERS}/{BEN}", {"is_active": "no"}, 400, "/is_active"),
        (f"{USERS}/{BEN}", {"is_active": None}, 400, "/is_active"),
        (f"{USERS}/{BEN}", {"name": "B"}, 400, "/name"),
    ],
)
async def test_a_change_that_is_none_of_ones_own_is_refused(
    client: httpx.AsyncClient, services: FakeServices, path: str, body: dict[str, Any], status: int, pointer: str
) -> None:
    """Nobody gives himself a role or another email; no administrator renames others. By the field's pointer."""
    answer = await client.patch(path, headers=ADMIN, json=body)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (status, [pointer])
    assert services.asked == []


async def test_all_accounts_are_for_administrators(client: httpx.AsyncClient, services: FakeServices) -> None:
    """Everybody else is 403, whoever is not logged in 401, before anything is asked."""
    for headers, status in ((USER, 403), ({}, 401)):
        for method, path in (("GET", USERS), ("PATCH", f"{USERS}/{BEN}")):
            answer = await client.request(method, path, headers={**headers, **JSON}, content=b"{}")
            assert answer.status_code == status, path
    for method, path in (("GET", ME), ("PATCH", ME), ("POST", "/api/v1/auth/logout")):
        assert (await client.request(method, path, headers=JSON, content=b"{}")).status_code == 401
    assert services.asked == []


async def test_each_administrator_has_pages_of_his_own_under_one_list(
    client: httpx.AsyncClient, services: FakeServices, accounts: Accounts, cache: FakeCacheStore
) -> None:
    """Cached with their filters; a change of any account is a new version of all; who is one no more has none."""
    query = "?role=user&is_active=false&limit=2&email=B%40example.com"
    first, second, others = [
        await client.get(f"{USERS}{query}", headers=headers) for headers in (ADMIN, ADMIN, OTHER_ADMIN)
    ]
    asked = ListUsers(limit=2, role="user", is_active=False, email="B@example.com")
    assert services.asked == [asked, asked]
    assert second.headers["cache-status"] == "aurelius-l2; hit"
    assert (first.content, others.status_code) == (second.content, 200)
    assert "cursor=abc" in first.headers["link"]
    assert (await client.get(USERS, headers=ADMIN)).headers["cache-status"] == "aurelius-l2; fwd=uri-miss"
    accounts.administrators.remove(CAT)
    accounts.version = 2
    await cache.invalidate({users_object(): 2})
    assert (await client.get(f"{USERS}{query}", headers=OTHER_ADMIN)).status_code == 403
    assert (await client.get(f"{USERS}{query}", headers=ADMIN)).status_code == 200


async def test_an_account_is_administered(
    client: httpx.AsyncClient, services: FakeServices, accounts: Accounts
) -> None:
    """What the patch names, under If-Match; a malformed id, and `me` with an administrator's fields, find nothing."""
    path = f"{USERS}/{BEN}"
    answer = await client.patch(path, headers=ADMIN | {"If-Match": '"7-aa"'}, json={"role": "admin"})
    assert (answer.status_code, answer.json()["id"]) == (200, BEN)
    await client.patch(path, headers=ADMIN, json={"is_active": False, "role": "user"})
    assert services.asked == [
        AdministerUser(id=BEN, role="admin", if_revision=(7,)),
        AdministerUser(id=BEN, role="user", is_active=False),
    ]
    assert (await client.patch(f"{USERS}/x", headers=ADMIN, json={})).status_code == 404
    assert (await client.patch(ME, headers=ADMIN, json={"is_active": False})).status_code == 400


async def test_logging_out(client: httpx.AsyncClient, services: FakeServices) -> None:
    """204 with a token, without a body either way."""
    services.handlers[LogOut.METHOD] = lambda _, __: (None, {session_object("s1"): 1})
    answer = await client.post("/api/v1/auth/logout", headers=USER)
    assert (answer.status_code, answer.content) == (204, b"")
    assert decode(answer.headers["consistency-token"]) == {session_object("s1"): 1}
    assert services.asked == [LogOut()]


async def test_changing_the_password(client: httpx.AsyncClient, services: FakeServices) -> None:
    """204; a short new password and an unknown field are refused at the edge, without a word of any password."""
    services.handlers[ChangePassword.METHOD] = lambda _, __: (None, {user_object(BEN): 2})
    path, new = "/api/v1/auth/change-password", "another one, as long"
    answer = await client.post(path, headers=USER, json={"current_password": "old one", "new_password": new})
    assert (answer.status_code, answer.content) == (204, b"")
    assert services.asked == [PasswordChange(current_password="old one", new_password=new)]
    for body, pointer in (
        ({"current_password": "secret-old", "new_password": "secret"}, "/new_password"),
        ({"current_password": "secret-old"}, "/new_password"),
        ({"current_password": "secret-old", "new_password": f"secret {new}", "more": 1}, "/more"),
    ):
        refused = await client.post(path, headers=USER, json=body)
        assert (refused.status_code, [error["pointer"] for error in refused.json()["errors"]]) == (400, [pointer])
        assert "secret" not in refused.text
    assert len(services.asked) == 1


@pytest.mark.parametrize(
    ("error", "status"), [(Forbidden("This account is closed"), 403), (Unauthenticated("wrong"), 401)]
)
async def test_login_tells_a_closed_account_from_a_wrong_password(
    client: httpx.AsyncClient, services: FakeServices, error: Exception, status: int
) -> None:
    """By its status: logging in again would not help."""

    def refuse(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise error

    services.handlers["session.open"] = refuse
    answer = await client.post("/api/v1/auth/login", json={"email": "a@example.com", "password": "p"})
    assert (answer.status_code, answer.json()["detail"]) == (status, str(error))
    assert msgspec.json.decode(answer.content)["status"] == status
