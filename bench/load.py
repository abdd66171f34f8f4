"""`python -m bench.load`: the load suite's own figures beside wrk's, of one read at a rate that both can hold.

    python -m bench.load [--url http://127.0.0.1:8000] [--rate 200] [--seconds 10] [--rounds 5]

Without a URL a platform of its own is started. wrk knows no rates: each of its connections waits after an answer, so
that all together send about so many a second. It counts from when a request is sent, ours from when it is due; below
the knee the difference is what the load itself is late by, which is told. Rounds take turns, so that both meet the
machine as it is; the median of the rounds' ratios has to be within BOUND of 1.
"""

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench.serving.client import at_rate, one_after_another
from bench.serving.wrk import Expected, find_wrk, run_wrk
from cli.load.accounts import Account, accounts
from cli.load.checks import item
from cli.load.wire import Answer, get
from tests.e2e.platform import platform

BOUND = 0.15
CONNECTIONS = 16


def main() -> int:
    """Return the exit status: 0 when both agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="")
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    find_wrk()
    ratios = asyncio.run(_measured(given))
    found = median(ratios)
    agree = abs(found - 1) <= BOUND
    print(f"median of the ratios {found:.3f}: {'within' if agree else 'NOT within'} {BOUND:.0%}")
    return 0 if agree else 1


async def _measured(given: argparse.Namespace) -> list[float]:
    """Return the ratio of the medians of each round."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = given.url or (await stack.enter_async_context(platform(folder))).base_url
        # From a thread: the platform's output is read here.
        return await asyncio.to_thread(_at, url, given, folder)


def _at(url: str, given: argparse.Namespace, folder: Path) -> list[float]:
    left: list[str] = []
    with accounts(url, 1, partial(print, file=sys.stderr), left) as (owner,):
        return _rounds(url, given, owner, folder)


def _rounds(url: str, given: argparse.Namespace, owner: Account, folder: Path) -> list[float]:
    """Measure in turns, and print."""
    path = f"/api/v1/strategies/{owner.strategies[0]}"
    headers = {"Host": urlsplit(url).netloc, "Authorization": owner.authorization}
    seen: list[Answer] = []
    one_after_another(url, [get(path, seen.append, headers)], 1)
    body = folder / "body"
    body.write_bytes(seen[0].body)
    request = get(path, item(owner.strategies[0], owner.user_id), headers)
    wrk = partial(run_wrk, f"{url}{path}", headers, Expected(body), seconds=given.seconds)
    ratios = []
    for number in range(given.rounds):
        ours = at_rate(url, [request] * round(given.rate * given.seconds), given.rate, CONNECTIONS)
        own = median(ours.latencies)
        # A connection that waits so long sends as often as it should, but for the time that an answer takes.
        theirs = asyncio.run(wrk(connections=CONNECTIONS, pause=max(0.0, CONNECTIONS / given.rate - own)))
        ratios.append(own / theirs.p50)
        print(
            f"round {number + 1}: ours {len(ours.latencies) / ours.seconds:.1f}/s, median {own * 1e3:.3f} ms, "
            f"of which late {median(ours.lags) * 1e3:.3f} ms; "
            f"wrk {theirs.rate:.1f}/s, median {theirs.p50 * 1e3:.3f} ms; ratio {ratios[-1]:.3f}"
        )
    return ratios


if __name__ == "__main__":
    sys.exit(main())
