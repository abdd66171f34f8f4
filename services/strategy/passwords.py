"""Passwords: argon2id, off the event loop, a bounded number at once, in the same time whoever asks."""

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from shared.contracts.errors import Unavailable

# OWASP's second choice for argon2id; a hash takes 19 MiB and some 20 ms of one core.
MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
# Together well below a second of waiting on one core; beyond that a quick refusal serves everybody better.
MAX_UNDER_WAY = 32

T = TypeVar("T")


def argon2id() -> PasswordHasher:
    """Return the hasher of new passwords."""
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)


class Passwords:
    """Hashes and verifies, `at_once` at most; every method raises Unavailable when MAX_UNDER_WAY are asked for."""

    def __init__(self, hasher: PasswordHasher, *, at_once: int) -> None:
        self._hasher = hasher
        self._nobodys = hasher.hash(secrets.token_hex())
        self._slots = asyncio.Semaphore(at_once)
        self._under_way = 0

    async def hash(self, password: str) -> str:
        """Return the encoded hash of a password, with its salt and parameters."""
        return await self._work(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Say whether `password` is the one of the hash `stored`; None, for no account, takes as long and is False."""
        return await self._work(self._matches, stored or self._nobodys, password) and stored is not None

    async def renewed(self, stored: str, password: str) -> str | None:
        """Return a new hash of a verified password if `stored` was made with other parameters than today's."""
        return await self.hash(password) if self._hasher.check_needs_rehash(stored) else None

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _work(self, work: Callable[..., T], *arguments: str) -> T:
        if self._under_way >= MAX_UNDER_WAY:
            raise Unavailable("Too many logins are under way")
        self._under_way += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._under_way -= 1
