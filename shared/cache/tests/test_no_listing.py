"""Where keys are listed, and where they are not."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]

# The one module that lists keys, what is built on it, and the one service that answers operators.
_LISTS = {"shared/cache/listing.py"}
_CALLS = {"shared/cache/operators.py", "services/invalidator/purges.py", "services/invalidator/app.py"}
_LISTING = re.compile(r"""\.(?:scan|scan_iter|keys)\(\s*(?!\))|["'](?:SCAN|KEYS)["']|call\('(?:SCAN|KEYS)'""")
_OPERATING = re.compile(r"delete_pattern|clear_all|\.listed\(|OperatedCache|cache\.listing|cache\.operators")


def sources() -> dict[str, str]:
    """Every module of the platform but its tests."""
    files = [file for part in ("shared", "services") for file in (ROOT / part).rglob("*.py")]
    return {str(file.relative_to(ROOT)): file.read_text() for file in files if "tests" not in file.parts}


def test_keys_are_listed_in_one_place() -> None:
    """No request and no invalidation waits for a walk over all keys: `KEYS` is nowhere, `SCAN` in one module."""
    assert {name for name, text in sources().items() if _LISTING.search(text)} == _LISTS


def test_operators_alone_reach_it() -> None:
    """What lists keys is called from nowhere but what answers an operator."""
    known = {"shared/cache/plain.py", "shared/cache/fake.py", "shared/cache/disabled.py"}  # the port and its fakes
    reaching = {name for name, text in sources().items() if _OPERATING.search(text)}
    assert reaching - known - _LISTS <= _CALLS


def test_both_searches_find_what_they_are_for() -> None:
    """They can fail."""
    for line in ("await client.scan(0)", "client.scan_iter(match='a')", "client.keys('*')", 'send(("KEYS", "*"))'):
        assert _LISTING.search(line)
    assert not _LISTING.search("for name in mapping.keys():")
    assert _OPERATING.search("await cache.delete_pattern('a*')")
