"""The settings that services are made of."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.runtime.environment import SettingsError, load
from shared.runtime.settings import CacheServerSettings, CacheWriterSettings, DatabaseSettings, SecretSettings, Settings

STRONG = "4e1f0c2b9a8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f"


@dataclass(frozen=True, kw_only=True)
class All(Settings, DatabaseSettings, CacheServerSettings, SecretSettings):
    """A service that has everything."""


def faults(kind: type[object], environ: dict[str, str]) -> tuple[str, ...]:
    """Return what is wrong."""
    with pytest.raises(SettingsError) as raised:
        load(kind, environ)
    return raised.value.faults


def test_every_process_starts_without_a_variable() -> None:
    """On a developer's machine; only what has no sensible default must be set."""
    assert load(Settings, {}) == Settings()
    missing = [fault.partition(";")[0] for fault in faults(All, {})]
    assert missing == ["SECRET_KEY is not set", "DATABASE_URL is not set"]


def test_objects_are_kept_in_the_data_folder_unless_said_otherwise(tmp_path: Path) -> None:
    """As a URL, whatever characters the folder's name holds."""
    folder = tmp_path / "data & co"
    assert Settings(data_dir=folder).objects_url() == (folder / "objects").as_uri()
    assert Settings(object_store_url="s3://bucket").objects_url() == "s3://bucket"


def test_the_cache_url_is_made_of_its_parts() -> None:
    """A password of any characters, or none; a host of any kind; and REDIS_URL beats the parts."""
    environ = {"REDIS_HOST": "cache", "REDIS_PORT": "1234", "REDIS_DB": "2"}
    assert load(CacheServerSettings, environ).cache_url() == "redis://cache:1234/2"
    environ["REDIS_PASSWORD"] = "p@ss/word"
    assert load(CacheServerSettings, environ).cache_url() == "redis://:p%40ss%2Fword@cache:1234/2"
    environ["REDIS_HOST"] = "::1"
    assert load(CacheServerSettings, environ).cache_url() == "redis://:p%40ss%2Fword@[::1]:1234/2"
    environ["REDIS_URL"] = "rediss://elsewhere"
    assert load(CacheServerSettings, environ).cache_url() == "rediss://elsewhere"


def test_the_policy_of_writes_is_one_of_two_or_left_to_the_type() -> None:
    """Unset it is neither; the text of a wrong one names both."""
    assert load(CacheWriterSettings, {}).cache_policy == ""
    assert load(CacheWriterSettings, {"CACHE_POLICY": "Strict"}).cache_policy == "strict"
    assert faults(CacheWriterSettings, {"CACHE_POLICY": "safe"}) == ("CACHE_POLICY must be one of available, strict",)


@pytest.mark.parametrize("weak", ["secret", "a" * 64, "changeme" * 8, STRONG[:31]])
def test_a_weak_secret_is_refused(weak: str) -> None:
    """Short ones and ones of a few letters, as the key and as the key before it; the text says how to make one."""
    must = "must be at least 32 random bytes, for example the output of `openssl rand -hex 32`"
    assert faults(SecretSettings, {"SECRET_KEY": weak, "SECRET_KEY_PREVIOUS": weak}) == (
        f"SECRET_KEY {must}",
        f"SECRET_KEY_PREVIOUS {must}",
    )


def test_a_strong_secret_passes() -> None:
    """With and without one before it."""
    load(SecretSettings, {"SECRET_KEY": STRONG})
    load(SecretSettings, {"SECRET_KEY": STRONG, "SECRET_KEY_PREVIOUS": STRONG[::-1]})


@pytest.mark.parametrize("cache", [{"REDIS_URL": "redis://:pw@one:6379/1"}, {"REDIS_HOST": "one"}])
def test_in_production_a_cache_server_is_no_bus(cache: dict[str, str]) -> None:
    """It would evict what must be kept. In development one server may play both, and a cache that is off plays none."""
    environ = {"BUS_URL": "redis://one", "DATABASE_URL": "postgresql://db/x", "SECRET_KEY": STRONG, **cache}
    load(All, environ)
    load(All, {**environ, "AURELIUS_ENV": "production", "REDIS_ENABLED": "no"})
    load(All, {**environ, "AURELIUS_ENV": "production", "BUS_URL": "redis://another"})
    (fault,) = faults(All, {**environ, "AURELIUS_ENV": "production"})
    assert fault.startswith("REDIS_URL must name another server than BUS_URL in production")


def test_settings_do_not_show_their_secrets() -> None:
    """They may be logged, or stand in an error."""
    environ = {
        "DATABASE_URL": "postgresql://me:secret-1@db/x",
        "DATABASE_DIRECT_URL": "postgresql://me:secret-2@db/x",
        "BUS_URL": "redis://:secret-3@bus",
        "REDIS_URL": "redis://:secret-4@cache",
        "REDIS_PASSWORD": "secret-5",
        "SECRET_KEY": STRONG,
        "SECRET_KEY_PREVIOUS": STRONG[::-1],
        "OBJECT_STORE_URL": "s3://secret-6@bucket",
    }
    shown = repr(load(All, environ))
    assert "secret" not in shown
    assert STRONG not in shown
    assert STRONG[::-1] not in shown
    assert "log_level='INFO'" in shown


_ADDRESSES = ("BUS_URL", "REDIS_URL", "DATABASE_URL", "DATABASE_DIRECT_URL", "OBJECT_STORE_URL")


def test_a_password_in_a_wrong_address_is_not_repeated() -> None:
    """Whichever part of it is wrong."""
    for wrong in ("x://me:hunter2@h", "redis://me:hunter2@h:x", "postgresql://me:hunter2@h:99999/d", "hunter2"):
        said = "".join(faults(All, {**dict.fromkeys(_ADDRESSES, wrong), "SECRET_KEY": "hunter2"}))
        assert "hunter2" not in said
