"""Which texts an input may be, where it may be one of a few alone."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import inspect


def choices(kind: object, path: Sequence[str] = ()) -> list[str]:
    """Return the texts that are allowed at the `path` of fields within a value of the type `kind`; none for any."""
    types = _alternatives([inspect.type_info(kind)])
    for name in path:
        structs = [each for each in types if isinstance(each, inspect.StructType)]
        fields = [field.type for struct in structs for field in struct.fields if field.encode_name == name]
        types = _alternatives(fields)
    literals = [each for each in types if isinstance(each, inspect.LiteralType)]
    return [value for literal in literals for value in literal.values if isinstance(value, str)]


def _alternatives(types: Iterable[inspect.Type]) -> Iterator[inspect.Type]:
    for each in types:
        if isinstance(each, inspect.UnionType):
            yield from _alternatives(each.types)
        else:
            yield each
