"""What an operator can set, by flag or by environment variable ``CRONLANE_<NAME>``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from cronlane_service.domain.signatures import key
from cronlane_service.domain.webhooks import Hosts


def _usable(secret: SecretStr) -> SecretStr:
    key(secret.get_secret_value())
    return secret


WebhookSecret = Annotated[SecretStr, AfterValidator(_usable)]


class Settings(BaseModel, frozen=True):
    """All settings, with their defaults. Spans are in seconds, sizes in bytes."""

    config: Path | None = Field(None, description="langgraph.json; default: the one here, else the demo graph")
    database: str = Field(".cronlane/cronlane.db", min_length=1, description="an SQLite file, or postgresql://")
    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    grpc_port: int = Field(50051, ge=0, le=65535, description="0: any free one")
    rest_port: int = Field(8123, ge=0, le=65535, description="0: any free one")
    concurrency: int = Field(10, ge=1, le=10_000, description="runs executed at the same time")
    lease: float = Field(30.0, ge=1, description="how long a worker owns a run without a sign of life")
    attempts: int = Field(3, ge=1, le=50, description="how often a run is tried when its workers are lost")
    retry_pause: float = Field(1.0, ge=0, description="before a lost run is tried again; doubles up to a minute")
    run_timeout: float | None = Field(None, gt=0, description="how long an attempt at a run may take")
    grace: float = Field(10.0, ge=0, description="how long runs under way may go on after SIGTERM")
    tick_retention: float = Field(30.0, gt=0, le=36_500, description="days for which the ledger of ticks is kept")
    max_message: int = Field(32 * 1024 * 1024, ge=1024, description="largest request accepted")
    webhook_hosts: Hosts = Field(Hosts.PRIVATE, description="that webhooks may call: public, private too, or any")
    webhook_attempts: int = Field(3, ge=1, le=100, description="how often a webhook is tried")
    webhook_secret: WebhookSecret | None = Field(
        None, description="signs webhooks; whsec_ and 24 to 64 bytes in base64"
    )
    log_format: Literal["text", "json"] = Field("text", description="of the log on standard error")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe event logged")

    @classmethod
    def read(cls, **flags: object) -> Self:
        """What no flag says, the environment does. Raises ValidationError."""
        variables = {name: f"CRONLANE_{name.upper()}" for name in cls.model_fields}
        told = {name: os.environ[variable] for name, variable in variables.items() if variable in os.environ}
        return cls.model_validate(told | flags)
