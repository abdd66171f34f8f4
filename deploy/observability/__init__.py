"""Prometheus and Grafana: what they read to watch the platform."""
