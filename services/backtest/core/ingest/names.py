"""What a dataset is called when its uploader does not say."""

from pathlib import PurePosixPath

from shared.contracts.errors import InputError, Invalid

MAX_NAME = 200
MAX_SYMBOL = 64
_PACKED = (".gz", ".gzip")


def names_of(filename: str, name: str | None, symbol: str | None, found: str | None = None) -> tuple[str, str]:
    """Return the name and the symbol: as given, else the file's name without its endings, for the symbol in capitals.

    A symbol that was `found` in the file's rows goes before the file's name.

    Raises Invalid when one that is given holds characters that cannot be shown.
    """
    for pointer, given in (("/name", name), ("/symbol", symbol)):
        if given is not None and not given.isprintable():
            message = "holds a character that cannot be shown, such as a line break; take it out"
            raise Invalid(f"The {pointer[1:]} {message}", errors=(InputError(pointer, message),))
    if found is not None and not (found.isprintable() and 0 < len(found) <= MAX_SYMBOL):
        found = None
    path = PurePosixPath(filename.replace("\\", "/"))
    stem = (path.with_suffix("") if path.suffix.lower() in _PACKED else path).stem
    stem = "".join(character for character in stem if character.isprintable()).strip() or "dataset"
    return name or stem[:MAX_NAME], symbol or found or stem.upper()[:MAX_SYMBOL]
