"""The file in which threads keep their state."""

from __future__ import annotations

from typing import Any

import pytest

from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.runner.local import LocalGraphs
from runner.sample import chain, first, loaded, run


async def test_a_purged_thread_is_as_if_it_never_ran(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run(1, thread="one"))
    await graphs.execute(run(2, thread="two"))
    await graphs.purge([("one", "")])
    assert (await graphs.state("agent", "one")).checkpoint is None
    assert (await graphs.state("agent", "two")).checkpoint is not None


async def test_a_purged_run_leaves_the_thread_as_it_was_before(serve: Any) -> None:
    graphs = await serve(chain(first))
    before = await graphs.execute(run(1))
    state = await graphs.state("agent", run().thread_id)
    await graphs.execute(run(2))
    await graphs.purge([(run().thread_id, run(2).run_id)])
    assert await graphs.state("agent", run().thread_id) == state
    assert state.values == before.values
    saver = graphs._checkpoints.saver()
    async with saver.conn.execute("SELECT count(DISTINCT checkpoint_id) FROM writes") as rows:
        (left,) = await rows.fetchone()
    async with saver.conn.execute("SELECT count(DISTINCT checkpoint_id) FROM checkpoints") as rows:
        (kept,) = await rows.fetchone()
    assert 0 < left <= kept


async def test_what_is_purged_together_need_not_be_of_one_kind(serve: Any) -> None:
    graphs = await serve(chain(first))
    for number, thread in enumerate(("one", "two", "three", "four", "four")):
        await graphs.execute(run(number, thread=thread))
    await graphs.purge([("one", ""), ("three", ""), ("four", run(4).run_id), ("unknown", "")])
    left = [(await graphs.state("agent", thread)).values for thread in ("one", "two", "three", "four")]
    assert left == ["{}", '{"steps":["input","first"]}', "{}", '{"steps":["input","first"]}']


async def test_a_checkpoint_file_that_is_none_is_named(tmp_path: Any) -> None:
    path = tmp_path / "broken.db"
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(StoreUnavailable, match=r"broken\.db: file is not a database"):
        await LocalGraphs(loaded(chain(first)), path).open()


async def test_the_checkpoint_file_survives_a_power_cut(serve: Any) -> None:
    graphs = await serve(chain(first))
    for pragma, expected in (("journal_mode", "wal"), ("synchronous", 2)):
        writes = graphs._checkpoints.saver()._writes.conn
        assert writes.execute(f"PRAGMA {pragma}").fetchone()[0] == expected
