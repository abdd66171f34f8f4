"""Keeps secrets out of what is written: those of this process by their value, others by what they look like.

Libraries put addresses with passwords, arguments of statements and headers into their messages and errors, whatever our
own lines are careful to leave out.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"

# A shorter one is a word that any line may hold.
SHORTEST = 4

# Of our own sentences that say how an address is written: redis://[[user]:password@]host:port/database.
_PLACEHOLDER = r"\[*\w+\]?:password@\]?host:port/"
# Every pattern is tried but once on each run of characters, and gives nothing back (`++`, and what `(?=` has found):
# what is searched may be a stranger's, and some ways of trying take minutes on a few thousand of his characters.
_LOOKS = re.compile(
    rf"""
      (?<=://) (?! {_PLACEHOLDER} ) [^\s/'"]* (?=@)  # user and password of a URL
    | (?<=bearer[ ]) [^\s'",;]+                      # RFC 6750
    | (?: (?<![\w-]) | (?<=%[0-9a-f]{{2}}) ) eyJ [\w-]++ \. [\w-]++ \. [\w-]*  # a JSON Web Token
    | \$argon2 \w* \$ [^\s'"]+                      # the hash of a password
    | (?<=[0-9a-f]{{12}}\.) [\w-]{{43}} (?![\w-])   # the random part of a refresh token
    | (?<=password[ ]) '(?:[^'\\]|\\.|'')*+'         # of a role, in SQL
    | (?<=[?&]sig=) [^\s'"&]+                       # of a signed URL
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NAMES = r"password|passwd|passphrase|pwd|secret|token|credential|signature|(?:api|private|access)[_-]?key"
# One that nothing ends goes on to the end of the text.
_QUOTED = r"""b?" (?:[^"\\]|\\.)*+ (?:"|\\?\Z) | b?' (?:[^'\\]|\\.)*+ (?:'|\\?\Z)"""
# As JSON writes them in a text of JSON.
_QUOTED_WITHIN = r"""(?P<level>\\++)(?P<mark>["']) .*? (?: (?<!\\)(?P=level)(?P=mark) | \Z )"""
_QUOTE = r"""(?:\\*+["']|%22|%27)"""
# A name and what it is given, as headers, mappings, pairs, queries, assignments and Postgres's details are written.
_NAMED = re.compile(
    rf"""
    (?<![\w-])
    (?P<name>
        (?P<line> (?= [\w-]*? (?:authorization|cookie) (?![\w-]) ) [\w-]++ )
      | (?= [\w-]*? (?:{_NAMES}) ) [\w-]++
    )
    (?P<between> {_QUOTE}? \]? \s*+ (?: ==? | : | %3D | %3A ) \s*+ | {_QUOTE} \s*+ , \s* | \)=\( )
    (?: {_QUOTED_WITHIN} | {_QUOTED} | (?(line) [^\r\n"']+ | [^\s'",;&)\]}}]+ ) )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


class Redactor:
    """Masks `secrets`, however they are escaped, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {
            spelling
            for secret in secrets
            for spelling in (secret, quote(secret, safe=""), quote(secret), repr(secret)[1:-1])
            if len(spelling) >= SHORTEST
        }
        longest_first = sorted(spellings, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """Return `text` without its secrets."""
        if self._values is not None:
            text = self._values.sub(MASK, text)
        return _NAMED.sub(rf"\g<name>\g<between>{MASK}", _LOOKS.sub(MASK, text))
