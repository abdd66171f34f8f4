"""The bodies."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Strategy(BaseModel):
    """A stored strategy."""

    id: UUID
    name: str
    description: str
    spec: dict[str, Any]
    spec_hash: str
    version: int
    revision: int
    status: Literal["draft", "dev", "crv", "production"]
    owner_id: UUID
    created_at: datetime
    updated_at: datetime


class StrategyPage(BaseModel):
    """A page of strategies, newest first."""

    items: list[Strategy]
    next_cursor: str | None


class StrategyPatch(BaseModel):
    """What of a strategy is to change."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=4000)


class EquityPoint(BaseModel):
    """One bar of an equity curve."""

    time: datetime
    equity: float
    drawdown: float
    position: float


class EquityCurve(BaseModel):
    """A run's curve."""

    items: list[EquityPoint]
