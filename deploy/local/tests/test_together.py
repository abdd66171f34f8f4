"""All or none."""

import asyncio

import pytest

from deploy.local.together import together


async def test_first_failure_cancels_the_rest_and_keeps_its_kind() -> None:
    """The caller can catch the error by its own class."""
    cancelled = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def failing() -> None:
        raise LookupError("this one")

    with pytest.raises(LookupError, match="this one"):
        await together(slow(), failing())
    assert cancelled.is_set()
