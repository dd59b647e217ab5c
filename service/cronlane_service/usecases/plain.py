"""Firing plain crons: by the dozen, with the same outcome as one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cronlane_service.domain import ticks as rules
from cronlane_service.domain.alike import Alike, Fired, FiredAlike, Kind
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.foreseen import Foreseen
from cronlane_service.domain.models import Assistant
from cronlane_service.domain.ports import NewId, Transaction
from cronlane_service.usecases.patterns import Pattern, Patterns


class Plain:
    """What it cannot decide at a glance it leaves to the rules: anything late, gone or not to be understood."""

    def __init__(self, new_id: NewId, foreseen: Foreseen) -> None:
        self._new_id, self._foreseen = new_id, foreseen
        self._patterns = Patterns()

    def fire(
        self, tx: Transaction, due: Sequence[Alike], now: datetime, watching_since: datetime
    ) -> tuple[list[FiredAlike], list[str]]:
        """Writes the ticks that fire; answers these, and the ids of the crons that are left."""
        assistants = tx.assistants.find(list({alike.kind.assistant_id for alike in due})) if due else {}
        done: list[FiredAlike] = []
        left: list[str] = []
        for alike in due:
            pattern = self._pattern(alike.kind, assistants.get(alike.kind.assistant_id))
            if pattern is None:
                left += [member.cron_id for member in alike.members]
            else:
                fired = FiredAlike(*pattern.at(now))
                left += self._fire(alike, pattern, fired.fired, now, watching_since)
                done.append(fired)
        tx.firings.write(done)
        return done, left

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
        following_of, new_id, kwargs = self._foreseen.next, self._new_id, pattern.kwargs
        for cron_id, schedule, timezone, tick, input_text in alike.members:
            try:
                following = following_of(schedule, timezone, tick)
            except (InvalidField, ArithmeticError, LookupError, TypeError, ValueError):
                left.append(cron_id)
                continue
            if rules.is_single(tick, following, now, watching_since):
                thread_id, run_id = new_id(), new_id()
                text = kwargs(run_id, thread_id, cron_id, input_text)
                fired.append(Fired(cron_id, tick, following, run_id, thread_id, text))
                if following is not None and following <= until:
                    want(schedule, timezone, following)
            else:
                left.append(cron_id)
        return left
