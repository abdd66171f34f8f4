"""Doing a fault to the system, and undoing what has to be undone for its cause to end."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, cast

from redis.asyncio import Redis

from tests.faults.cluster import Cluster, ServerName, send
from tests.faults.proxy import SUBSCRIBE, Proxy
from tests.faults.schedule import Fault

DELAY_SECONDS = 0.2
BEHIND_SECONDS = 1.0
FLUSH_SECONDS = 1.0
COMMIT, COMMIT_SECONDS = b"COMMIT", 0.7


async def inject(cluster: Cluster, fault: Fault) -> None:
    """Do it; returns when its cause has ended. Whatever happens meanwhile, the cause does not outlast this."""
    await _ACTIONS[fault.action](cluster, fault)


def _proxies(cluster: Cluster, fault: Fault) -> list[Proxy]:
    process, _, server = fault.target.partition(">")
    return cluster.proxies_of(process, server)


async def _kill(cluster: Cluster, fault: Fault) -> None:
    assert send(cluster.processes_of(fault.target), signal.SIGKILL), f"{fault.target} does not run"


async def _reset(cluster: Cluster, fault: Fault) -> None:
    for proxy in _proxies(cluster, fault):
        proxy.reset()


async def _forget(cluster: Cluster, fault: Fault) -> None:
    for proxy in _proxies(cluster, fault):
        proxy.forget()


async def _forget_feed(cluster: Cluster, fault: Fault) -> None:
    """Only the connections over which a process is told what others announce."""
    for proxy in _proxies(cluster, fault):
        proxy.forget(SUBSCRIBE)


async def _cut_feed(cluster: Cluster, fault: Fault) -> None:
    """The same, and no new one of them comes about for a while; all else that the process asks is answered."""
    proxies = _proxies(cluster, fault)
    for proxy in proxies:
        proxy.held = {SUBSCRIBE: fault.seconds}
        proxy.forget(SUBSCRIBE)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        for proxy in proxies:
            proxy.held = {}


async def _silence(cluster: Cluster, fault: Fault) -> None:
    with _silent(_proxies(cluster, fault)):
        await asyncio.sleep(fault.seconds)


async def _delay(cluster: Cluster, fault: Fault) -> None:
    with _slow(_proxies(cluster, fault)):
        await asyncio.sleep(fault.seconds)


async def _flush(cluster: Cluster, fault: Fault) -> None:
    async with Redis.from_url(cluster.url_behind("cache"), protocol=2) as cache:
        await cache.flushall()


async def _flush_while_commits_are_slow(cluster: Cluster, fault: Fault) -> None:
    """Empty the cache again and again, while each transaction takes long from its last statement to its commit."""
    loop = asyncio.get_running_loop()
    end = loop.time() + fault.seconds
    proxies = _proxies(cluster, fault)
    for proxy in proxies:
        proxy.held = {COMMIT: COMMIT_SECONDS}
    try:
        while loop.time() < end:
            await asyncio.sleep(FLUSH_SECONDS)
            await _flush(cluster, fault)
    finally:
        for proxy in proxies:
            proxy.held = {}


async def _take_away(cluster: Cluster, fault: Fault) -> None:
    """Kill a process, and start it again only after a while."""
    supervisor = cluster.instances[fault.target].supervisor
    try:
        await supervisor.kill()
        await asyncio.sleep(fault.seconds)
    finally:
        supervisor.start()


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


_ACTIONS: Final[Mapping[str, Callable[[Cluster, Fault], Awaitable[None]]]] = {
    "kill": _kill,
    "take away": _take_away,
    "pause": _pause,
    "flush": _flush,
    "flush while commits are slow": _flush_while_commits_are_slow,
    "restart": _restart,
    "wipe": _restart,
    "roll back": _restart,
    "reset": _reset,
    "forget": _forget,
    "forget feed": _forget_feed,
    "cut feed": _cut_feed,
    "silence": _silence,
    "delay": _delay,
}
