"""Settings from the environment."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from msgspec import Meta

from shared.runtime.settings import (
    CacheServerSettings,
    DatabaseSettings,
    SecretSettings,
    Settings,
    SettingsError,
    check_secret,
    load,
)

STRONG = "4e1f0c2b9a8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One field of each kind."""

    size: Annotated[int, Meta(ge=1, le=100)]
    ratio: Annotated[float, Meta(gt=0)] = 0.5
    mode: Literal["fast", "safe"] = "safe"
    verbose: bool = False
    folder: Path = Path("here")
    name: str = "nobody"


def faults(kind: type[object], environ: dict[str, str]) -> list[str]:
    """Return what is wrong, one fault an item."""
    with pytest.raises(SettingsError) as raised:
        load(kind, environ)
    return str(raised.value).split("; ")


def test_values_are_read_by_their_type() -> None:
    """From the variable of the field's name in capitals."""
    environ = {"SIZE": "7", "RATIO": "1", "MODE": "fast", "VERBOSE": "TRUE", "FOLDER": "/a b", "NAME": "12"}
    assert load(Sample, environ) == Sample(size=7, ratio=1.0, mode="fast", verbose=True, folder=Path("/a b"), name="12")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_a_switch_has_two_spellings(text: str, value: bool) -> None:
    """As words or as digits."""
    assert load(Sample, {"SIZE": "1", "VERBOSE": text}).verbose is value


def test_what_is_not_set_has_its_default() -> None:
    """An empty variable is one that is not set: `NAME= make run` must not mean a name of no letters."""
    assert load(Sample, {"SIZE": "7", "RATIO": "", "NAME": ""}) == Sample(size=7)


def test_every_fault_is_named_at_once() -> None:
    """Who sets up a machine wants all the news in one start."""
    environ = {"RATIO": "0", "MODE": "slow", "VERBOSE": "perhaps", "FOLDER": "x"}
    assert faults(Sample, environ) == [
        "SIZE is not set",
        "RATIO: Expected `float` > 0.0",
        "MODE: give one of fast, safe",
        "VERBOSE: Expected `bool`, got `str`",
    ]


@pytest.mark.parametrize("text", ["0", "101", "1.5", "many", " 7"])
def test_a_number_out_of_range_or_shape_is_refused(text: str) -> None:
    """With the range, or the type, that is wanted."""
    (fault,) = faults(Sample, {"SIZE": text})
    assert fault.startswith("SIZE: Expected `int`")


def test_a_wrong_value_is_not_repeated() -> None:
    """A secret put into the wrong variable must not reach a log."""
    assert all("hunter2" not in fault for fault in faults(Sample, {"SIZE": "hunter2", "MODE": "hunter2"}))


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `main` relies on."""
    monkeypatch.setenv("SIZE", "42")
    assert load(Sample).size == 42


def test_every_process_starts_without_a_variable() -> None:
    """On a developer's machine; only what has no sensible default must be set."""
    assert load(Settings, {}) == Settings()
    assert faults(DatabaseSettings, {}) == ["DATABASE_URL is not set"]
    assert faults(SecretSettings, {}) == ["SECRET_KEY is not set"]


def test_objects_are_kept_in_the_data_folder_unless_said_otherwise(tmp_path: Path) -> None:
    """As a URL, whatever characters the folder's name holds."""
    folder = tmp_path / "data & co"
    assert Settings(data_dir=folder).objects_url() == (folder / "objects").as_uri()
    assert Settings(object_store_url="s3://bucket").objects_url() == "s3://bucket"


def test_the_cache_url_is_made_of_its_parts() -> None:
    """A password of any characters, or none; and REDIS_URL beats the parts."""
    environ = {"REDIS_HOST": "cache", "REDIS_PORT": "1234", "REDIS_DB": "2"}
    assert load(CacheServerSettings, environ).cache_url() == "redis://cache:1234/2"
    environ["REDIS_PASSWORD"] = "p@ss/word"
    assert load(CacheServerSettings, environ).cache_url() == "redis://:p%40ss%2Fword@cache:1234/2"
    environ["REDIS_URL"] = "rediss://elsewhere"
    assert load(CacheServerSettings, environ).cache_url() == "rediss://elsewhere"


@pytest.mark.parametrize("weak", ["secret", "a" * 64, "changeme" * 8, STRONG[:31]])
def test_a_weak_secret_is_refused(weak: str) -> None:
    """Short ones and ones of a few letters, as the key and as the key before it; the text says how to make one."""
    with pytest.raises(SettingsError, match=r"SECRET_KEY is too weak.*openssl rand"):
        check_secret(SecretSettings(secret_key=weak), "production")
    with pytest.raises(SettingsError, match="SECRET_KEY_PREVIOUS is too weak"):
        check_secret(SecretSettings(secret_key=STRONG, secret_key_previous=weak), "development")


def test_a_strong_secret_passes() -> None:
    """With and without one before it."""
    check_secret(SecretSettings(secret_key=STRONG), "production")
    check_secret(SecretSettings(secret_key=STRONG, secret_key_previous=STRONG[::-1]), "production")


def test_a_bus_url_of_another_kind_is_refused() -> None:
    """The name of the variable and what it may begin with, before anything connects."""
    with pytest.raises(SettingsError, match="BUS_URL must begin with redis://"):
        load(Settings, {"BUS_URL": "http://127.0.0.1:6379"})
