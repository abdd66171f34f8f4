"""The tables this service reads and writes as files: uploaded CSV, datasets and results in Arrow."""
