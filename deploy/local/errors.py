"""The one error that ends the launcher: its text is for the person at the terminal and says what to do."""


class StartError(Exception):
    """AURELIUS cannot be started, or not like this."""
