"""Two systems on one machine, with a PORT and a DATA_DIR each."""

from pathlib import Path

import pytest

from tests.e2e.journey import User, registered, stored, whole_journey
from tests.e2e.platform import platform, until_healthy

pytestmark = pytest.mark.e2e


async def test_two_systems_do_not_know_each_other(tmp_path: Path, aapl: Path) -> None:
    """The whole journey works in both at once; accounts, strategies and keys of one mean nothing in the other."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    async with platform(tmp_path / "a") as a, a.client() as to_a:
        async with platform(tmp_path / "b") as b, b.client() as to_b:
            of_a, of_b = await registered(to_a), await registered(to_b)
            await stored(of_a, "only in a")
            await stored(of_b, "only in b")
            for client in (to_a, to_b):
                assert (await whole_journey(client, aapl))["metrics"]["trades"] == 85
            for user, name in ((of_a, "only in a"), (of_b, "only in b")):
                listed = await user.call("GET", "/strategies", 200)
                assert [item["name"] for item in listed.json()["items"]] == [name]
            await User(to_b, of_a.headers).call("GET", "/strategies", 401)
            await User(to_a, of_b.headers).call("GET", "/strategies", 401)
        await until_healthy(a.base_url, 10)
        assert (await of_a.call("GET", "/strategies", 200)).json()["items"]
