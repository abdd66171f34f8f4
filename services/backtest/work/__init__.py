"""What workers do: each kind of job in a module of its name, all behind one protocol."""

from services.backtest.work.work import Told, Work

__all__ = ["Told", "Work"]
