"""When a cron comes, as callers say it, and what changing that means for the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cronlane_service.domain import ticks, timetable
from cronlane_service.domain.drafts import CronDraft
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.models import Cron, CronProgress, Tick, TickOutcome
from cronlane_service.domain.ports import Transaction
from cronlane_service.domain.queries import TickQuery
from cronlane_service.domain.timetable import Once, Timetable

_MOST = 20_000  # rows of a ledger looked through at once


def schedule_text(draft: CronDraft) -> str:
    """The schedule that is said by ``schedule``, ``at`` or ``every``; they may say the same. Raises InvalidField."""
    said: list[Timetable] = []
    if draft.at is not None:
        said.append(Once(draft.at))
    if draft.every is not None:
        said.append(timetable.every(*draft.every))
    if not said:
        if not draft.schedule:
            raise InvalidField("schedule", "is required, or at, or every")
        return draft.schedule
    if len(said) > 1 or (draft.schedule and timetable.special(draft.schedule) != said[0]):
        raise InvalidField("schedule", "only one of schedule, at and every can be set")
    return draft.schedule or str(said[0])


def check_future(draft: CronDraft, schedule: Timetable, now: datetime) -> None:
    """Raises InvalidField when the one instant that a cron has is over."""
    if isinstance(schedule, Once) and schedule.instant <= now:
        raise InvalidField("at" if draft.at is not None else "schedule", f"{schedule} is in the past")


def note_missed(tx: Transaction, cron: Cron, reason: str, now: datetime) -> None:
    """Rows for the ticks that came due and were not decided, and now will not be run."""
    try:
        planned = ticks.missed(cron, now, reason)
    except InvalidField:
        return  # a schedule that could not be evaluated names no ticks
    if not planned:
        return
    there = tx.ticks.list(cron.owner, cron.cron_id, TickQuery(start=planned[0].scheduled_for), _MOST)
    decided = {tick.scheduled_for for tick in there}
    rows = [
        Tick(cron.cron_id, plan.scheduled_for, cron.owner, now, TickOutcome.MISSED, plan.reason, count=plan.count)
        for plan in planned
        if plan.scheduled_for not in decided
    ]
    tx.ticks.insert_many(rows)
    count = sum(row.count for row in rows)
    tx.crons.advance([CronProgress(cron.cron_id, cron.next_run_date, cron.due_at, missed=count)])


def moved(tx: Transaction, cron: Cron, now: datetime) -> bool:
    """Whether the next instant of a cron was another one, and has been put right."""
    if cron.next_run_date is None or cron.next_run_date <= now or _next(cron, now) == cron.next_run_date:
        return False
    current = tx.crons.get(cron.owner, cron.cron_id)
    if current is None or not current.enabled or current.next_run_date is None or current.next_run_date <= now:
        return False
    following = _next(current, max(now, tx.ticks.latest(cron.cron_id) or now))
    if following == current.next_run_date:
        return False
    tx.crons.advance([CronProgress(cron.cron_id, following, ticks.due_at(current, following))])
    return True


def _next(cron: Cron, after: datetime) -> datetime | None:
    try:
        return cron.next_run_date if cron.unreadable else ticks.first(cron, after)
    except (InvalidField, ArithmeticError, LookupError, TypeError, ValueError):
        return cron.next_run_date  # when it comes due, the cron will be disabled with the reason


def drafted(draft: CronDraft, now: datetime) -> Cron:
    """A cron of nobody's with the draft's timing. Raises InvalidField."""
    cron = Cron(
        cron_id="",
        owner="",
        assistant_id="",
        thread_id=None,
        schedule=schedule_text(draft),
        timezone=draft.timezone,
        end_time=draft.end_time,
        enabled=True,
        on_run_completed=None,
        next_run_date=None,
        metadata="{}",
        created_at=now,
        updated_at=now,
    )
    return replace(cron, policies=draft.policies)
