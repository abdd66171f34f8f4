"""What the gateway refuses to start with."""

import pytest

from services.gateway.settings import GatewaySettings
from services.gateway.tests.fakes import SECRET
from shared.runtime.environment import SettingsError, load


def test_origins_are_separated_by_commas() -> None:
    """Spaces and empty parts name nobody."""
    settings = load(GatewaySettings, {"SECRET_KEY": SECRET, "CORS_ORIGINS": " https://a.example, ,https://b.example"})
    assert settings.origins() == ["https://a.example", "https://b.example"]


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({"CORS_ORIGINS": "https://a.example, *"}, "CORS_ORIGINS must be origins separated by commas"),
        ({"REDIS_URL": "http://cache"}, "REDIS_URL must begin with redis://"),
        ({"MAX_JSON_BYTES": "1m"}, "MAX_JSON_BYTES must be a whole number of bytes from 1024 to 16777216"),
        ({"MAX_UPLOAD_BYTES": "2048"}, "MAX_JSON_BYTES must not be above MAX_UPLOAD_BYTES"),
        ({"GATEWAY_WORKERS": "2", "PORT": "0"}, "PORT must not be 0 when GATEWAY_WORKERS is above 1: they share it"),
        ({"GATEWAY_WORKERS": "0"}, "GATEWAY_WORKERS must be a whole number from 1 to 64"),
    ],
)
def test_a_wrong_value_stops_the_start_by_its_name(environ: dict[str, str], fault: str) -> None:
    """In one sentence, before anything connects."""
    with pytest.raises(SettingsError) as raised:
        load(GatewaySettings, {"SECRET_KEY": SECRET, **environ})
    (said,) = raised.value.faults
    assert said.startswith(fault)


def test_under_the_strict_policy_a_process_holds_nothing_by_itself() -> None:
    """What it holds may be older than a commit by as long as it takes to hear of that."""
    assert load(GatewaySettings, {"SECRET_KEY": SECRET}).own_cache_bytes() == 64 * 2**20
    assert load(GatewaySettings, {"SECRET_KEY": SECRET, "CACHE_L1_BYTES": "0"}).own_cache_bytes() == 0
    assert load(GatewaySettings, {"SECRET_KEY": SECRET, "CACHE_POLICY": "strict"}).own_cache_bytes() == 0


def test_it_listens_where_everybody_expects_it() -> None:
    """PORT is the gateway's, and 8000 unless said otherwise."""
    assert load(GatewaySettings, {"SECRET_KEY": SECRET}).port == 8000
    assert load(GatewaySettings, {"SECRET_KEY": SECRET, "PORT": "80"}).port == 80
