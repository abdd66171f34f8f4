"""An administrator looks at what could not be done, and has it done."""

import asyncio
import time
import uuid

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from shared.contracts.envelopes import RequestEnvelope
from shared.contracts.ids import new_id
from shared.contracts.values import Principal
from shared.runtime.tests.bus_state import given_unseen
from tests.e2e.administrators import logged_in, made_admin
from tests.e2e.journey import SMA_CROSS, User
from tests.e2e.platform import PASSWORD, Platform

pytestmark = pytest.mark.e2e

RPC = "aurelius.rpc.strategy"


async def letters(admin: User) -> list[dict[str, object]]:
    """Return the dead letters of requests to the strategy service."""
    answer = await admin.call("GET", "/admin/dead-letters", 200, params={"stream": RPC})
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def test_what_ended_a_process_is_put_aside_and_done_by_an_administrator(
    system: Platform, client: httpx.AsyncClient
) -> None:
    """From the role that the documented command gives, to the strategy that is there once; as the real users may."""
    email = f"{uuid.uuid4().hex}@example.com"
    account = {"email": email, "password": PASSWORD, "name": "A"}
    user_id = (await User(client, {}).call("POST", "/auth/register", 201, json=account)).json()["id"]
    await (await logged_in(client, email)).call("GET", "/admin/streams", 403)
    assert "from its next login on" in await made_admin(system, email)
    admin = await logged_in(client, email)

    streams = (await admin.call("GET", "/admin/streams", 200)).json()["items"]
    (rpc,) = [stream for stream in streams if stream["name"] == RPC]
    assert [group["name"] for group in rpc["groups"]] == ["strategy"]
    await admin.call("GET", "/admin/dead-letters", 200)

    request = RequestEnvelope(
        id=new_id(), method="strategy.create", deadline=int((time.time() + 60) * 1000),
        reply_to="aurelius.replies.gateway-gone", principal=Principal(user_id=user_id), traceparent="",
        idempotency_key="", body=msgspec.json.encode({"name": "left", "spec": SMA_CROSS}),
    )  # fmt: skip
    async with Redis.from_url(system.bus_url(), protocol=2) as redis:
        await given_unseen(redis, RPC, "strategy", "strategy-2.after.strategy-1", request.to_entry())
    async with asyncio.timeout(10):
        while not (found := await letters(admin)):
            await asyncio.sleep(0.05)
    (letter,) = found
    assert (letter["reason"], letter["replayable"]) == ("process-ended", True)
    replay = f"/api/v1/admin/dead-letters/{letter['id']}/replay"
    answers = await asyncio.gather(*(client.post(replay, headers=admin.headers) for _ in range(4)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {404, 409}
    assert await letters(admin) == []
    names = [item["name"] for item in (await admin.call("GET", "/strategies", 200)).json()["items"]]
    assert names == ["left"]
    assert (await client.post(replay, headers=admin.headers)).status_code == 404
