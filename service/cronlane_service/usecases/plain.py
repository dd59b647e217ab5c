"""Firing plain crons: by the dozen, with the same outcome as one by one."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cronlane_service.domain import ticks as rules
from cronlane_service.domain.alike import Alike, Due, Fired, FiredAlike, Kind
from cronlane_service.domain.errors import CronsChanged, InvalidField
from cronlane_service.domain.foreseen import Foreseen
from cronlane_service.domain.models import Assistant
from cronlane_service.domain.ports import NewId, Transaction
from cronlane_service.usecases.patterns import Pattern, Patterns

_TICK = 600  # bytes, but for what its run is told
_Planned = Sequence[tuple[Pattern, list[Fired]]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a batch of plain crons comes to, but for the instant at which it is written.

    ``last``: due instant and id of the cron that is the last in turn. ``following``: the next tick of any of them.
    ``size``: bytes that it keeps, about.
    """

    planned: _Planned
    assistants: Mapping[str, Assistant]
    oldest: datetime
    last: tuple[datetime, str]
    following: datetime | None
    size: int

    @classmethod
    def of(cls, planned: _Planned, assistants: Mapping[str, Assistant]) -> Prepared:
        ticks = [each for _, fired in planned for each in fired]
        following = min((each.following for each in ticks if each.following is not None), default=None)
        last = max((each.scheduled_for, each.cron_id) for each in ticks)
        oldest, size = min(each.scheduled_for for each in ticks), sum(len(each.told) + _TICK for each in ticks)
        return cls(planned, assistants, oldest, last, following, size)

    def single(self, now: datetime, watching_since: datetime) -> bool:
        """Whether that is what the rules say now, too."""
        return self.last[0] <= now and rules.is_single(self.oldest, self.following, now, watching_since)


class Plain:
    """What it cannot decide at a glance it leaves to the rules: anything late, gone or not to be understood."""

    def __init__(self, new_id: NewId, foreseen: Foreseen) -> None:
        self._new_id, self._foreseen = new_id, foreseen
        self._patterns = Patterns()
        self._one_at_a_time = threading.Lock()  # batches may be fired side by side

    def fire(
        self, tx: Transaction, due: Sequence[Alike], now: datetime, watching_since: datetime
    ) -> tuple[list[FiredAlike], list[str]]:
        """Writes the ticks that fire; answers these, and the ids of the crons that are left."""
        assistants = _assistants(tx, due)
        with self._one_at_a_time:
            planned, left = self._plan(due, assistants, now, watching_since)
        return _written(tx, planned, now), left

    def prepare(self, tx: Transaction, due: Due, until: datetime) -> Prepared | None:
        """What is to be written for crons that are due by then; None if some have to be left to the rules."""
        assistants = _assistants(tx, due.alike)
        planned, left = self._plan(due.alike, assistants, until, datetime.min.replace(tzinfo=until.tzinfo))
        return None if left or due.others or not planned else Prepared.of(planned, assistants)

    def fire_prepared(
        self, tx: Transaction, prepared: Prepared, now: datetime, watching_since: datetime
    ) -> list[FiredAlike]:
        """Raises CronsChanged, also when their assistants have changed, or the time for it has passed."""
        if not prepared.single(now, watching_since) or prepared.assistants != _found(tx, list(prepared.assistants)):
            raise CronsChanged
        held = tx.firings.hold([each for _, fired in prepared.planned for each in fired])
        ours = [(pattern, [each for each in fired if each.cron_id in held]) for pattern, fired in prepared.planned]
        return _written(tx, [(pattern, fired) for pattern, fired in ours if fired], now)

    def _plan(
        self, due: Sequence[Alike], assistants: Mapping[str, Assistant], now: datetime, watching_since: datetime
    ) -> tuple[_Planned, list[str]]:
        """What fires, and the ids of the crons that are left."""
        planned: list[tuple[Pattern, list[Fired]]] = []
        left: list[str] = []
        for alike in due:
            pattern = self._pattern(alike.kind, assistants.get(alike.kind.assistant_id))
            if pattern is None:
                left += [member.cron_id for member in alike.members]
            else:
                fired: list[Fired] = []
                left += self._fire(alike, pattern, fired, now, watching_since)
                planned.append((pattern, fired))
        return planned, left

    def _pattern(self, kind: Kind, assistant: Assistant | None) -> Pattern | None:
        if assistant is None:
            return None
        try:
            return self._patterns.of(kind, assistant)
        except (TypeError, ValueError):
            return None

    def _fire(
        self, alike: Alike, pattern: Pattern, fired: list[Fired], now: datetime, watching_since: datetime
    ) -> list[str]:
        left: list[str] = []
        want, until = self._foreseen.want, self._foreseen.until
        following_of, new_id, told = self._foreseen.next, self._new_id, pattern.told
        for cron_id, schedule, timezone, tick, input_text, version in alike.members:
            try:
                following = following_of(schedule, timezone, tick)
            except (InvalidField, ArithmeticError, LookupError, TypeError, ValueError):
                left.append(cron_id)
                continue
            if rules.is_single(tick, following, now, watching_since):
                thread_id, run_id = new_id(), new_id()
                text = told(run_id, thread_id, cron_id, input_text)
                fired.append(Fired(cron_id, tick, following, run_id, thread_id, text, version))
                if following is not None and following <= until:
                    want(schedule, timezone, following)
            else:
                left.append(cron_id)
        return left


def _assistants(tx: Transaction, due: Sequence[Alike]) -> Mapping[str, Assistant]:
    return _found(tx, list({alike.kind.assistant_id for alike in due}))


def _found(tx: Transaction, assistant_ids: Sequence[str]) -> Mapping[str, Assistant]:
    return tx.assistants.find(assistant_ids) if assistant_ids else {}


def _written(tx: Transaction, planned: _Planned, now: datetime) -> list[FiredAlike]:
    done = [FiredAlike(*pattern.at(now), fired) for pattern, fired in planned]
    tx.firings.write(done)
    return done
