"""`kill -9`, again and again while crons fire: each tick of each schedule has exactly one run, which ends once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from cronlane_service.domain.clock import SystemClock
from ledger import Ledger, WrittenTick, instant
from official import QUESTION
from serving import GRAPHS, Served, wait_until

KILLS = 20
PERIOD = timedelta(seconds=10)  # longer than it takes to start again: at most one tick of a cron falls into a gap
SECOND = timedelta(seconds=1)

MOMENTS = {
    "something has fired, perhaps what was missed": "SELECT count(*) FROM ticks WHERE decided_at > ?",
    "something has fired on time": "SELECT count(*) FROM ticks WHERE scheduled_for > ?",
    "a run is under way": "SELECT count(*) FROM runs WHERE status = 'running' AND started_at > ?",
    "a run is between its two steps": """
        SELECT count(*) FROM runs WHERE status = 'running' AND started_at > ? AND 3 =
            (SELECT count(*) FROM checkpoints WHERE json_extract(CAST(metadata AS TEXT), '$.run_id') = runs.run_id)
    """,
    "a run has ended": "SELECT count(*) FROM runs WHERE status = 'success' AND ended_at > ?",
}


@dataclass(frozen=True)
class Expected:
    """A cron, and what its schedule means, worked out without cronlane."""

    cron_id: str
    thread_id: str | None
    created_at: datetime
    second: int  # of each ten

    def instants(self, until: datetime) -> Iterator[datetime]:
        at = self.created_at.replace(microsecond=0) + SECOND
        while at <= until:
            if at.second % 10 == self.second:
                yield at
            at += SECOND


def schedule(second: int) -> str:
    return f"* * * * * {','.join(str(second + ten) for ten in range(0, 60, 10))}"


def create(client: SyncLangGraphClient) -> list[Expected]:
    """A cron for each second of ten: on a thread, and stateless, in turn."""
    crons = []
    for second in range(10):
        if second % 2:
            cron = client.crons.create("agent", schedule=schedule(second), input=QUESTION, on_run_completed="keep")
        else:
            thread_id = client.threads.create()["thread_id"]
            cron = client.crons.create_for_thread(thread_id, "in_two_steps", schedule=schedule(second), input=QUESTION)
        created_at = datetime.fromisoformat(cron["created_at"])
        crons.append(Expected(cron["cron_id"], cron["thread_id"], created_at, second))
    return crons


@pytest.mark.timeout(400)
def test_every_tick_has_one_run_however_often_the_server_is_killed(serve: Callable[..., Served]) -> None:
    start = lambda: serve("--config", str(GRAPHS), CRONLANE_ATTEMPTS=str(KILLS))  # noqa: E731
    server, gaps = start(), []
    ledger = Ledger(server.database)
    with get_sync_client(url=server.url) as client:
        crons = create(client)
    for kill in range(KILLS):
        kill_when(list(MOMENTS)[kill % len(MOMENTS)], ledger, server)
        down = SystemClock().now()
        server = start()
        gaps.append((down, SystemClock().now()))
    with get_sync_client(url=server.url) as client:
        finish(client, ledger, crons, gaps[-1][1])
        check_threads(client, ledger, crons)
    for cron in crons:
        check_ledger(ledger, cron, gaps)
    check_runs(ledger)
    assert server.stop() == 0


def kill_when(moment: str, ledger: Ledger, server: Served) -> None:
    ready = (SystemClock().now() - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    [(seen,)] = ledger.rows(MOMENTS[moment], ready)
    wait_until(lambda: ledger.rows(MOMENTS[moment], ready)[0][0] > seen, description=moment, every=0.002)
    server.kill()


def finish(client: SyncLangGraphClient, ledger: Ledger, crons: list[Expected], since: datetime) -> None:
    """Every cron fires once more; then no more, and every run ends."""
    for cron in crons:
        wait_until(lambda: ledger.ticks(cron.cron_id)[-1].scheduled_for > since, description="it fires again")  # noqa: B023
    for cron in crons:
        client.crons.update(cron.cron_id, enabled=False)
    active = "SELECT count(*) FROM runs WHERE status IN ('pending', 'running')"
    wait_until(lambda: ledger.rows(active) == [(0,)], description="all runs have ended", within=60)


def check_ledger(ledger: Ledger, cron: Expected, gaps: list[tuple[datetime, datetime]]) -> None:
    ticks = ledger.ticks(cron.cron_id)
    assert [tick.scheduled_for for tick in ticks] == list(cron.instants(ticks[-1].scheduled_for))
    for tick in ticks:
        assert tick.count == 1
        if tick.outcome == "fired":
            assert (tick.run_status, tick.run_id is not None) == ("success", True)
        else:
            check_missed(tick, gaps)


def check_missed(tick: WrittenTick, gaps: list[tuple[datetime, datetime]]) -> None:
    """Only where the machine was so slow that two ticks fell into one gap, or into two with no pass between."""
    assert (tick.outcome, tick.run_id) == ("missed", None)
    assert "collapsed into the tick at" in (tick.reason or "")
    gaps = [*gaps, *((down, up) for (down, _), (_, up) in pairwise(gaps))]
    assert any(down <= tick.scheduled_for <= up and up - down > PERIOD for down, up in gaps)


def check_runs(ledger: Ledger) -> None:
    """Ticks and runs name each other, one to one; some runs were killed, and tried again."""
    fired = ledger.rows("SELECT cron_id, scheduled_for, run_id FROM ticks WHERE outcome = 'fired' ORDER BY 3")
    runs = ledger.rows("SELECT cron_id, scheduled_for, run_id FROM runs ORDER BY run_id")
    assert runs == fired
    assert max(Counter((cron_id, at) for cron_id, at, _ in runs).values()) == 1
    assert {status for (status,) in ledger.rows("SELECT status FROM runs")} == {"success"}
    [(retried,)] = ledger.rows("SELECT count(*) FROM runs WHERE attempt > 1 AND graph_id = 'in_two_steps'")
    assert retried > 0
    for created_at, ended_at in ledger.rows("SELECT created_at, ended_at FROM runs"):
        assert instant(created_at) <= instant(ended_at)


def check_threads(client: SyncLangGraphClient, ledger: Ledger, crons: list[Expected]) -> None:
    """What a run does to a thread is there once for each run, also where it was tried more than once."""
    per_run = {"in_two_steps": ["human", "ai", "ai"], "agent": ["human", "ai"]}
    query = "SELECT thread_id, graph_id, count(*) FROM runs GROUP BY thread_id, graph_id"
    for thread_id, graph, runs in ledger.rows(query):
        values = client.threads.get_state(thread_id)["values"]
        assert [message["type"] for message in values["messages"]] == per_run[graph] * runs
        [(status, stored)] = ledger.rows('SELECT status, "values" FROM threads WHERE thread_id = ?', thread_id)
        assert (status, json.loads(stored)) == ("idle", values)
    on_threads = {cron.thread_id for cron in crons if cron.thread_id}
    [(stateless,)] = ledger.rows("SELECT count(*) FROM runs WHERE graph_id = 'agent'")
    assert ledger.rows("SELECT count(*) FROM threads") == [(len(on_threads) + stateless,)]
