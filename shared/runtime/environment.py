"""Reads a dataclass of settings from environment variables, and says all that is wrong with them in sentences."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Meta

# What people write for a switch, and what msgspec would not take.
_SWITCHES = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}

S = TypeVar("S")


class SettingsError(Exception):
    """Variables are missing or wrong: a sentence for each, with its name and what is allowed, never with its value."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Rule(NamedTuple):
    """Marks a text as one that must look like something: `must` says what, `faults` yields what is wrong with it."""

    must: str
    faults: Callable[[str], Iterator[str]]


class Together(NamedTuple):
    """A rule over several fields, for a class's RULES: `fault` is given their values and says what is wrong."""

    fields: tuple[str, ...]
    fault: Callable[..., str]


class _Unfit(Exception):
    """The text is not a value of its field; says what one must be."""


def load(kind: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Read the dataclass `kind` from `environ` (the process's own when None).

    A field is read from the variable of its name in capitals, or of its metadata's `variable`; a variable that is empty
    is one that is not set, and space around a value is none of it: files add line ends. Rules over several fields are
    in RULES of the class or its bases. Raises SettingsError naming every variable that is missing or wrong.
    """
    environ = os.environ if environ is None else environ
    types = get_type_hints(kind, include_extras=True)
    values: dict[str, object] = {}
    faults: list[str] = []
    for field in _fields(kind):
        text = environ.get(_variable(field), "").strip()
        try:
            if text:
                values[field.name] = _convert(text, types[field.name])
            elif field.default is dataclasses.MISSING:
                faults.append(f"{_variable(field)} is not set; it {_must(types[field.name])}")
            else:
                values[field.name] = field.default
        except _Unfit as unfit:
            faults.append(f"{_variable(field)} {unfit}")
    faults += _broken_rules(kind, values)
    if faults:
        raise SettingsError(*faults)
    return kind(**values)


def variable(kind: type[object], field_name: str) -> str:
    """Return the name of the variable that a field is read from."""
    (found,) = (_variable(field) for field in _fields(kind) if field.name == field_name)
    return found


def secrets_of(settings: object) -> set[str]:
    """Return what must not be shown of settings: fields kept out of their repr, and of URLs the password alone."""
    found: set[str] = set()
    for field in _fields(type(settings)):
        value = getattr(settings, field.name)
        if not field.repr and isinstance(value, str):
            found |= set(_passwords(value)) if "://" in value else {value}
    return found - {""}


def _passwords(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.password:
        yield parts.password
        yield unquote(parts.password)
    for name, value in parse_qsl(parts.query):
        if "password" in name:
            yield value


def _broken_rules(kind: type[object], values: Mapping[str, object]) -> Iterator[str]:
    for owner in kind.__mro__:
        rules: tuple[Together, ...] = vars(owner).get("RULES", ())
        for rule in rules:
            # What is wrong by itself has been said already.
            if all(name in values for name in rule.fields) and (fault := rule.fault(*map(values.get, rule.fields))):
                yield fault


def _fields(kind: type[object]) -> tuple["dataclasses.Field[object]", ...]:
    return dataclasses.fields(kind)  # type: ignore[arg-type]  # every kind of settings is a dataclass


def _variable(field: "dataclasses.Field[object]") -> str:
    return str(field.metadata.get("variable", field.name.upper()))


def _convert(text: str, kind: object) -> object:
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if plain is bool and text.lower() in _SWITCHES:
        return _SWITCHES[text.lower()]
    if get_origin(plain) is Literal:
        for choice in get_args(plain):
            if choice.lower() == text.lower():
                return choice
    if plain is Path:
        return _folder(text)
    for rule in _marks(kind, Rule):
        _obey(rule, text)
    try:
        value: object = msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _Unfit(_must(kind)) from error
    return value


def _obey(rule: Rule, text: str) -> None:
    try:
        for fault in rule.faults(text):
            raise _Unfit(fault)
    except ValueError as error:  # a URL whose brackets do not match
        raise _Unfit(rule.must) from error


def _folder(text: str) -> Path:
    try:
        path = Path(text).expanduser()
        usable = path.is_dir() or not any(part.exists() and not part.is_dir() for part in (path, *path.parents))
    except (OSError, RuntimeError):  # it may not be looked at, or ~ is nobody's home
        usable = False
    if not usable:
        raise _Unfit("must name a folder, not a file, that this process may read")
    return path


def _marks(kind: object, mark: type[S]) -> list[S]:
    return [each for each in get_args(kind)[1:] if isinstance(each, mark)] if get_origin(kind) is Annotated else []


def _must(kind: object) -> str:
    """Say what a value of this type must be."""
    for rule in _marks(kind, Rule):
        return rule.must
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if plain is bool:
        return "must be true or false"
    if get_origin(plain) is Literal:
        return f"must be one of {', '.join(filter(None, get_args(plain)))}"
    if plain in (int, float):
        what = "a whole number" if plain is int else "a number"
        return f"must be {what}{''.join(_bounds(meta) for meta in _marks(kind, Meta))}"
    return "must be a text"


def _bounds(meta: Meta) -> str:
    unit = f" of {meta.title}" if meta.title else ""
    return f"{unit} from {meta.ge} to {meta.le}" if meta.gt is None else f"{unit} above {meta.gt}, {meta.le} at most"
