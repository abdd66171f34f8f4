"""RFC 9110, section 12.5.3, read sentence by sentence, and headers whose meaning is known since they are made of it."""

from decimal import Decimal

from hypothesis import strategies as st

Named = tuple[str, Decimal]
OURS = ("zstd", "br", "gzip")
_UNREAD = Decimal("0.0001")  # below every weight that a client can give


def accepted(coding: str, members: list[Named]) -> Decimal | None:
    """Return how much a client that names `members` wants a coding or "identity", None where it refuses it."""
    named = [weight for name, weight in members if name == coding]
    covered = [weight for name, weight in members if name == "*"]
    # "The asterisk "*" symbol ... matches any available content coding not explicitly listed in the field."
    said = named or covered
    if said:
        # "... acceptable unless it is accompanied by a qvalue of 0"; who refuses once has refused.
        return min(said) or None
    # "If the representation has no content coding, then it is acceptable by default unless specifically excluded"
    return _UNREAD if coding == "identity" else None


def best(members: list[Named]) -> str | None:
    """Return what to send: "" for the plain bytes, None for 406.

    "If multiple content codings are acceptable, then the acceptable content coding with the highest non-zero qvalue
    is preferred." Of equals, the earliest of OURS, the plain bytes last.
    """
    wanted = {coding: weight for coding in (*OURS, "identity") if (weight := accepted(coding, members)) is not None}
    if not wanted:
        return None
    chosen = max(wanted, key=lambda coding: wanted[coding])  # the first of equals
    return "" if chosen == "identity" else chosen


_NAMES = st.sampled_from([*OURS, "identity", "*", "deflate", "compress", "zst", "gzipped"])
_SPACE = st.sampled_from(["", " ", "\t", "  "])


@st.composite
def _weights(draw: st.DrawFn) -> tuple[str, Decimal]:
    """A weight as it may be written, and what it is."""
    digits = draw(st.sampled_from(["", "0", "1", "0.", "1.", "1.000", "0.0", "0.000", "0.001"]) | _fractions())
    if not digits:
        return "", Decimal(1)
    before, between = draw(_SPACE), draw(_SPACE)
    return f"{before};{between}{draw(st.sampled_from('qQ'))}={digits}", Decimal(digits.rstrip(".") or "0")


def _fractions() -> st.SearchStrategy[str]:
    return st.integers(0, 999).map(lambda thousandths: f"0.{thousandths:03d}")


@st.composite
def headers(draw: st.DrawFn) -> tuple[str, list[Named]]:
    """A header that the grammar allows, and the members that it names."""
    members, texts = [], []
    for name in draw(st.lists(_NAMES, max_size=8)):
        text, weight = draw(_weights())
        written = draw(st.sampled_from([name, name.upper(), name.title()]))
        texts.append(f"{draw(_SPACE)}{written}{text}{draw(_SPACE)}")
        members.append((name, weight))
        if draw(st.booleans()):
            texts.append(draw(_SPACE))  # an empty member, which is to be ignored
    return ",".join(texts), members
