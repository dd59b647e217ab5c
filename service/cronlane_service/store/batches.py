"""Writes that share a transaction, on a connection that is kept for them."""

from __future__ import annotations

from time import monotonic
from typing import Any

import peewee

from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine, Notice
from cronlane_service.store.transaction import Transaction, keep_soonest
from cronlane_service.store.writes import Write, outcome

_AT_ONCE = 0.005
"""Seconds: so long a thread at work keeps Python's lock from the loop as well."""


class Batches:
    """Carries out one batch after the other; used by one thread at a time.

    What one of a batch wrote before it failed is taken back without the others': they are all carried out again then,
    each in a savepoint.
    """

    def __init__(self, engine: Engine) -> None:
        self.committing = False
        """Whether a batch that failed may be committed all the same."""
        self._engine = engine
        self._transaction: Transaction | None = None
        self._spoilt = False  # something failed at once, and to disconnect takes time as well

    @property
    def connected(self) -> bool:
        return self._transaction is not None

    @property
    def written(self) -> bool:
        """Whether anything was, on this connection."""
        return self._transaction is not None and self._transaction.connection.written > 0

    def carry_out(self, batch: list[Write], notices: dict[Notice, None], done: int = 0) -> list[Write]:
        """Those that will have their answer with the `commit`; the others are to be tried again, before later ones.

        ``done``: the first so many were carried out at once.
        """
        if self._spoilt:
            self.disconnect()
        self.committing = False
        transaction = self._transaction = self._transaction or Transaction(Connection(self._engine))
        if batch and done == len(batch):
            return batch
        if not done:
            transaction.begin_write()
        answered = batch
        if not self._together(transaction, batch[done:], notices):
            transaction.connection.rollback()
            notices.clear()
            transaction.begin_write()
            answered = [write for write in batch if self._apart(transaction, write, notices)]
        self._engine.check()
        return answered

    def carry_out_at_once(self, batch: list[Write], notices: dict[Notice, None]) -> int:
        """`carry_out` on the loop: the first so many of them, as long as it may wait. It may be none."""
        transaction, end = self._transaction, monotonic() + _AT_ONCE
        if transaction is None:  # to connect takes time
            return 0
        try:
            transaction.begin_write(wait=False)
        except peewee.PeeweeException:  # whoever has the time will find out what is wrong
            return 0
        try:
            for done, write in enumerate(batch, 1):
                if not self._together(transaction, [write], notices):
                    transaction.connection.rollback()
                    break
                if monotonic() > end:
                    return done
            else:
                self._engine.check()  # here, as each call of the system lets another thread go first
                return len(batch)
        except peewee.PeeweeException:
            self._spoilt = True
        notices.clear()
        return 0

    def commit(self, notices: dict[Notice, None]) -> None:
        assert self._transaction is not None, "nothing was carried out"
        connection = self._transaction.connection
        keep_soonest(notices)
        if notices:
            self._engine.announce(connection, list(notices))
        self.committing = True
        connection.commit()

    def disconnect(self) -> None:
        """Closing takes an open transaction back, and the next batch starts with a new connection."""
        transaction, self._transaction, self._spoilt = self._transaction, None, False
        if transaction is not None:
            transaction.connection.close()

    def _together(self, transaction: Transaction, batch: list[Write], notices: dict[Notice, None]) -> bool:
        """False: one of them wrote something and failed, or the database did not do what one of them wanted."""
        connection = transaction.connection
        for write in batch:
            written, transaction.notices = connection.written, {}
            try:
                write.result, write.error = write.operation(transaction), None
            except BaseException as error:  # it belongs to whoever asked for it, not to this thread
                write.error = error
                if self._engine.unavailable(error) is not None:
                    raise
                if connection.written != written or isinstance(error, peewee.PeeweeException):
                    return False
            else:
                notices |= transaction.notices
        return self._intact(connection)

    def _intact(self, connection: Connection) -> bool:
        """What one of them hid from us, or did not wait for, must not pass for committed."""
        try:
            return connection.intact
        except peewee.PeeweeException as error:
            if self._engine.unavailable(error) is not None:
                raise
            return False

    def _apart(self, transaction: Transaction, write: Write, notices: dict[Notice, None]) -> bool:
        """False: other servers were in the way."""
        transaction.notices = {}
        transaction.assistants.forget()  # what the one before found may be taken back

        def operate(transaction: Transaction) -> Any:
            with transaction.connection.savepoint():
                return write.operation(transaction)

        write.result, write.error = outcome(operate, transaction)
        if write.error is None:
            notices |= transaction.notices
        elif self._engine.unavailable(write.error) is not None:
            raise write.error
        elif write.tries < (most := self._engine.tries(write.error)):
            write.tries += 1
            return False
        elif most > 1:
            write.error = StoreUnavailable("other servers hold what this needs")
        return True
