"""The canonical form of a strategy, and its hash.

Two spellings of one strategy have one hash. Names given under `let` are replaced by what they stand for, white space,
brackets and the order of keys and constraints are gone, `1` and `1.0` are one, arithmetic on constants is worked out,
`a < b < c` is `a < b and b < c`, a function with a formula is its formula, and null is absent. A stop is the same as
a number and as a text, and a volatility target without a window has its default. Operands keep their order: `a + b` is
not `b + a`. A `let` that nothing uses does not count. The params do, names, bounds, defaults and all: they are what a
caller sets, so a strategy with another name for one is another strategy.

The hash is SHA-256 over JSON with sorted keys and no white space. An expression stands in it as the hash of
[operation, name, value, bars, hashes of its operands].
"""

import hashlib
import json
from collections.abc import Iterable, Mapping

from services.backtest.core.language.params import Param
from services.backtest.core.language.sizing import Sizing
from services.backtest.core.language.tree import Tree

FORM = 1
"""The version of this form; raised when the same strategy would hash differently."""


def spec_hash(
    tree: Tree, params: Mapping[str, Param], rules: Mapping[str, int], constraints: Iterable[int], sizing: Sizing
) -> str:
    """The SHA-256 of the canonical form, 64 hexadecimal digits.

    `rules` are the positions in `tree` of the rules and the stops by key, `constraints` those of the constraints.
    """
    digests = _digests(tree)
    return _sha256(
        {
            "form": FORM,
            "params": {name: _interface(param) for name, param in params.items()},
            "constraints": sorted({digests[position] for position in constraints}),
            "rules": {rule: digests[position] for rule, position in rules.items()},
            "sizing": sizing.canonical,
        }
    )


def _interface(param: Param) -> dict[str, object]:
    return {
        "type": param.type,
        "min": param.minimum,
        "max": param.maximum,
        "choices": param.choices,
        "default": param.default,
    }


def _digests(tree: Tree) -> list[str]:
    digests: list[str] = []
    for node in tree.nodes:
        operands = [digests[position] for position in node.args]
        digests.append(_sha256([node.op.value, node.name, node.value, node.bars, operands]))
    return digests


_SPELLED = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def _sha256(value: object) -> str:
    return hashlib.sha256(_SPELLED(value).encode()).hexdigest()
