"""What workers do: each kind of job in a module of its name, all behind one protocol."""

from services.backtest.job_kinds.work import Told, Work

__all__ = ["Told", "Work"]
