"""Two systems on one machine, with a PORT and a DATA_DIR each."""

from pathlib import Path

import httpx
import pytest

from tests.e2e.journey import User, registered, stored, whole_journey
from tests.e2e.platform import Platform, platform, until_healthy

pytestmark = pytest.mark.e2e


async def test_two_systems_do_not_know_each_other(
    system: Platform, client: httpx.AsyncClient, tmp_path: Path, aapl: Path
) -> None:
    """The whole journey works in both at once; accounts, strategies and keys of one mean nothing in the other."""
    async with platform(tmp_path) as other, other.client() as to_other:
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
    await until_healthy(system.base_url, 10)
    assert (await ours.call("GET", "/strategies", 200)).json()["items"]
