"""Hundreds of crons of all kinds, and which ticks each of them should have."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from oracle import SECOND, walk

ZONES = (
    "America/New_York",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONG = 2.5  # seconds: longer than a lease


@dataclass(frozen=True)
class Planted:
    """A cron as it was asked for, and where and when the service says that it made it."""

    cron_id: str
    thread_id: str | None
    created_at: datetime
    end_time: datetime
    body: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.cron_id} {self.body['schedule']!r} {self.body.get('timezone')}"

    def expected(self) -> list[datetime]:
        """The instants that are to be in its ledger: reckoned here, without the service."""
        return list(islice(self._instants(), self.body.get("max_runs")))

    def _instants(self) -> Iterator[datetime]:
        text, after = self.body["schedule"], self.created_at.replace(microsecond=0)
        if not text.startswith("every "):
            yield from walk(text, ZoneInfo(self.body.get("timezone") or "UTC"), after, self.end_time)
            return
        interval, _, phase = text.removeprefix("every ").partition(" phase ")
        step, offset = int(interval.removesuffix("s")), int(phase.removesuffix("s") or 0)
        while (after := after + SECOND) <= self.end_time:
            if ((after - EPOCH) // SECOND - offset) % step == 0:
                yield after


def bodies(chance: random.Random, now: datetime, seconds: int) -> Iterator[dict[str, Any]]:
    """What to create, for a storm of so many seconds: about 400 crons, of about ten ticks a second."""
    policies = [{"catch_up": word} for word in ("all", "all", "latest", "skip")]
    for _ in range(2):
        yield {"schedule": "* * * * * *", "catch_up": "all"}
    for number in range(60):
        period = chance.choice([20, 30, 60])
        at = chance.randrange(period)
        listed = ",".join(str(second) for second in range(at, 60, period))
        yield {"schedule": f"* * * * * {listed}", "timezone": chance.choice((*ZONES, "UTC")), **policies[number % 4]}
    for number in range(120):
        yield {"schedule": "* * * * *", "timezone": chance.choice(ZONES), **policies[number % 4]}
    for number in range(60):
        zone = chance.choice(ZONES)
        at = (now + timedelta(seconds=chance.randint(10, seconds))).astimezone(ZoneInfo(zone))
        yield {"schedule": f"{at:%-M %-H} * * * {at:%-S}", "timezone": zone, **policies[number % 4]}
    for number in range(24):
        every = chance.randint(15, 45)
        phase = chance.randrange(every)
        yield {"schedule": f"every {every}s phase {phase}s", **policies[number % 4]}
    yield from _plain(chance, now, seconds)
    yield from _with_limits(chance)


def _plain(chance: random.Random, now: datetime, seconds: int) -> Iterator[dict[str, Any]]:
    """Without an end or any other wish, due by the dozen; what they name lies in the storm, or an hour after it."""
    slots = [chance.randrange(60) for _ in range(6)]
    for number in range(120):
        zone, slot = ZoneInfo(chance.choice(ZONES)), chance.choice(slots)
        instants = [now + timedelta(seconds=after) for after in range(15, seconds)]
        local = [at.astimezone(zone) for at in instants if at.second == slot]
        minutes = [f"{at:%-M}" for at in local if at.hour == local[0].hour]
        if minutes:
            catch_up = ("all", "latest")[number % 2]
            schedule = f"{','.join(dict.fromkeys(minutes))} {local[0]:%-H} * * * {slot}"
            yield {"schedule": schedule, "timezone": zone.key, "catch_up": catch_up, "end_time": None}


def _with_limits(chance: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(6):
        yield {"schedule": f"* * * * * */{chance.choice([4, 5, 6])}", "max_runs": 2 + number, "catch_up": "all"}
    for overlap in ("skip", "queue"):
        for _ in range(3):
            yield {"schedule": f"every {chance.randint(3, 9)}s", "overlap": overlap, "input": {"pause": 1.0}}
    for _ in range(6):
        yield {"schedule": f"every {chance.randint(20, 30)}s", "jitter": 8, "catch_up": "all"}
    for _ in range(6):
        yield {"schedule": f"every {chance.randint(25, 40)}s", "input": {"pause": LONG}, "catch_up": "all"}


def on_threads(chance: random.Random) -> Iterator[list[dict[str, Any]]]:
    """Of each thread, the crons."""
    for _ in range(8):
        yield [{"schedule": f"every {chance.randint(8, 20)}s", "catch_up": "all"} for _ in range(2)]
    for strategy in ("reject", "interrupt", "rollback"):
        each = {"multitask_strategy": strategy, "input": {"pause": 0.5}}
        yield [{"schedule": f"every {chance.randint(4, 9)}s", **each} for _ in range(2)]


def plant(url: str, chance: random.Random, seconds: int) -> list[Planted]:
    """Creates them all; each ends so many seconds from now."""
    planted = []
    with httpx.Client(base_url=url, timeout=60) as http:
        now = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - a test's own clock
        end_time = now + timedelta(seconds=seconds)
        for number, body in enumerate(bodies(chance, now, seconds)):
            keep = {"on_run_completed": "keep"} if number % 2 else {}
            planted.append(_created(http, "/runs/crons", {**body, **keep}, end_time))
        for group in on_threads(chance):
            thread_id = http.post("/threads", json={}).raise_for_status().json()["thread_id"]
            planted += [_created(http, f"/threads/{thread_id}/runs/crons", body, end_time) for body in group]
    return planted


def _created(http: httpx.Client, path: str, body: dict[str, Any], end_time: datetime) -> Planted:
    whole = {"assistant_id": "witnessed", "input": {}, "end_time": end_time.isoformat(), **body}
    made = http.post(path, json={name: value for name, value in whole.items() if value is not None})
    assert made.status_code == 200, made.text
    cron = made.json()
    created_at = datetime.fromisoformat(cron["created_at"])
    return Planted(cron["cron_id"], cron["thread_id"], created_at, end_time, whole)
