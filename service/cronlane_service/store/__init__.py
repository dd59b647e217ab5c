"""The store: Peewee, and nothing else of the service knows it."""

from cronlane_service.store.database import SqlDatabase, is_postgres, open_database, sqlite_path
from cronlane_service.store.errors import DatabaseUrlError, UnusableDatabase

__all__ = ["DatabaseUrlError", "SqlDatabase", "UnusableDatabase", "is_postgres", "open_database", "sqlite_path"]
