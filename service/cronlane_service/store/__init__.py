"""The store: Peewee, and nothing else of the service knows it."""

from cronlane_service.store.database import SqlDatabase, open_database, sqlite_path
from cronlane_service.store.errors import DatabaseUrlError, UnusableDatabase

__all__ = ["DatabaseUrlError", "SqlDatabase", "UnusableDatabase", "open_database", "sqlite_path"]
