"""Looking ahead while nothing is due: what follows the ticks that are coming is found before they come."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from cronlane_service.domain.foreseen import Foreseen
from cronlane_service.domain.ports import Transaction

AHEAD = timedelta(minutes=2)
"""So far: finding what follows takes up to 0.4 ms for an expression, so many thousand are found by then."""
FIRST = (datetime(1970, 1, 1, tzinfo=UTC), "")
"""Before every cron, by due instant and id."""
_STRIDE = timedelta(seconds=20)
_KEPT = timedelta(seconds=10)  # after its instant: firing may be behind
_PAGE, _SOME = 200, 10  # crons read, instants found: some milliseconds, in which nothing else is looked at


class LookAhead:
    """Goes through the crons that are due next, page by page."""

    def __init__(self, foreseen: Foreseen) -> None:
        self._foreseen = foreseen
        self._after = FIRST  # due instant and id of the last one that was seen
        self._until = self._after[0]
        self._coming: Counter[datetime] = Counter()

    def expected(self, now: datetime) -> int:
        """About how many plain crons are due by now, of those that were seen coming."""
        return sum(many for tick, many in self._coming.items() if tick <= now)

    def passed(self, now: datetime) -> None:
        """What was due by now has been fired."""
        self._coming = Counter({tick: many for tick, many in self._coming.items() if tick > now})

    def find_some(self) -> bool:
        """Finds a few of the instants that are wanted; False: none is."""
        return self._foreseen.find_some(_SOME)

    def wants_page(self, now: datetime) -> bool:
        """Whether it is time to read on."""
        if self._after[0] >= self._until and now + AHEAD >= self._until + _STRIDE:
            self._foreseen.forget(now - _KEPT)
            self._until = now + AHEAD
        return self._after[0] < self._until

    def read_page(self, tx: Transaction) -> None:
        coming = tx.firings.coming(*self._after, self._until, _PAGE)
        for each in coming:
            self._foreseen.want(each.schedule, each.timezone, each.tick)
        self._coming.update(each.tick for each in coming)
        last = coming[-1] if len(coming) == _PAGE else None
        self._after = (self._until, "") if last is None else (last.tick, last.cron_id)
        self._foreseen.until = self._after[0]
