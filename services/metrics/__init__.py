"""Owns what was measured; consumes every process's timings; answers with metrics; publishes its own timings alone."""
