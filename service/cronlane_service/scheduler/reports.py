"""What passes decided, in the log."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime, timedelta

import structlog

from cronlane_service.usecases.firing import Pass

log = structlog.get_logger(__name__)


def report(done: Pass, now: datetime) -> None:
    """One line for all that a pass decided; one for each tick when more is to be told."""
    for cron_id, reason in done.disabled.items():
        log.warning("cron_disabled", cron_id=cron_id, reason=reason)
    counted = Counter(f"{tick.outcome}" for tick in done.single_ticks)
    counted["fired"] += sum(len(alike.fired) for alike in done.alike)
    if done.oldest is None:
        return
    late = (now - done.oldest) / timedelta(milliseconds=1)
    log.info("ticks_decided", late_ms=round(late, 3), **{name: number for name, number in counted.items() if number})
    if log.is_enabled_for(logging.DEBUG):
        for tick in done.ticks:
            log.debug(
                f"tick_{tick.outcome}",
                cron_id=tick.cron_id,
                scheduled_for=tick.scheduled_for.isoformat(),
                run_id=tick.run_id,
                reason=tick.reason,
                count=tick.count,
            )
