"""A system on data that an older release has made, and beside another: with a PORT and a DATA_DIR of its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import pytest_asyncio

from tests.e2e.administrators import logged_in, made_admin
from tests.e2e.journey import SMA_CROSS, User, registered, stored, whole_journey
from tests.e2e.older_data import EMAIL, make_older_data
from tests.e2e.platform import PASSWORD, Platform, platform, until_healthy

pytestmark = pytest.mark.e2e


class Older(NamedTuple):
    """A system on data of the first release, and the strategy that is in them."""

    running: Platform
    strategy_id: str


@pytest_asyncio.fixture(scope="module")
async def older(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Older]:
    """It runs until the last test here ends it."""
    folder = tmp_path_factory.mktemp("older")
    strategy_id = await make_older_data(folder)
    async with platform(folder) as running:
        yield Older(running, strategy_id)


async def test_data_of_the_first_release_are_brought_up_to_date(older: Older) -> None:
    """Schemas, roles, users and passwords are made as they are needed; what was stored is there and can be changed."""
    running, strategy_id = older
    async with running.client() as client:
        login = await User(client, {}).call("POST", "/auth/login", 200, json={"email": EMAIL, "password": PASSWORD})
        user = User(client, {"Authorization": f"Bearer {login.json()['access_token']}"})
        for query in ("", "?sort=name", "?q=before", "?status=draft"):
            listed = await user.call("GET", f"/strategies{query}", 200)
            assert [item["id"] for item in listed.json()["items"]] == [strategy_id], query
        versions = (await user.call("GET", f"/strategies/{strategy_id}/versions", 200)).json()["items"]
        assert [(each["version"], each["spec"], each["spec_hash"]) for each in versions] == [(1, SMA_CROSS, "h")]
        assert (await user.call("GET", "/users/me", 200)).json()["email"] == EMAIL
        await listed_for_an_operator(running, client)
        changed = await user.call("PATCH", f"/strategies/{strategy_id}", 200, json={"name": "From now"})
        assert (changed.json()["name"], changed.json()["spec"]) == ("From now", SMA_CROSS)
        assert "aurelius_strategy:" in running.given("strategy", "DATABASE_URL")


async def listed_for_an_operator(running: Platform, client: httpx.AsyncClient) -> None:
    """Check that an administrator finds the account of before, by each of the filters."""
    email = "operator@example.com"
    await User(client, {}).call(
        "POST", "/auth/register", 201, json={"email": email, "password": PASSWORD, "name": "Operator"}
    )
    await made_admin(running, email)
    admin = await logged_in(client, email)
    for query in ("", "?role=user", "?is_active=true", "?role=user&is_active=true", f"?email={EMAIL.upper()}"):
        found = (await admin.call("GET", f"/users{query}", 200)).json()["items"]
        assert EMAIL in {item["email"] for item in found}, query


async def test_two_systems_do_not_know_each_other(
    system: Platform, client: httpx.AsyncClient, older: Older, aapl: Path
) -> None:
    """The whole journey works in both at once; accounts, strategies and keys of one mean nothing in the other.

    The end of one means nothing either. The other is the one whose data are older.
    """
    async with older.running.client() as to_other:
        ours, theirs = await registered(client), await registered(to_other)
        await stored(ours, "only in ours")
        await stored(theirs, "only in the other")
        for each in (client, to_other):
            assert (await whole_journey(each, aapl))["metrics"]["trades"] == 85
        for user, name in ((ours, "only in ours"), (theirs, "only in the other")):
            listed = await user.call("GET", "/strategies", 200)
            assert [item["name"] for item in listed.json()["items"]] == [name]
        await User(to_other, ours.headers).call("GET", "/strategies", 401)
        await User(client, theirs.headers).call("GET", "/strategies", 401)
    await older.running.stop()
    await until_healthy(system.base_url, 10)
    assert (await ours.call("GET", "/strategies", 200)).json()["items"]
