"""`python -m bench.scrapes`: what a scrape costs, while the platform has the load suite's mixed load.

Starts the platform as `make run` does, and asks for fifty requests a second of all kinds for as long as it measures.
Each form of /metrics is asked for at the gateway, as Prometheus asks, one hundred times, four a second: OpenMetrics and
Prometheus text in gzip, JSON plain. A time is that of the client, from the first byte out to the last one in. The
processor time is what the metrics service, and the gateway, have used more than in as many seconds without scrapes.
Then as seldom as Prometheus asks, beside an answer that takes no work: what a machine has not done for a while takes
it longer.

An event loop that stands still answers nothing: the metrics service is asked a hundred times a second whether it lives,
with scrapes and without. And it measures itself, ten times a second, how late its loop wakes up.

    --scrapes 100   of each form
    --seldom 12     once in 15 s

Ends with 1 when an answer was wrong, a form takes too long, or the loop stood still.
"""

import asyncio
import gzip
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from bench.caching.servers import gateway_of, service_of
from bench.ending import undone_when_ended
from bench.serving.beside import offered
from bench.serving.machine import describe, load_average
from bench.serving.processors import cpu_seconds
from bench.watching.scraped import Scraped, Seldom, latest, peer_seconds, report, stood_still
from cli.load.accounts import CannotLoad, accounts
from cli.load.scenarios import requests_of
from cli.load.tally import Tally
from cli.load.wire import WrongAnswer
from tests.e2e.platform import Platform, platform

RATE, USERS = 50.0, 20
EVERY, PROBE_EVERY, SCRAPE_SECONDS = 0.25, 0.01, 15.0
WARM_UP_SECONDS, CONTROL_SECONDS = 10.0, 25.0
FORMS = {
    "OpenMetrics": {"Accept": "application/openmetrics-text; version=1.0.0", "Accept-Encoding": "gzip"},
    "Prometheus": {"Accept": "text/plain; version=0.0.4", "Accept-Encoding": "gzip"},
    "JSON": {"Accept": "application/json"},
}


class Client:
    """One connection that stays open."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(str(parts.hostname), int(parts.port or 80), timeout=30)

    def get(self, path: str, headers: dict[str, str]) -> tuple[float, bytes]:
        """Return the seconds that it took, and the body as it was sent. Raises WrongAnswer."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - began
        if answer.status != 200:
            raise WrongAnswer(f"{path}: {answer.status} {body[:300]!r}")
        return seconds, body


class Bench:
    """Measures one platform that is under load."""

    def __init__(self, running: Platform) -> None:
        self._url = running.base_url
        self._probed = f"http://127.0.0.1:{running.given('metrics', 'METRICS_PORT')}"
        self._service, self._gateway = service_of(running, "metrics"), gateway_of(running)
        self._at_rest = (0.0, 0.0)

    def rest(self) -> list[float]:
        """Measure without scrapes what is compared with; return the seconds of the probes."""
        before, began = self._cpu(), time.perf_counter()
        with self._probing() as probes:
            time.sleep(CONTROL_SECONDS)
        service, gateway = _less(self._cpu(), before)
        taken = time.perf_counter() - began
        self._at_rest = (service / taken, gateway / taken)
        return probes

    def scrape(self, form: str, number: int) -> Scraped:
        """Scrape so often. Raises WrongAnswer."""
        client, found = Client(self._url), Scraped(form)
        before, began = self._cpu(), time.perf_counter()
        with self._probing() as found.probes:
            for each in range(number):
                time.sleep(max(0.0, began + each * EVERY - time.perf_counter()))
                seconds, body = client.get("/metrics", FORMS[form])
                found.seconds.append(seconds)
        taken = time.perf_counter() - began
        more = [used - rest * taken for used, rest in zip(_less(self._cpu(), before), self._at_rest, strict=True)]
        found.service_cpu, found.gateway_cpu = (used / number for used in more)
        text = gzip.decompress(body) if "Accept-Encoding" in FORMS[form] else body
        found.sent, found.size = len(body), len(text)
        if form != "JSON":
            found.series = sum(not line.startswith("#") for line in text.decode().splitlines())
        return found

    def seldom(self, number: int) -> Seldom:
        """Scrape so often as Prometheus does by the shipped configuration, and ask for nothing in between."""
        client, found = Client(self._url), Seldom(SCRAPE_SECONDS)
        for _ in range(number):
            time.sleep(SCRAPE_SECONDS / 2)
            found.nothing.append(client.get("/health/live", {})[0])
            time.sleep(SCRAPE_SECONDS / 2)
            found.scrapes.append(client.get("/metrics", FORMS["OpenMetrics"])[0])
        return found

    def text(self) -> str:
        """Return what is measured now."""
        return Client(self._url).get("/metrics", {"Accept": "text/plain"})[1].decode()

    def _cpu(self) -> tuple[float, float]:
        return cpu_seconds(self._service), cpu_seconds(self._gateway)

    @contextmanager
    def _probing(self) -> Iterator[list[float]]:
        """Ask the metrics service over and over whether it lives, from a thread; yield the seconds of each answer."""
        stop, found, client = threading.Event(), list[float](), Client(self._probed)

        def probe() -> None:
            while not stop.wait(PROBE_EVERY):
                found.append(client.get("/health/live", {})[0])

        thread = threading.Thread(target=probe)
        thread.start()
        try:
            yield found
        finally:
            stop.set()
            thread.join()


def _less(now: tuple[float, float], before: tuple[float, float]) -> tuple[float, float]:
    return now[0] - before[0], now[1] - before[1]


def measure(running: Platform, number: int, seldom: int) -> bool:
    """Measure and print; whether all is as it must be. Raises WrongAnswer, CannotLoad."""
    bench, tally, before = Bench(running), Tally(), load_average()
    left: list[str] = []
    with accounts(running.base_url, USERS, partial(print, file=sys.stderr), left) as made:
        requests = requests_of("mixed", made, urlsplit(running.base_url).netloc)
        with offered(running.base_url, requests, RATE, tally):
            time.sleep(WARM_UP_SECONDS)
            text = bench.text()
            without = bench.rest()
            scraped = [bench.scrape(form, number) for form in FORMS]
            text_then = bench.text()
            lag, rarely = latest(text, text_then), bench.seldom(seldom)
    whole = tally.whole()
    if whole.wrong:
        raise WrongAnswer(f"{whole.wrong} of {whole.total} answers of the load were wrong: {tally.failures}")
    print(
        f"On {describe('granian', 'prometheus-client')}. Load average {before} before, {load_average()} at the end. "
        f"{number} scrapes of each form, {1 / EVERY:g} a second, beside the mixed load of {RATE:g} requests a second "
        f"of {USERS} users.\n\n{report(without, scraped, lag, rarely, peer_seconds(text_then))}",
        flush=True,
    )
    return all(each.met for each in scraped) and not stood_still(without, scraped)


async def run(number: int, seldom: int, folder: Path) -> bool:
    """Start a platform, and measure."""
    # As it is by default: under tests the checker compares far more, which is work of the metrics service.
    async with platform(folder, {"CACHE_BODIES_ONE_IN": "1000"}) as running:
        return await asyncio.to_thread(measure, running, number, seldom)


def main(given: Sequence[str]) -> str | None:
    """Measure; returns what to end with, None when all is as it must be."""
    parser = ArgumentParser(prog="python -m bench.scrapes")
    parser.add_argument("--scrapes", type=int, default=100)
    parser.add_argument("--seldom", type=int, default=12)
    asked = parser.parse_args(given)
    try:
        with tempfile.TemporaryDirectory() as folder:
            well = asyncio.run(run(asked.scrapes, asked.seldom, Path(folder)))
    except (WrongAnswer, CannotLoad) as error:
        return str(error)
    return None if well else "a scrape takes too long, or the event loop stood still"


if __name__ == "__main__":
    with undone_when_ended():
        sys.exit(main(sys.argv[1:]))
