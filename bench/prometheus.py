"""`python -m bench.prometheus`: two minutes under a real Prometheus, and whether what it says is what was asked.

Starts the platform as `make run` does and a Prometheus beside it, with the configuration, the rules and the interval of
deploy/observability; promtool looks at all of these and at what the platform shows. The load suite's mixed load asks
for fifty requests a second. After a third of the time the metrics service is killed (SIGKILL), after two thirds the
gateway is stopped (SIGTERM); what started them starts them again. Who loads counts its answers by method, route and
status; in the end Prometheus has to have counted the same, each of them, and no alert may have fired.

    --seconds 120
    --rate 50

Needs prometheus and promtool on PATH. Ends with 1 when anything differs.
"""

import asyncio
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bench.caching.servers import gateway_of, service_of
from bench.ending import undone_when_ended
from bench.serving.answered import Paths, by_route, noted
from bench.serving.beside import offered
from bench.serving.exposed import HTTP_REQUESTS, Answered, answers_of
from bench.serving.machine import describe, load_average
from bench.watching.told import METRICS, Scrapes, Told, report
from cli.load.accounts import Account, CannotLoad, accounts
from cli.load.scenarios import requests_of
from cli.load.tally import Tally
from cli.load.wire import WrongAnswer
from deploy.observability.tests.files import FOLDER, PROMETHEUS, PROMTOOL, RULE_TESTS
from deploy.observability.tests.scraping import Prometheus, prometheus
from tests.e2e.platform import Platform, platform

USERS = 20
SETTLED_SECONDS = 2.5
"""After which every count has been reported."""
LAST_SECONDS = 60.0
"""In which Prometheus has scraped what was counted last: some intervals."""
OVER_ALL = "1h"
POLL_SECONDS = 0.5


class Bench:
    """One platform, and the accounts that load it."""

    def __init__(self, running: Platform, made: Sequence[Account], rate: float) -> None:
        self._running = running
        self._rate = rate
        self._host = urlsplit(running.base_url).netloc
        self._requests = requests_of("mixed", made, self._host)
        self._answers: Paths = Counter()
        self._tally = Tally()

    async def measure(self, folder: Path, seconds: float) -> Told:
        """Load it, break it, and ask Prometheus. Raises WrongAnswer.

        Between the first look at what is counted and the last nobody asks the gateway but the load and Prometheus.
        """
        text = await self._settled()
        before = answers_of(text)
        before[Answered("GET", METRICS, "200")] += 1  # the look itself, which it does not show
        async with prometheus(folder, self._host, hurried=False) as watching:
            await self._loaded(seconds)
            sent, counted, scrapes = await self._agreed(watching, before)
            return Told(
                sent=sent,
                counted=counted,
                scrapes=scrapes,
                fell=round(await _number(watching, f"sum(resets({HTTP_REQUESTS}[{OVER_ALL}]))")),
                alerts=await _alerts(watching),
                faults=[*await _complaints(text), *await _not_evaluated(watching)],
                requests=self._tally.whole().total,
                failures=self._tally.failures,
            )

    async def _settled(self) -> str:
        """Return the text when nothing of it but the route itself is still being counted."""
        last: Counter[Answered] = Counter()
        async with httpx.AsyncClient() as client:
            while True:
                await asyncio.sleep(SETTLED_SECONDS)
                answer = await client.get(f"{self._running.base_url}{METRICS}", headers={"Accept": "text/plain"})
                if answer.status_code != 200:
                    raise WrongAnswer(f"{METRICS}: {answer.status_code} {answer.text[:300]}")
                found = answers_of(answer.text)
                now = Counter({answered: number for answered, number in found.items() if answered.route != METRICS})
                if now == last:
                    return answer.text
                last = now

    async def _loaded(self, seconds: float) -> None:
        began = asyncio.get_running_loop().time()

        async def until(share: float) -> None:
            await asyncio.sleep(began + share * seconds - asyncio.get_running_loop().time())

        with offered(self._running.base_url, noted(self._requests, self._answers), self._rate, self._tally):
            await until(1 / 3)
            service_of(self._running, "metrics").kill()
            await until(2 / 3)
            gateway_of(self._running).terminate()
            await until(1)

    async def _agreed(
        self, watching: Prometheus, before: Counter[Answered]
    ) -> tuple[Counter[Answered], Counter[Answered], Scrapes]:
        """Return what the load has counted and what Prometheus has, as soon as they agree, or at last."""
        give_up = asyncio.get_running_loop().time() + LAST_SECONDS
        while True:
            totals = await _counted(watching)
            sent = by_route(self._answers, {answered.route for answered in totals})
            counted = Counter({each: totals[each] - before[each] for each in totals if totals[each] > before[each]})
            scrapes = await _scrapes(watching)
            told = Told(sent, counted, scrapes)
            if not told.differences or asyncio.get_running_loop().time() > give_up:
                return sent, counted, scrapes
            await asyncio.sleep(POLL_SECONDS)


async def _counted(watching: Prometheus) -> Counter[Answered]:
    return Counter(
        {
            Answered(labels["method"], labels["route"], labels["status"]): round(value)
            for labels, value in await watching.ask(HTTP_REQUESTS)
        }
    )


async def _scrapes(watching: Prometheus) -> Scrapes:
    came = round(await _number(watching, f"sum_over_time(up[{OVER_ALL}])"))
    return Scrapes(
        came=came,
        failed=round(await _number(watching, f"count_over_time(up[{OVER_ALL}])")) - came,
        median=await _number(watching, f"quantile_over_time(0.5, scrape_duration_seconds[{OVER_ALL}])"),
        worst=await _number(watching, f"max_over_time(scrape_duration_seconds[{OVER_ALL}])"),
        samples=round(await _number(watching, f"max_over_time(scrape_samples_scraped[{OVER_ALL}])")),
    )


async def _number(watching: Prometheus, expression: str) -> float:
    """Return the one value of an expression; 0 while it has none."""
    found = await watching.ask(expression)
    return found[0][1] if found else 0.0


async def _alerts(watching: Prometheus) -> list[str]:
    """Return the alerts that have fired."""
    fired = await watching.ask(f'count_over_time(ALERTS{{alertstate="firing"}}[{OVER_ALL}])')
    return sorted({labels["alertname"] for labels, _ in fired})


async def _not_evaluated(watching: Prometheus) -> list[str]:
    bad = Counter(health for health in await watching.healths() if health != "ok")
    return [f"{number} rules are {health}" for health, number in bad.items()]


async def _complaints(text: str) -> list[str]:
    """Return what promtool has to say against the files, and against the text that the platform shows."""
    rules = [str(file) for file in sorted((FOLDER / "rules").glob("*.yml"))]
    return [
        *await _promtool("", "check", "config", str(FOLDER / "prometheus.yml")),
        *await _promtool("", "check", "rules", *rules),
        *await _promtool("", "test", "rules", *map(str, RULE_TESTS)),
        *await _promtool(text, "check", "metrics"),
    ]


async def _promtool(text: str, *arguments: str) -> list[str]:
    pipe = asyncio.subprocess.PIPE
    tool = await asyncio.create_subprocess_exec(
        str(PROMTOOL), *arguments, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await tool.communicate(text.encode())
    # What is wrong with metrics is told in lines; of files it tells that they are well, too.
    bad = tool.returncode != 0 or (bool(text) and bool(said.strip()))
    return [f"promtool {' '.join(arguments[:2])}: {said.decode().strip()[-500:]}"] if bad else []


async def run(seconds: float, rate: float, folder: Path) -> bool:
    """Measure and print; whether all agree. Raises WrongAnswer, CannotLoad."""
    before = load_average()
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(platform(folder))
        made = stack.enter_context(accounts(running.base_url, USERS, partial(print, file=sys.stderr), []))
        told = await Bench(running, made, rate).measure(folder / "prometheus", seconds)
        print(
            f"On {describe('granian', 'prometheus-client')}. Load average {before} before, {load_average()} at the "
            f"end. {seconds:g} s of the mixed load at {rate:g} requests a second, of {USERS} users; the metrics "
            f"service killed after {seconds / 3:g} s, the gateway stopped after {seconds * 2 / 3:g} s.\n\n"
            f"{report(told)}",
            flush=True,
        )
    return told.well


def main(given: Sequence[str]) -> str | None:
    """Measure; returns what to end with, None when all agree."""
    parser = ArgumentParser(prog="python -m bench.prometheus")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rate", type=float, default=50.0)
    asked = parser.parse_args(given)
    if PROMETHEUS is None or PROMTOOL is None:
        return "prometheus and promtool are not on PATH: Debian's package prometheus has both"
    try:
        with tempfile.TemporaryDirectory() as folder:
            well = asyncio.run(run(asked.seconds, asked.rate, Path(folder)))
    except (WrongAnswer, CannotLoad) as error:
        return str(error)
    return None if well else "what Prometheus says is not what was asked, or not as it should be"


if __name__ == "__main__":
    with undone_when_ended():
        sys.exit(main(sys.argv[1:]))
