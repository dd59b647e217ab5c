"""What a transaction locks before it reads what it may change, where several servers write.

The lock of a thread's row is also the lock of its runs: whoever makes, claims, changes or ends one takes it first. The
only write to a run without it is that of a lease, which waits for nobody.
"""

from __future__ import annotations

from cronlane_service.store.run_tables import RunTable
from cronlane_service.store.statements import Bind, Statement
from cronlane_service.store.tables import CronTable, ThreadTable

CRON = Statement(
    lambda engine: engine.locked(CronTable.select(CronTable.cron_id).where(CronTable.cron_id == Bind("id")))
)
THREAD = Statement(
    lambda engine: engine.locked(ThreadTable.select(ThreadTable.thread_id).where(ThreadTable.thread_id == Bind("id")))
)
THREADS = Statement(
    lambda engine: engine.locked(
        ThreadTable.select(ThreadTable.thread_id)
        .where(engine.among(ThreadTable.thread_id, Bind("ids")))
        .order_by(ThreadTable.thread_id)  # the same for all who lock several: so none waits for another in a circle
    )
)
_THERE = ThreadTable.select(ThreadTable.thread_id)
THREADS_THERE = Statement(lambda engine: _THERE.where(engine.among(ThreadTable.thread_id, Bind("ids"))))
THREADS_FREE = Statement(lambda engine: engine.claimed(_THERE.where(engine.among(ThreadTable.thread_id, Bind("ids")))))
_OF_RUN = RunTable.select(RunTable.thread_id).where(RunTable.run_id == Bind("id"))
THREAD_OF_RUN = Statement(
    lambda engine: engine.locked(ThreadTable.select(ThreadTable.thread_id).where(ThreadTable.thread_id.in_(_OF_RUN)))
)
