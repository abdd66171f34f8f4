"""Faults on a seeded schedule against the whole system under load, and a checker that shares no code with it."""
