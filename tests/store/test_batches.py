"""A batch of ticks is written column by column, and each row comes out as its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from builders import cron_draft
from cronlane_service.domain.models import OnCompletion
from store.house import House

KINDS: list[dict[str, Any]] = [
    {"metadata": '{"of":"one"}', "on_run_completed": OnCompletion.KEEP},
    {"metadata": '{"of":"another"}', "durability": "exit"},
    {"metadata": '{"of":"a third"}', "config": '{"tags":["t"]}'},
]


@pytest.mark.parametrize("many", [1, 8, 41])
def test_each_tick_has_the_run_and_the_thread_of_its_own_cron(house: House, many: int) -> None:
    drafts = {number: KINDS[number % 3] for number in range(3 * many)}
    crons = [house.cron(cron_draft(**kind, input=json.dumps({"n": number}))) for number, kind in drafts.items()]
    house.clock.advance(minutes=1)
    with capture_logs() as logs:
        house.scheduler.tick()
    assert "firing_one_by_one" not in {line["event"] for line in logs}
    runs = {run.cron_id: run for run in house.do(lambda tx: tx.runs.active_of_owner("", None))}
    threads = house.do(lambda tx: tx.threads.find([run.thread_id for run in runs.values()]))
    assert len(runs) == len(threads) == len(crons)
    for cron, (number, kind) in zip(crons, drafts.items(), strict=True):
        run = runs[cron.cron_id]
        [tick] = house.do(lambda tx, of=cron.cron_id: tx.ticks.of_cron(of))
        assert (tick.run_id, tick.scheduled_for) == (run.run_id, cron.next_run_date)
        assert run.scheduled_for == cron.next_run_date
        told = json.loads(run.kwargs)
        assert (told["input"], told["durability"]) == ({"n": number}, kind.get("durability", "async"))
        assert told["config"]["configurable"]["run_id"] == run.run_id
        assert told["config"]["configurable"]["thread_id"] == run.thread_id
        assert run.temporary is ("on_run_completed" not in kind)
        for metadata in (run.metadata, threads[run.thread_id].metadata):
            assert json.loads(metadata)["of"] == json.loads(kind["metadata"])["of"]
        assert ("tags" in json.loads(threads[run.thread_id].config)) is ("config" in kind)
        after = house.do(house.crons.get, "", cron.cron_id)
        assert (after.counters.fired, after.next_run_date) == (1, house.clock.now().replace(minute=2))
