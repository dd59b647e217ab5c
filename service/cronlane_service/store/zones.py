"""By which rules of their time zones the crons' next instants were found, in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cronlane_service.store.connection import Connection
from cronlane_service.store.statements import Statement, replace
from cronlane_service.store.tables import CronTable, ZoneTable

# Not only those that are to be fired: their index leads to one row after the other, a scan takes a tenth of that.
_USED = Statement(lambda _: CronTable.select(CronTable.timezone).distinct().where(CronTable.timezone.is_null(False)))
_RULES = Statement(lambda _: ZoneTable.select())
_NOTE = replace(ZoneTable)


class Zones:
    """Implements ZoneStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def used(self) -> Sequence[str]:
        return [name for (name,) in self._connection.rows(_USED) if isinstance(name, str)]

    def rules(self) -> Mapping[str, str]:
        return dict(self._connection.rows(_RULES))

    def note(self, rules: Mapping[str, str]) -> None:
        self._connection.put_each(_NOTE, list(rules.items()))
