"""Tests across services, and what all integration tests stand on."""
