"""Measuring servers over HTTP: processors kept apart, load by `wrk` and at a fixed rate, a bare application."""
