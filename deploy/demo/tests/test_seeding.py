"""Making the demo."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo import seeding
from deploy.demo.__main__ import TRY_AGAIN, main
from deploy.demo.api import Api, NoAnswer
from deploy.demo.bars import SYMBOLS, write_demo_bars
from deploy.demo.seeding import EMAIL, CannotSeed, seed, templates
from deploy.demo.tests.fake_platform import Cut, FakePlatform, Problem, serving

NAMES = ["Channel breakout", "RSI mean reversion", "SMA cross"]
DONE = f"5 datasets, 3 strategies and 15 finished backtests of {EMAIL}"


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


@pytest.fixture
def address(platform: FakePlatform) -> Iterator[str]:
    with serving(platform) as address:
        yield address


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bars")
    write_demo_bars(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, bars: Path) -> Path:
    """As the launcher made it, with the bars written: that takes a while, and `test_bars` looks at it."""
    shutil.copytree(bars, tmp_path, dirs_exist_ok=True)
    (tmp_path / "password").write_text("a long pass phrase\n")
    return tmp_path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "_POLL_SECONDS", 0.001)


def assert_complete(platform: FakePlatform) -> None:
    assert platform.names("datasets") == sorted(f"{symbol} daily" for symbol in SYMBOLS)
    assert platform.names("strategies") == NAMES
    pairs = {(run["strategy_id"], run["dataset_id"]) for run in platform.items["backtests"]}
    assert len(pairs) == len(platform.items["backtests"]) == 15
    assert {run["status"] for run in platform.items["backtests"]} == {"succeeded"}


def test_everything_is_there(platform: FakePlatform, address: str, folder: Path) -> None:
    """Each symbol's bars, each strategy, each strategy run on each symbol; and the bars as files."""
    platform.queued_for = 2
    (folder / "AAPL.csv").unlink()
    assert seed(Api(address), folder) == DONE
    assert_complete(platform)
    assert {item["symbol"]: item["rows"] for item in platform.items["datasets"]}["AAPL"] == 3270
    assert all((folder / f"{symbol}.csv").exists() for symbol in SYMBOLS)


def test_made_once(platform: FakePlatform, address: str, folder: Path) -> None:
    """The second time it only logs in; what the user has deleted meanwhile stays deleted."""
    seed(Api(address), folder)
    platform.items["strategies"].pop()
    before = len(platform.requests)
    assert seed(Api(address), folder) is None
    assert platform.requests[before:] == ["POST /auth/login"]
    assert len(platform.items["strategies"]) == 2


def requests_of_a_whole_seeding() -> int:
    """2 to log in, register and log in again; 5 datasets, 3 strategies, 15 runs; 3 lists, empty."""
    return 3 + 5 + 3 + 15 + 3


@pytest.mark.parametrize("cut_when", ["before", "after"])
def test_interrupted_anywhere_it_is_completed_without_duplicates(folder: Path, cut_when: Cut) -> None:
    """Whichever request is lost, before the platform did it or after: the next run makes what is missing, once."""
    for cut in range(1, requests_of_a_whole_seeding() + 1):
        platform = FakePlatform(cut=cut, cut_when=cut_when)
        with serving(platform) as address:
            with pytest.raises(NoAnswer):
                seed(Api(address), folder)
            assert len(platform.requests) == cut
            assert seed(Api(address), folder) == DONE
        assert_complete(platform)
        (folder / "seeded").unlink()


def test_another_database_is_seeded_as_well(address: str, folder: Path) -> None:
    """The mark of being complete belongs to an account: one that has never been seeded is, whatever was before."""
    (folder / "seeded").write_text("an-account-of-another-database\n")
    assert seed(Api(address), folder) == DONE
    assert (folder / "seeded").read_text().splitlines() == ["an-account-of-another-database", "user-0"]


def test_account_with_another_password(platform: FakePlatform, address: str, folder: Path) -> None:
    """Somebody else's, or changed by its user: said with what to do, and nothing is made."""
    platform.users[EMAIL] = ("user-7", "another pass phrase")
    with pytest.raises(CannotSeed, match=rf"{EMAIL} exists with another password than {folder}/password .*DEMO=0"):
        seed(Api(address), folder)
    assert platform.items == {"datasets": [], "strategies": [], "backtests": []}


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_run_that_does_not_succeed(platform: FakePlatform, address: str, folder: Path, end: str) -> None:
    """Named by strategy and symbol, with its reason; a later seeding runs it again and completes."""
    platform.run_end = {"status": end, "error": "not enough memory"}
    with pytest.raises(CannotSeed, match=f"the backtest of Channel breakout on AAPL {end}: not enough memory"):
        seed(Api(address), folder)
    platform.run_end = {"status": "succeeded", "error": None}
    assert seed(Api(address), folder) == DONE


def test_run_that_never_ends(
    platform: FakePlatform, address: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for without end."""
    monkeypatch.setattr(seeding, "_RUN_ENDS_WITHIN", 0.05)
    platform.queued_for = 1_000_000
    with pytest.raises(CannotSeed, match=r"the backtest backtests-0 has not ended within 0\.05 s"):
        seed(Api(address), folder)


def test_refusal_is_in_the_apis_own_words(platform: FakePlatform, address: str, folder: Path) -> None:
    """With the place in the document."""
    error = {"pointer": "/spec/entry_long", "message": "unknown function smaa"}
    platform.refused["POST /strategies"] = Problem(422, "The strategy does not parse", (error,))
    expected = "POST /strategies was answered 422: The strategy does not parse; /spec/entry_long unknown function smaa"
    with pytest.raises(CannotSeed, match=expected):
        seed(Api(address), folder)


def test_bars_that_are_not_installed(address: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named."""
    (folder / "AAPL.csv").unlink()
    monkeypatch.setenv("AURELIUS_DEMO_DATA", str(folder / "nowhere"))
    with pytest.raises(CannotSeed, match="bokeh-sampledata is not installed"):
        seed(Api(address), folder)


def test_strategies_are_files_of_their_own() -> None:
    """One each, with a name and a description for people."""
    assert [template["name"] for template in templates()] == NAMES
    assert all(template["description"] and template["spec"] for template in templates())


# --- the program ----------------------------------------


def test_program_says_what_was_made(address: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line at the first run; a later one has nothing to say."""
    assert (main([address, str(folder)]), capsys.readouterr().out) == (0, f"{DONE}\n")
    assert (main([address, str(folder)]), capsys.readouterr().out) == (0, "")


def test_program_tells_now_from_never(
    platform: FakePlatform, address: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 75 for what may work later: no answer, or none in time; 1 for what will not."""
    platform.cut = 1
    assert main([address, str(folder)]) == TRY_AGAIN
    assert capsys.readouterr().out == "POST /auth/login was answered 503: The bus does not answer\n"
    platform.refused["POST /auth/login"] = Problem(502, "Bad\n\nGateway\n")
    assert main([address, str(folder)]) == TRY_AGAIN
    assert capsys.readouterr().out == "POST /auth/login was answered 502: Bad Gateway\n"
    platform.refused.clear()
    assert main(["http://127.0.0.1:1", str(folder)]) == TRY_AGAIN
    assert "no answer (" in capsys.readouterr().out
    platform.users[EMAIL] = ("user-7", "another pass phrase")
    assert main([address, str(folder)]) == 1
    assert "another password" in capsys.readouterr().out
    (folder / "password").unlink()
    assert main([address, str(folder)]) == 1
    assert "password" in capsys.readouterr().out
