"""`python -m bench.shedding`: a service that does fifty requests a second, asked over HTTP for ten times as many.

A real gateway and bus; the handler works for 20 ms, one request after the other. Times are the gateway's own, from the
first byte in to the first out. The same first with one request at a time: what the handler takes when nobody waits.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

import uvloop

from bench.ending import undone_when_ended
from services.gateway.tests.overload import WORK, Told, ask, bound_service, offer
from tests.servers import valkey_server

OFFERED = 500
SECONDS = 15.0
SETTLED = 4.0
"""Seconds until what was taken before the overload was noticed has been answered."""


async def measure() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with valkey_server(kind="bus") as bus, bound_service(bus.url, Path(folder)) as gateway:
            alone = [await ask(gateway.http) for _ in range(50)]
            told = await offer(gateway.http, OFFERED, SECONDS)
    print(f"\nA handler that does {1 / WORK:.0f} requests a second, asked for {OFFERED} a second for {SECONDS:.0f} s")
    _print("asked one by one", alone, None)
    accepted = [each for each in told if each.status == 200]
    settled = told[0].asked + SETTLED
    _print(f"accepted in the first {SETTLED:.0f} s", [each for each in accepted if each.asked < settled], SETTLED)
    _print("accepted afterwards", [each for each in accepted if each.asked >= settled], SECONDS - SETTLED)
    _print("refused with 503 and Retry-After", [each for each in told if b"retry-after" in each.headers], SECONDS)
    late = sum(each.status == 503 and each.seconds >= 0.1 for each in told)
    other = sum(each.status not in (200, 503) for each in told)
    print(f"  refused after more than 100 ms: {late}; answered with anything but 200 or 503: {other}")


def _print(what: str, told: Sequence[Told], seconds: float | None) -> None:
    found = sorted(each.seconds for each in told)
    rate = f"{len(found) / seconds:6.1f}/s" if seconds else " " * 8
    p99 = quantiles(found, n=100, method="inclusive")[98]  # no more than the slowest, of however few
    p50, p99, most = (1e3 * each for each in (median(found), p99, found[-1]))
    print(f"  {what:34} {rate} p50 {p50:7.1f} ms, p99 {p99:7.1f} ms, slowest {most:7.1f} ms")


if __name__ == "__main__":
    with undone_when_ended():
        uvloop.run(measure())
