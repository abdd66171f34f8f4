"""What the checker finds."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept: which (`rule`), with what (`subject`), how, and the lines that show it."""

    rule: str
    subject: str
    detail: str
    evidence: list[Any] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As the report has it."""
        return asdict(self)
