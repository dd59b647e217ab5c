"""Lets a run say what became of its earlier attempts."""

from __future__ import annotations

from typing import Any

from peewee import TextField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("runs", "history", TextField(null=True)))
