"""Verdicts as they stand in the document."""


def in_words(met: bool) -> str:
    """Say whether something is as is asked for."""
    return "met" if met else "**not met**"
