"""Reading the users' passwords out of the addresses that their services are given."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.acl.passwords import passwords_from
from shared.runtime.environment import SettingsError

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@given(password=TEXT)
def test_a_password_is_what_the_service_will_log_in_with(password: str) -> None:
    """Any characters, encoded as in every URL."""
    url = f"rediss://gateway:{quote(password, safe='')}@bus.internal:6380/0"
    assert passwords_from({"GATEWAY_BUS_URL": url}, "bus") == {"gateway": password}


def test_each_user_has_its_own_variable() -> None:
    """Of the bus and of the cache apart; one that is empty is not there, and the line end of a file is none of it."""
    environ = {
        "GATEWAY_BUS_URL": "redis://gateway:one@bus/0\n",
        "GATEWAY_REDIS_URL": "redis://gateway:two@cache/0",
        "CONSUMER_BUS_URL": "unix://consumer:three@/run/bus.sock",
        "OPERATOR_REDIS_URL": "redis://operator:four@cache:6379/0",
        "METRICS_BUS_URL": "",
        "BUS_URL": "redis://:five@bus/0",
    }
    assert passwords_from(environ, "bus") == {"gateway": "one", "consumer": "three"}
    assert passwords_from(environ, "cache") == {"gateway": "two", "operator": "four"}


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("redis://:s3cret@bus/0", "must log in as strategy: redis://strategy:password@host"),
        ("redis://gateway:s3cret@bus/0", "must log in as strategy"),
        ("redis://strategy@bus/0", "must log in as strategy"),
        ("http://strategy:s3cret@bus/0", "must begin with redis://"),
        ("redis://strategy:s3/cret@bus/0", "%2F"),
        ("redis://strategy:s3#cret@bus/0", "%23"),
        ("redis://strategy:s3@cret@bus/0", "%40"),
        ("redis://strategy:s3cret@bus:port/0", "must have a port"),
        ("redis://strategy:s3cret@[bus/0", "must be redis://"),
    ],
)
def test_an_address_that_cannot_be_says_what_it_must_be(url: str, wrong: str) -> None:
    """With the variable's name, and without any of the password."""
    with pytest.raises(SettingsError) as refused:
        passwords_from({"STRATEGY_BUS_URL": url}, "bus")
    text = str(refused.value)
    assert text.startswith("STRATEGY_BUS_URL ")
    assert wrong in text
    assert "s3" not in text
    assert "cret" not in text


@pytest.mark.parametrize("wrong", ["bus:6379", "redis://:password@bus"])
def test_every_wrong_address_is_named_at_once(wrong: str) -> None:
    """So that one start shows all there is to mend."""
    with pytest.raises(SettingsError, match=r"^GATEWAY_BUS_URL must.*; METRICS_BUS_URL must"):
        passwords_from({"GATEWAY_BUS_URL": wrong, "METRICS_BUS_URL": wrong}, "bus")
