"""Time zones whose rules are not what they were: the crons in them come at other instants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cronlane_service.domain import zones
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.domain.schedule import Schedule
from cronlane_service.usecases import timing


class Zones:
    """Puts the next instants of crons right, in portions."""

    def __init__(self, clock: Clock, reckoning: str = "") -> None:
        """``reckoning``: what else next instants come from; when it is another one, so may they be."""
        self._clock, self._reckoning = clock, reckoning

    def changed(self, tx: Transaction) -> Mapping[str, str]:
        """By zone that crons are in, the rules that are in force now, where others are noted or none."""
        noted = tx.zones.rules()
        in_force = {name: f"{zones.rules(name)} {self._reckoning}" for name in tx.zones.used() if _is_zone(name)}
        return {name: rules for name, rules in in_force.items() if noted.get(name) != rules}

    def retime(self, tx: Transaction, names: Sequence[str], after: str, limit: int = 500) -> tuple[str | None, int]:
        """Moves the next instants of crons in these zones that are not what they were, by cron id.

        Answers where to go on, None at the end, and how many were moved.
        """
        now = self._clock.now()
        zoned = tx.crons.zoned(names, after, limit)
        moved = [each.cron_id for each in zoned if timing.moved(tx, each, now)]
        if moved:
            tx.notify(Topic.CRONS)
        return (zoned[-1].cron_id if zoned else None), len(moved)

    def note(self, tx: Transaction, rules: Mapping[str, str]) -> None:
        """All crons in these zones come by these rules."""
        tx.zones.note(rules)


def _is_zone(name: str) -> bool:
    try:
        Schedule.check_timezone(name)
    except InvalidField:
        return False  # the scheduler tells its crons
    return True
