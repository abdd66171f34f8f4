"""What the gateway refuses to start with."""

from pathlib import Path

import pytest

from services.gateway.app import build
from services.gateway.settings import GatewaySettings
from services.gateway.tests.fakes import SECRET
from shared.runtime.settings import SettingsError


def test_origins_are_separated_by_commas() -> None:
    """Spaces and empty parts name nobody."""
    assert GatewaySettings(secret_key=SECRET, cors_origins=" https://a.example, ,https://b.example").origins() == [
        "https://a.example",
        "https://b.example",
    ]


def test_every_origin_is_named() -> None:
    """A wildcard, which would open credentials to any page, is refused with what to write."""
    with pytest.raises(SettingsError, match="CORS_ORIGINS: name each origin"):
        GatewaySettings(secret_key=SECRET, cors_origins="https://a.example, *").origins()


def test_a_wrong_cache_address_stops_the_start_by_its_name(tmp_path: Path) -> None:
    """A REDIS_URL that is none is said in one line, before anything connects."""
    with pytest.raises(SettingsError, match="REDIS_URL"):
        build(GatewaySettings(secret_key=SECRET, redis_url="http://cache", data_dir=tmp_path))
