"""The runner's thread: one asyncio loop in which every graph of this server runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from cronlane_service.domain.clock import Clock
from cronlane_service.domain.errors import Overloaded, StoreUnavailable
from cronlane_service.domain.ports import PENDING, Database, Topic
from cronlane_service.runner.heartbeat import Heartbeat
from cronlane_service.runner.seams import Executor, Runs
from cronlane_service.runner.sleep import sleep_until
from cronlane_service.runner.watched import Watched
from cronlane_service.runner.worker import CLEANING_UP, Worker

T = TypeVar("T")

RETRY = timedelta(seconds=1)
"""After a pass that failed."""
NODE_THREADS = 256
"""How many synchronous nodes can run at once. One that is stuck keeps its thread for good."""

log = structlog.get_logger(__name__)


class RunnerPool:
    """Claims and executes runs between ``start`` and ``stop``."""

    def __init__(
        self,
        database: Database,
        runs: Runs,
        executor: Executor,
        clock: Clock,
        worker: str,
        concurrency: int = 10,
        lease: timedelta = timedelta(seconds=30),
        longest: timedelta | None = None,
    ) -> None:
        """``longest``: how long an attempt may take."""
        self._database, self._runs, self._executor, self._clock = database, runs, executor, clock
        self._name, self._concurrency, self._lease = worker, concurrency, lease
        self._longest = longest
        self._thread = threading.Thread(target=self._run, name="cronlane-runner")
        self._nodes = NodeThreads(NODE_THREADS, thread_name_prefix="cronlane-node")
        self._heartbeat = Heartbeat(self._beat, lease / 3)
        self._watched = Watched()
        self._ready: Future[asyncio.AbstractEventLoop] = Future()
        self._worker: Worker | None = None
        self._stopping: asyncio.Future[timedelta] | None = None

    def start(self) -> None:
        """Raises StoreUnavailable when the executor's own file is not to be used."""
        self._thread.start()
        loop = self._ready.result()
        self._heartbeat.start()
        self._database.listen(Topic.WATCHED, self._watched.note)
        self._database.listen(Topic.RUNS, lambda key: self._soon(loop, partial(self._wake, key)))
        log.info("runner_started", worker=self._name, concurrency=self._concurrency)
        self._soon(loop, self._wake)  # for what was committed before anybody listened

    def stop(self, grace: timedelta) -> bool:
        """Answers when all attempts are ended or handed back.

        False: user code still runs, which no thread can be stopped from. It would hold up the end of the process.
        """
        if not self._thread.is_alive():
            return True
        self._soon(self._ready.result(), lambda: self._stop(grace))
        self._thread.join((grace + 3 * CLEANING_UP).total_seconds())
        self._heartbeat.stop()
        stuck = self._thread.is_alive() or not self._nodes.idle(within=timedelta(seconds=1))
        log.info("runner_stopped", worker=self._name, stuck=stuck)
        return not stuck

    def _soon(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # closed already: there is nobody to be told
            loop.call_soon_threadsafe(callback)

    def _beat(self) -> None:
        if self._worker is not None:
            self._worker.beat(partial(self._soon, self._ready.result()))

    def _wake(self, why: str = "") -> None:
        if self._worker is not None and (why != PENDING or self._worker.free > 0):
            self._worker.wake.set()

    def _stop(self, grace: timedelta) -> None:
        if self._stopping is not None and not self._stopping.done():
            self._stopping.set_result(grace)

    def _run(self) -> None:
        loop = _new_loop()
        loop.set_default_executor(self._nodes)
        try:
            main = loop.create_task(self._main())
            while not main.done():
                # A graph that calls sys.exit() ends its run, not the runner: asyncio lets that through to here.
                with suppress(SystemExit, KeyboardInterrupt):
                    loop.run_until_complete(asyncio.wait([main]))
            if (problem := main.exception()) is not None:
                self._fail(problem)
            _cancel_all(loop)
        finally:
            self._nodes.shutdown(wait=False, cancel_futures=True)
            loop.close()

    def _fail(self, problem: BaseException) -> None:
        if self._ready.done():
            log.error("runner_failed", exc_info=problem)
        else:
            self._ready.set_exception(problem)

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        await self._executor.open()
        self._stopping = loop.create_future()
        self._worker = worker = Worker(
            self._database,
            self._runs,
            self._executor,
            self._watched,
            self._name,
            self._concurrency,
            self._lease,
            self._longest,
        )
        serving = loop.create_task(self._serve(worker))
        self._ready.set_result(loop)
        await worker.drain(await self._stopping)
        worker.wake.set()
        await serving
        await self._executor.close()

    async def _serve(self, worker: Worker) -> None:
        while not worker.drained:
            worker.wake.clear()
            await sleep_until(await self._pass(worker), self._clock, worker.wake)

    async def _pass(self, worker: Worker) -> datetime | None:
        try:
            return await worker.tick()
        except (StoreUnavailable, Overloaded) as problem:
            log.warning("runner_delayed", problem=str(problem))
        except Exception:
            # A fault of ours must not end the runner: runs under way go on, and it looks again soon.
            log.exception("runner_pass_failed")
        return self._clock.now() + RETRY


class NodeThreads(ThreadPoolExecutor):
    """The threads of synchronous nodes; knows whether one of them is at work."""

    def __init__(self, max_workers: int, thread_name_prefix: str) -> None:
        super().__init__(max_workers, thread_name_prefix)
        self._unfinished: set[Future[Any]] = set()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future = super().submit(fn, *args, **kwargs)
        self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        return future

    def idle(self, within: timedelta) -> bool:
        return not wait(list(self._unfinished), timeout=within.total_seconds()).not_done


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """What graphs left running; waits only for what lets itself be cancelled."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=1))
    loop.run_until_complete(loop.shutdown_asyncgens())
