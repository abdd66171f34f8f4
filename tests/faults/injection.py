"""Doing a fault to the system, and undoing what has to be undone for its cause to end."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from redis.asyncio import Redis

from tests.faults.cluster import Cluster, ServerName, send
from tests.faults.proxy import Proxy
from tests.faults.schedule import Fault

DELAY_SECONDS = 0.2
BEHIND_SECONDS = 1.0


async def inject(cluster: Cluster, fault: Fault) -> None:
    """Do it; returns when its cause has ended. Whatever happens meanwhile, the cause does not outlast this."""
    process, _, server = fault.target.partition(">")
    if fault.action == "kill":
        assert send(cluster.processes_of(fault.target), signal.SIGKILL), f"{fault.target} does not run"
    elif fault.action == "pause":
        await _pause(cluster, fault)
    elif fault.action == "flush":
        async with Redis.from_url(cluster.url_behind("cache"), protocol=2) as cache:
            await cache.flushall()
    elif fault.action in {"restart", "wipe", "roll back"}:
        await _restart(cluster, fault)
    elif fault.action == "reset":
        for proxy in cluster.proxies_of(process, server):
            proxy.reset()
    elif fault.action == "silence":
        with _silent(cluster.proxies_of(process, server)):
            await asyncio.sleep(fault.seconds)
    elif fault.action == "delay":
        with _slow(cluster.proxies_of(process, server)):
            await asyncio.sleep(fault.seconds)
    else:
        raise ValueError(fault.action)


async def _pause(cluster: Cluster, fault: Fault) -> None:
    processes = cluster.processes_of(fault.target)
    assert send(processes, signal.SIGSTOP), f"{fault.target} does not run"
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        send(processes, signal.SIGCONT)


async def _restart(cluster: Cluster, fault: Fault) -> None:
    """Kill a server; it comes back after the fault's seconds, or for a rollback has gone on for so long since then.

    While the bus loses what it had, the consumer is behind: what it has not read yet is to come again.
    """
    name = cast("ServerName", fault.target)
    loses = fault.action in {"wipe", "roll back"}
    consumer = cluster.processes_of("consumer") if loses else []
    if fault.action == "roll back":
        cluster.copy_bus()
        await asyncio.sleep(fault.seconds)
    try:
        send(consumer, signal.SIGSTOP)
        await asyncio.sleep(BEHIND_SECONDS if loses else 0)
        await cluster.stop_server(name)
        if fault.action == "wipe":
            cluster.empty_bus()
        if fault.action == "roll back":
            cluster.roll_bus_back()
        else:
            await asyncio.sleep(fault.seconds)
    finally:
        send(consumer, signal.SIGCONT)
        await cluster.start_server(name)


@contextmanager
def _silent(proxies: list[Proxy]) -> Iterator[None]:
    for proxy in proxies:
        proxy.fall_silent()
    try:
        yield
    finally:
        for proxy in proxies:
            proxy.speak()


@contextmanager
def _slow(proxies: list[Proxy]) -> Iterator[None]:
    for proxy in proxies:
        proxy.delay = DELAY_SECONDS
    try:
        yield
    finally:
        for proxy in proxies:
            proxy.delay = 0.0
