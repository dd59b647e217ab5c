"""Webhooks: noted with a run's end, called until somebody answers or it was tried often enough."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cronlane_service.domain import webhooks
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.domain.runs import Run, RunError
from cronlane_service.domain.webhooks import Webhook

LEASE = timedelta(seconds=60)
"""How long a call that was taken up is left alone by others; longer than one can take."""
FIRST_PAUSE, FACTOR, LONGEST_PAUSE = timedelta(seconds=1), 2.4, timedelta(minutes=5)


def note(tx: Transaction, run: Run, values: str | None, error: RunError | None, now: datetime) -> None:
    """A run has ended: whoever wanted to hear of it is to be called."""
    url = webhooks.url(run)
    if url is not None:
        tx.webhooks.insert(Webhook(run.run_id, run.owner, url, webhooks.body(run, values, error), now, now))
        tx.notify(Topic.WEBHOOKS)


class Webhooks:
    """What is to be called, as those see it who call."""

    def __init__(self, clock: Clock, most: int = 3) -> None:
        """``most``: how often one is tried."""
        self._clock, self._most = clock, most

    def claim(self, tx: Transaction, limit: int) -> Sequence[Webhook]:
        """Those that are due, the longest due first; nobody else gets them for a while."""
        now = self._clock.now()
        return tx.webhooks.claim(now, now + LEASE, limit)

    def next_due(self, tx: Transaction) -> datetime | None:
        return tx.webhooks.next_due()

    def answered(self, tx: Transaction, webhook: Webhook) -> None:
        """It is done, or there is no use in trying again."""
        tx.webhooks.delete(webhook)

    def failed(self, tx: Transaction, webhook: Webhook, problem: str) -> bool:
        """Whether it is tried again, after a pause that grows."""
        if webhook.attempts >= self._most:
            tx.webhooks.delete(webhook)
            return False
        pause = min(FIRST_PAUSE * FACTOR ** min(webhook.attempts - 1, 20), LONGEST_PAUSE)
        tx.webhooks.put_off(webhook, self._clock.now() + pause, problem)
        return True

    def hand_back(self, tx: Transaction, webhook: Webhook) -> None:
        """It was not tried to the end: it is due at once, for whoever comes."""
        tx.webhooks.put_off(webhook, self._clock.now(), webhook.last_error)

    def recover(self, tx: Transaction) -> int:
        """Makes all due, for a server that knows itself to be alone on its database."""
        return tx.webhooks.release(self._clock.now())
