"""What was traded on the way up and on the way down."""

from services.backtest.core.language.functions.arguments import CLOSE, VOLUME, N
from services.backtest.core.language.functions.form import Argument, Function, Role

TRADED = (
    Function(
        "obv",
        (),
        does="the on-balance volume: volume added on a higher close, taken off on a lower one",
        unit="volume",
        warmup="0",
        source="Granville (1963), TA-Lib OBV, which starts at the first bar's volume; Pine's ta.obv starts at 0",
        formula="_balance(close, volume)",
        definition="obv[1] + sign(close - close[1]) * volume, first volume",
    ),
    Function(
        "mfi",
        (N,),
        does="the money flow index: the share of money that was traded at a higher typical price than the bar before",
        unit="0 to 100",
        warmup="n",
        source="Quong and Soudack (1989), TA-Lib MFI, which says 0 where less than 1 was traded; Pine ta.mfi",
        formula="100 * sum_n(max(_flow(hlc3, volume), 0), n) / sum_n(abs(_flow(hlc3, volume)), n)",
        definition="100 * sum_n(hlc3 * volume where hlc3 > hlc3[1], n) / sum_n(the same where it is not hlc3[1], n)",
    ),
    Function(
        "_balance",
        (CLOSE, VOLUME),
        does="the on-balance volume",
        unit="volume",
        warmup="0",
        source="Granville (1963)",
        hidden=lambda: 0,
    ),
    Function(
        "_flow",
        (Argument("price", Role.SERIES, "the typical prices"), VOLUME),
        does="the money that moved, with the sign of the price's move",
        unit="price times volume",
        warmup="1",
        source="Quong and Soudack (1989)",
        hidden=lambda: 1,
    ),
)
