"""What a running system tells of itself is what docs/metrics-reference.md says, in every form."""

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from shared.runtime.tests.eventually import eventually
from tests.e2e.journey import registered
from tests.e2e.platform import Platform
from tests.seconds import allowed

pytestmark = pytest.mark.integration

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics-reference.md"
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
# What nothing has happened for in a healthy system that has just begun.
RARE = re.compile(
    r"aurelius_(cache_(fill_refused|orphan_floors|bypass|probes_not_done|l1_evictions|invalidations|staleness)"
    r"|events_refused|event_lag|relay_(rebuilt|groups_dropped)|job|bus_(entries_taken_over|dead_letters)"
    r"|timing_series_refused|retention_removed)"
)
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z]+-[0-9a-f]{8}$")
# Helpers that the services start for a while have no loop of their own.
SHARE, START = "aurelius_process_proportional_memory_bytes", "aurelius_process_start_time_seconds"
SERVICE = re.compile(r"-m services\.\w+(\.worker)?$")

Documented = dict[str, tuple[str, set[str], str]]


def documented() -> Documented:
    """Return type, labels and meaning by name, as the document says them."""
    rows = [line.split(" | ") for line in DOCUMENT.read_text().splitlines() if line.startswith("| `aurelius_")]
    return {
        row[0].strip("|` "): (row[1].partition(" ")[0], set(re.findall(r"`(\w+)`", row[2])), row[3].removesuffix(" |"))
        for row in rows
    }


async def scraped(client: httpx.AsyncClient, accept: str, *more: str) -> str:
    """Return a text, once everything is in it that there is in a healthy system, and what is expected besides."""
    wanted = [f"# TYPE {name.removesuffix('_total')}" for name in documented() if not RARE.match(name)]
    missing, text = [*wanted, *more], ""
    try:
        async with asyncio.timeout(allowed(60)):
            while missing:
                text = (await client.get("/metrics", headers={"Accept": accept})).text
                missing = [each for each in (*wanted, *more) if each not in text]
                await asyncio.sleep(0.2 if missing else 0)
    except TimeoutError:
        pytest.fail(f"{missing} is missing in:\n{text}")
    return text


def held_against_the_document(families: Iterable[Metric]) -> set[str]:
    """Insist that each is in the document as it is, and return their names as they are there."""
    rows, names = documented(), set()
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        kind, labels, meaning = rows[name]
        assert (family.type, family.documentation) == (kind, meaning), name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == labels, name
            assert not any(ID.search(value) for value in sample.labels.values()), sample
        names.add(name)
    return names


async def test_every_name_and_label_is_documented(client: httpx.AsyncClient) -> None:
    """Those that are told are in the document, with their type, their labels and their meaning. No label is an id."""
    user = await registered(client)
    for path in ("/strategies", "/users/me", "/nowhere", "/backtests/0190c1f0-0000-7000-8000-000000000000"):
        await client.get(f"/api/v1{path}", headers=user.headers)
    text = await scraped(client, "text/plain", 'route="unmatched"')
    told = held_against_the_document(parse_prometheus(text))
    assert "nowhere" not in text
    openmetrics = parse_openmetrics(await scraped(client, OPENMETRICS))  # type: ignore[no-untyped-call]  # theirs
    assert held_against_the_document(openmetrics) >= told


async def test_an_answer_says_where_its_time_went(client: httpx.AsyncClient) -> None:
    """In the cache, on the bus, in the service, of that at its database; these are the stages that are measured."""
    user = await registered(client)
    timing = (await user.call("GET", "/strategies", 200)).headers["server-timing"]
    spent = {name: float(seconds) for name, seconds in re.findall(r"(\w+);dur=([0-9.]+)", timing)}
    assert set(spent) == {"cache", "bus", "service", "database", "total"}
    assert 0 < spent["database"] <= spent["service"] < spent["total"]


async def test_each_process_tells_what_it_takes(system: Platform, client: httpx.AsyncClient) -> None:
    """Each that runs has a series of its own, and a share of the memory, no more than it has in all.

    Others may have ended processes, which are told of for a while.
    """
    running = [process for process in system.processes("services.") if SERVICE.search(" ".join(process.cmdline()))]
    told: list[list[float]] = []

    async def complete() -> bool:
        nonlocal told
        families = {family.name: family for family in parse_prometheus(await scraped(client, "text/plain"))}
        shares = {tuple(sorted(each.labels.items())): each.value for each in families[SHARE].samples}
        starts = [(tuple(sorted(each.labels.items())), each.value) for each in families[START].samples]
        told = [[shares[labels] for labels, at in starts if abs(at - each.create_time()) < 1] for each in running]
        return all(told)

    await eventually(complete, within=20)
    for process, values in zip(running, told, strict=True):
        assert any(0 < value <= process.memory_info().rss for value in values), process
