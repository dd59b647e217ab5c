"""Brings a database to this version's tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import peewee
from playhouse.migrations import Runner

from cronlane_service.store.engine import Engine
from cronlane_service.store.errors import UnusableDatabase

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> Sequence[str]:
    """Applies what is missing, in order, each in a transaction, and answers its names. Raises UnusableDatabase."""
    try:
        database = engine.connect()
        try:
            with engine.migrating(database):
                return _apply(engine, Runner(database, str(MIGRATIONS)))
        finally:
            database.close()
    except peewee.PeeweeException as error:
        raise UnusableDatabase(engine.name, f"it cannot be migrated: {error}") from error


def _apply(engine: Engine, runner: Any) -> list[str]:
    unknown = [migration.name for migration in runner.status() if migration.path is None]
    if unknown:
        raise UnusableDatabase(engine.name, f"a newer version of cronlane has changed it ({', '.join(unknown)})")
    return list(runner.up())
