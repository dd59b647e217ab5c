from __future__ import annotations

from dataclasses import replace

from builders import NOON
from cronlane_service.domain.models import CronCounters
from store.rows import cron, new_id


def test_mypy_lets_nobody_change_one() -> None:
    counters = CronCounters(fired=1)
    counters.fired = 2  # type: ignore[misc]  # which mypy reports as unused where it would let this pass
    replace(counters, fired="2")  # type: ignore[arg-type]


def test_two_of_the_same_content_are_equal_and_found_by_each_other() -> None:
    one, other, another = CronCounters(fired=1), CronCounters(fired=1), CronCounters(fired=2)
    assert one == other != another
    assert {one: "it"} == {other: "it"}
    assert len({one, other, another}) == 2


def test_one_with_a_hash_of_its_own_keeps_it() -> None:
    mine = cron(cron_id=new_id(), updated_at=NOON)
    assert hash(mine) == hash(replace(mine, note="which is not looked at"))
