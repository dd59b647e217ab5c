"""Calls webhooks: sleeps until one is due, woken by writes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import structlog

from cronlane_service.domain.clock import Clock
from cronlane_service.domain.errors import Overloaded, StoreUnavailable
from cronlane_service.domain.ports import Database, Topic
from cronlane_service.domain.webhooks import Webhook
from cronlane_service.runner.sender import NotDelivered, Refused, Sender
from cronlane_service.runner.sleep import sleep_until
from cronlane_service.usecases.webhooks import Webhooks

RETRY = timedelta(seconds=1)
"""After a pass that failed."""
AT_ONCE = 32
"""How many are called at the same time."""
CLOSING = 2.0
"""Seconds that calls under way are given at the end; the rest is handed back."""

log = structlog.get_logger(__name__)


class Deliverer:
    """Tasks of one loop, between ``start`` and ``stop``. ``tick`` is one pass."""

    def __init__(self, database: Database, webhooks: Webhooks, sender: Sender, clock: Clock) -> None:
        self._database, self._webhooks, self._sender, self._clock = database, webhooks, sender, clock
        self._calls: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopped = False
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._database.listen(Topic.WEBHOOKS, lambda _key: self._soon(loop))
        self._serving = loop.create_task(self._serve(), name="cronlane-deliverer")
        log.info("deliverer_started")

    def _soon(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # closed already: there is nobody to be told
            loop.call_soon_threadsafe(self._wake.set)

    async def stop(self) -> None:
        """Answers when no call is under way any more."""
        self._stopped = True
        self._wake.set()
        if self._serving is not None:
            await self._serving
        await self.idle(CLOSING)
        for call in self._calls:
            call.cancel()
        await self.idle(None)
        await self._sender.aclose()
        log.info("deliverer_stopped")

    async def idle(self, within: float | None) -> None:
        """Waits until no call is under way."""
        if self._calls:
            await asyncio.wait(set(self._calls), timeout=within)

    async def tick(self) -> datetime | None:
        """Starts the calls that are due; answers when to look again, None: when woken. Raises StoreUnavailable."""
        free = AT_ONCE - len(self._calls)
        if free <= 0:
            return None
        for webhook in await self._database.write(partial(self._webhooks.claim, limit=free)):
            call = asyncio.get_running_loop().create_task(self._call(webhook))
            self._calls.add(call)
            call.add_done_callback(self._called)
        return None if len(self._calls) >= AT_ONCE else await self._database.read(self._webhooks.next_due)

    def _called(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._wake.set()
        if not call.cancelled() and (problem := call.exception()) is not None:
            log.error("webhook_failed", exc_info=problem)  # it is due again when its lease ends

    async def _call(self, webhook: Webhook) -> None:
        event = log.bind(run_id=webhook.run_id, attempt=webhook.attempts)
        try:
            status = await self._sender.send(webhook)
        except asyncio.CancelledError:
            await self._database.write(lambda tx: self._webhooks.hand_back(tx, webhook))
            raise
        except Refused as problem:
            await self._database.write(lambda tx: self._webhooks.answered(tx, webhook))
            event.warning("webhook_refused", problem=f"{problem}")
        except NotDelivered as problem:
            text = f"{problem}"
            again = await self._database.write(lambda tx: self._webhooks.failed(tx, webhook, text))
            event.warning("webhook_not_delivered" if again else "webhook_dropped", problem=text)
        else:
            await self._database.write(lambda tx: self._webhooks.answered(tx, webhook))
            event.info("webhook_delivered", status=status)

    async def _serve(self) -> None:
        while not self._stopped:
            self._wake.clear()
            await sleep_until(await self._pass(), self._clock, self._wake)

    async def _pass(self) -> datetime | None:
        try:
            return await self.tick()
        except (StoreUnavailable, Overloaded) as problem:
            log.warning("deliverer_delayed", problem=f"{problem}")
        except Exception:
            # A fault of ours must not end the deliverer: it looks again soon.
            log.exception("deliverer_pass_failed")
        return self._clock.now() + RETRY
