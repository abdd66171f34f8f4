"""What the relay does, a rule a module: append, know where a stream is, rebuild it, keep it as long as it is owed."""
