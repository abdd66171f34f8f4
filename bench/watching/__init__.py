"""What a Prometheus beside the platform has to say of it."""
