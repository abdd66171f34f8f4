"""What makes an uploaded table a dataset: its columns, the rules every bar keeps, and what is told about the whole."""
