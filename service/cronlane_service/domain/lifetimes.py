"""How long threads live, and what becomes of them then."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.immutable import immutable

LONGEST = timedelta(days=36525)
EARLIER = "earlier"
"""In the place of a run's id in a purge: every checkpoint that is not needed to go on from the newest."""


class PruneStrategy(StrEnum):
    """DELETE: all of the thread goes. KEEP_LATEST: what it does not need of its past."""

    DELETE = "delete"
    KEEP_LATEST = "keep-latest"


@immutable
class Ttl:
    """How long a thread lives after its last change. ``after`` None: for ever."""

    after: timedelta | None = None
    strategy: PruneStrategy = PruneStrategy.DELETE

    def end(self, changed_at: datetime) -> datetime | None:
        return None if self.after is None else changed_at + self.after


def check(ttl: Ttl | None) -> None:
    if ttl is not None and ttl.after is not None and not timedelta(0) < ttl.after <= LONGEST:
        raise InvalidField("ttl", "must be more than 0 minutes and at most 100 years")
