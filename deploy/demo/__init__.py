"""The demo: an account, real market data, template strategies and their backtests, made through the HTTP API."""
