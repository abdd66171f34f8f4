"""Clients that open and end sessions, and the administrator who gives and takes a role and closes an account."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any

from tests.consistency.checker.history import GONE, THERE
from tests.consistency.lanes import AGAIN_SECONDS, Asked, Lane, Writer
from tests.consistency.owner import PASSWORD, Owner
from tests.consistency.shown import account_mark, accounts_in

USES = 3
"""How often a session is used before it is ended, at most."""


@dataclass
class Sessions(Lane):
    """Opens a session, uses it, ends it, and tries it again: then it has to be refused."""

    PAUSE = 0.6

    refresh_token: str = ""
    access_token: str = ""
    uses: int = 0

    async def step(self) -> None:
        """One request, or what is left of a session that was ended."""
        if not self.owner.session:
            await self.open()
        elif self.uses < self.rng.randint(1, USES):
            self.uses += 1
            await self.use()
        else:
            await self.end()

    async def open(self) -> None:
        """Log in. Of a session whose opening was not answered nobody has the token."""
        op = self.next()
        asked = await self.ask("POST", "/auth/login", self.owner.credentials)
        if asked.answer is None or asked.status != 200:
            return
        if self.owner.closing or self.owner.closed_until >= asked.begin:
            return  # it may have been ended before anybody was told that it was opened
        self._keep(asked.answer.json())
        self.uses = 0
        self.owner.session = f"session:{_claims(self.access_token)['sid']}"
        self.wrote(op, self.owner.name, self.owner.session, "", asked, 1)

    async def use(self) -> None:
        """Exchange the refresh token, which is good once: without an answer, for nobody knows what."""
        asked = await self._refreshed()
        if asked.answer is not None and asked.status == 200:
            self._keep(asked.answer.json())
        else:
            self.owner.session = ""

    async def end(self) -> None:
        """Log out; from then on neither of its tokens may do what a session may."""
        op, session = self.next(), self.owner.session
        headers = {"Authorization": f"Bearer {self.access_token}"}
        self.begins_to_delete(op, self.owner.name, session)
        asked = await self.ask("POST", "/auth/logout", None, headers)
        done = asked.answer is not None and asked.status == 204
        self.wrote(op, self.owner.name, session, "", asked, GONE if done else None, deletes=True)
        self.owner.session = ""
        if done:
            self._shown(self.next(), "/auth/refresh", await self._refresh(), session)
        if done and self.rng.random() < 0.3:
            body = {"current_password": PASSWORD, "new_password": f"not {PASSWORD}"}
            asked = await self.ask("POST", "/auth/change-password", body, headers)
            self._shown(self.next(), "/auth/change-password", asked, session)

    async def _refreshed(self) -> Asked:
        session = self.owner.session
        asked = await self._refresh()
        self._shown(self.next(), "/auth/refresh", asked, session)
        return asked

    async def _refresh(self) -> Asked:
        return await self.ask("POST", "/auth/refresh", {"refresh_token": self.refresh_token})

    def _shown(self, op: str, path: str, asked: Asked, session: str) -> None:
        """Whether the session is taken for one that goes on."""
        is_taken = asked.status in {200, 204}
        self.read(op, path, asked, (session,), {session: (THERE, "")} if is_taken else {})

    def _keep(self, tokens: dict[str, Any]) -> None:
        self.refresh_token, self.access_token = tokens["refresh_token"], tokens["access_token"]


def _claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


@dataclass
class Administrator(Writer):
    """Gives the first of the others a role and takes it, closes its account and opens it again.

    Each change is of the revision that is known, so that none is done twice; where that is not known any more, it asks.
    """

    KIND = "user"
    PAUSE = 0.3

    known: dict[str, Any] = field(default_factory=dict)
    """The account as it was last seen."""

    @property
    def deputy(self) -> Owner:
        """Who has this done to it."""
        return self.others[0]

    async def step(self) -> None:
        """Change one of the two."""
        if not self.known:
            await self.find()
        elif self.rng.random() < 0.6:
            await self.administer(role="user" if self.known["role"] == "admin" else "admin")
        else:
            await self.administer(is_active=not self.known["is_active"])

    async def find(self) -> None:
        """Ask the database for the account."""
        path = "/users?limit=200"
        asked = await self.ask("GET", path, None, {"Cache-Control": "no-cache"})
        found = {}
        if asked.answer is not None and asked.status == 200:
            items = asked.answer.json()["items"]
            (self.known,) = (item for item in items if item["id"] == self.deputy.id)
            found = accounts_in(asked.answer.json())
        self.read(self.next(), path, asked, (), found, whole="user")

    async def administer(self, **fields: Any) -> None:
        """Change the account, if it is as it is known to be."""
        deputy, session = self.deputy, self.deputy.session
        key, after = f"user:{deputy.id}", {**self.known, "name": "?", **fields}
        headers = {"If-Match": f'"{self.known["revision"]}-0"'}
        ended = [session] if session and fields.get("is_active") is False else []
        op = f"{self.next()}.ended"
        self.begins_to_delete(op, deputy.name, *ended)
        deputy.closing = deputy.closing or fields.get("is_active") is False
        asked = await self.change(
            "PATCH", f"/users/{deputy.id}", fields, {key: account_mark(after)}, accounts_in, headers, of=deputy.name
        )
        is_done = asked.answer is not None and asked.status == 200
        self.known = asked.answer.json() if asked.answer is not None and is_done else {}
        if is_done:  # what was not answered before it can come no more: the revision is another
            deputy.closing, deputy.closed_until = False, asked.end
        for each in ended:
            self.wrote(op, deputy.name, each, "", asked, GONE if is_done else None, deletes=True)

    async def restore(self) -> None:
        """Give the account back its role, open: its clients are to log in with it. Nothing else goes on."""
        while self.known.get("role") != "admin" or not self.known["is_active"]:
            if not self.known:
                await self.find()
            else:
                await self.administer(role="admin", is_active=True)
            await asyncio.sleep(AGAIN_SECONDS)
