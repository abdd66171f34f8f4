"""How much of a table or an index is free: what it has beyond what its rows need, estimated without reading it."""

from math import ceil

BLOCK = 8192
PAGE_HEAD = 24
SPARE_FRACTION = 0.5
SPARE_BYTES = 16 * 2**20
"""From so much on it is told: pages that random keys fill are a third empty, and small ones are not worth a word."""

_ROW_HEAD = 24
_KEY_HEAD = 8
_POINTER = 4
_ALIGNED = 8
_NULLS = 8  # which columns are null, aligned
_BTREE_PAGE_TAIL = 16


def spare_of_table(rows: int, row_bytes: float, table_bytes: int) -> int:
    """Return what rows of the mean width would not need in packed pages: a head and a pointer each, half an alignment.

    https://www.postgresql.org/docs/current/storage-page-layout.html
    """
    in_a_block = max(1, int((BLOCK - PAGE_HEAD) / (row_bytes + _ROW_HEAD + _POINTER + _ALIGNED / 2)))
    return max(0, table_bytes - ceil(rows / in_a_block) * BLOCK)


def spare_of_btree(keys: int, key_bytes: float, *, nulls: bool, fillfactor: int, index_bytes: int) -> int:
    """Return what keys of the mean width would not need in leaves that are `fillfactor` per cent full, as new ones are.

    That is the way of https://github.com/ioguix/pgsql-bloat-estimation (btree), with the pages above the leaves and the
    first one of the index besides; the sizes are those of itup.h and nbtree.h. It is an estimate from means: padding
    between columns is left out, and equal keys, which one entry holds together, are counted as if each had its own, so
    that free room of an index with many of them is told too small or not at all. pgstatindex of pgstattuple measures
    it, and reads the whole index for that.
    """
    data = _ALIGNED * ceil(key_bytes / _ALIGNED)
    room = (BLOCK - PAGE_HEAD - _BTREE_PAGE_TAIL) * fillfactor / 100
    in_a_leaf = max(1, int(room / (_KEY_HEAD + (_NULLS if nulls else 0) + data + _POINTER)))
    leaves = max(1, ceil(keys / in_a_leaf))
    return max(0, index_bytes - (1 + leaves + leaves // in_a_leaf) * BLOCK)


def is_worth_a_word(spare: int, total_bytes: int) -> bool:
    """Say whether so much is to be told of."""
    return spare > max(SPARE_BYTES, SPARE_FRACTION * total_bytes)
