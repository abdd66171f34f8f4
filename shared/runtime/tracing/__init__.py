"""Traces (OpenTelemetry): off unless a collector is named, and until then nothing of its libraries is imported."""
