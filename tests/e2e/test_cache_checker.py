"""The live checker in the running system, with the users and rights that each service has there."""

import asyncio
import re
from collections import Counter

import httpx
import pytest

from tests.e2e.journey import registered, stored
from tests.seconds import allowed

pytestmark = pytest.mark.e2e

LAYERS = ("l1", "l2")
PROBES, FOUND = "aurelius_cache_probes_total", "aurelius_cache_inconsistencies_total"


async def figures(client: httpx.AsyncClient, name: str) -> Counter[str]:
    """Return the series of a metric by their labels' values, in the order of the labels' names."""
    text = (await client.get("/metrics", headers={"Accept": "text/plain"})).text
    found = re.findall(rf"^{name}{{(.*)}} (\S+)$", text, re.MULTILINE)
    named = {" ".join(value for _, value in sorted(re.findall(r'(\w+)="(\w+)"', each))): count for each, count in found}
    return Counter({labels: int(float(count)) for labels, count in named.items()})


async def test_in_health_both_levels_are_checked_and_nothing_is_found(client: httpx.AsyncClient) -> None:
    """While somebody writes and reads, until enough has been compared, by version and whole.

    What the first level has not heard of at once may be seen, so on a busy machine; a second later it may not.
    """
    before = await figures(client, PROBES)
    user = await registered(client)
    path = f"/strategies/{(await stored(user)).json()['id']}"
    async with asyncio.timeout(allowed(60)):
        number, compared = 0, Counter[str]()
        while any(compared[f"version {layer}"] < 10 or compared[f"body {layer}"] < 3 for layer in LAYERS):
            number += 1
            await user.call("PATCH", path, 200, json={"name": f"name {number}"})
            for _ in range(4):
                await user.call("GET", path, 200)
                await user.call("GET", "/strategies", 200)
                await asyncio.sleep(0.1)
            compared = await figures(client, PROBES) - before
    found = await figures(client, FOUND)
    series = [*(f"version {layer}" for layer in LAYERS), *(f"body {layer}" for layer in (*LAYERS, "database"))]
    assert {f"{each} {window}" for each in series for window in ("0s", "1s", "10s", "60s")} == found.keys()
    assert {labels: count for labels, count in found.items() if count and labels != "version l1 0s"} == {}
