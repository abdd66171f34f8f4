"""Passwords."""

import asyncio
import threading
from typing import Literal

import pytest
from argon2 import PasswordHasher

from services.strategy.passwords import MAX_UNDER_WAY, Passwords, argon2id
from shared.contracts.errors import Unavailable
from tests.seconds import allowed


class WatchedHasher(PasswordHasher):
    """Counts verifications, and holds hashes while `held`, telling when two are under way."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.verified: list[str | bytes] = []
        self.released = threading.Event()
        self.released.set()
        self.two_under_way = asyncio.Event()
        self.under_way = 0
        self.most = 0
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  # as the library has it
        """Verify, and note the hash."""
        self.verified.append(hash)
        return super().verify(hash, password)

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """Hash once released."""
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            if self.under_way == 2:
                self._loop.call_soon_threadsafe(self.two_under_way.set)
        if not self.released.wait(5):
            self.released.set()
            raise TimeoutError("the hash was never released: the loop stood still")
        with self._lock:
            self.under_way -= 1
        return super().hash(password, salt=salt)


async def test_a_hash_is_argon2id_with_the_documented_cost() -> None:
    """19456 KiB, two passes, one lane; two hashes of one password differ by their salt."""
    passwords = Passwords(argon2id(), at_once=1)
    one, other = await passwords.hash("correct horse battery"), await passwords.hash("correct horse battery")
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != other


async def test_only_the_right_password_passes() -> None:
    """A hash accepts its own password and nothing near it."""
    passwords = Passwords(WatchedHasher(), at_once=1)
    stored = await passwords.hash("correct horse battery")
    assert await passwords.verify(stored, "correct horse battery")
    assert not await passwords.verify(stored, "correct horse battery ")
    assert not await passwords.verify(stored, "")


async def test_an_unknown_account_costs_a_verification_like_a_known_one() -> None:
    """The time of the answer does not tell whether the account exists: the same work is done, on the same terms."""
    hasher = WatchedHasher()
    passwords = Passwords(hasher, at_once=1)
    assert not await passwords.verify(None, "correct horse battery")
    (used,) = hasher.verified
    assert not hasher.check_needs_rehash(used)


async def test_a_hash_nobody_can_read_is_a_wrong_password() -> None:
    """A damaged or foreign hash keeps everybody out, without an error that says why."""
    assert not await Passwords(WatchedHasher(), at_once=1).verify("no hash at all", "correct horse battery")


async def test_a_hash_of_other_parameters_is_renewed_and_a_current_one_is_not() -> None:
    """Raising the cost reaches old accounts at their next login."""
    old = await Passwords(WatchedHasher(time_cost=1), at_once=1).hash("correct horse battery")
    passwords = Passwords(WatchedHasher(time_cost=2), at_once=1)
    renewed = await passwords.renewed(old, "correct horse battery")
    assert renewed is not None
    assert await passwords.verify(renewed, "correct horse battery")
    assert await passwords.renewed(renewed, "correct horse battery") is None


async def test_hashing_leaves_the_loop_free_and_keeps_to_its_bounds() -> None:
    """While hashes are held up the loop runs on; no more than allowed are under way, others wait, too many are shed."""
    hasher = WatchedHasher()
    passwords = Passwords(hasher, at_once=2)
    hasher.released.clear()
    try:
        waiting = [asyncio.create_task(passwords.hash("correct horse battery")) for _ in range(MAX_UNDER_WAY)]
        async with asyncio.timeout(allowed(5)):
            await hasher.two_under_way.wait()
        with pytest.raises(Unavailable):
            await passwords.hash("one too many")
    finally:
        hasher.released.set()
    assert len(set(await asyncio.gather(*waiting))) == MAX_UNDER_WAY
    assert hasher.most == 2
    assert await passwords.hash("there is room again")
