"""The arguments that many functions take."""

from services.backtest.core.language.functions.form import Argument, Role, length

X = Argument("x", Role.SERIES, "the series")
N = length("n", "bars in the window")
N_OF_TWO = length("n", "bars in the window, at least two", least=2)
LAST = length("n", "how many bars ago")
SMOOTHED = length("n", "bars that the average stands for")

A = Argument("a", Role.VALUE, "a number or a series")
B = Argument("b", Role.VALUE, "a number or a series")
K = Argument("k", Role.NUMBER, "how many deviations from the middle")
RANGES = Argument("k", Role.NUMBER, "how many average ranges from the middle")

HIGH = Argument("high", Role.SERIES, "the highs")
LOW = Argument("low", Role.SERIES, "the lows")
CLOSE = Argument("close", Role.SERIES, "the closes")
VOLUME = Argument("volume", Role.SERIES, "the volumes")
