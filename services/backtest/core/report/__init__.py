"""The report of a backtest: one HTML page that needs nothing else, no script and no network, and is never too large."""

from services.backtest.core.report.page import render
from services.backtest.core.report.subject import Market, Subject

__all__ = ["Market", "Subject", "render"]
