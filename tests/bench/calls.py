"""What is asked of the servers: messages for gRPC, requests for REST."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

from cronlane.v1 import crons_pb2, threads_pb2
from cronlane_service.domain.clock import SystemClock

CRONS, THREADS = "/cronlane.v1.CronService", "/cronlane.v1.ThreadService"
AGENT = "echo"
INPUT = {"messages": [{"role": "user", "content": "What time is it?"}]}
METADATA = {"team": "night", "number": 7}
clock = SystemClock()
SOME = 8192  # different messages; more than a phase makes


def _later(hours: int) -> int:
    """An hour of the day that the measuring does not reach."""
    return (clock.now() + timedelta(hours=hours)).hour


MIX = [
    *((f"{minute} {_later(hours)} * * *", None) for minute, hours in ((27, 3), (0, 6), (15, 9), (30, 12), (45, 15))),
    *((f"{minute} {_later(hours)} * * 1-5", None) for minute, hours in ((5, 4), (10, 8), (59, 16))),
    ("0 0 1 1 *", None),
    ("30 4 1 * *", None),
    ("0 0 L * *", None),
    (f"*/20 {_later(5)} * * *", None),
    (f"0 {_later(7)} 1,15 * *", "Europe/Berlin"),
    (f"0 {_later(10)} * * *", "America/New_York"),
    (f"0,30 {_later(13)} * * *", "Asia/Tokyo"),
    ("@yearly", None),
]
"""Schedules as people have them; none comes while it is measured."""


def different() -> Iterator[str]:
    """Schedules of which no two are alike; none comes while it is measured."""
    now = clock.now()
    for number in count():
        minute, hour, day, months = number % 60, number // 60 % 24, number // 1440 % 28 + 1, number // 40320 % 12
        soon = (hour - now.hour) % 24 in (0, 1) and day in (now.day, (now + timedelta(hours=1)).day)
        if not soon:
            yield f"{minute} {hour} {day} {f'{months},12' if months else '*'} *"


class Schedules:
    """Hands out schedules, those of the mix or always other ones."""

    def __init__(self) -> None:
        self._different = different()

    def mixed(self) -> list[bytes]:
        return [create_cron(schedule, zone).SerializeToString() for schedule, zone in MIX]

    def different(self) -> list[bytes]:
        return [create_cron(next(self._different)).SerializeToString() for _ in range(SOME)]


def create_cron(schedule: str, zone: str | None = None) -> crons_pb2.CreateCronRequest:
    made = crons_pb2.CreateCronRequest()
    made.cron.assistant_id, made.cron.schedule = AGENT, schedule
    made.cron.input.text, made.cron.metadata.text = json.dumps(INPUT), json.dumps(METADATA)
    if zone is not None:
        made.cron.timezone = zone
    return made


def create_thread() -> bytes:
    made = threads_pb2.CreateThreadRequest()
    made.metadata.text = json.dumps(METADATA)
    return made.SerializeToString()


def get_cron(cron_id: str) -> bytes:
    return crons_pb2.GetCronRequest(cron_id=cron_id).SerializeToString()


def delete_cron(cron_id: str) -> bytes:
    return crons_pb2.DeleteCronRequest(cron_id=cron_id).SerializeToString()


def get_thread(thread_id: str) -> bytes:
    return threads_pb2.GetThreadRequest(thread_id=thread_id).SerializeToString()


def cron_ids(bodies: list[bytes]) -> list[str]:
    return [crons_pb2.Cron.FromString(body).cron_id for body in bodies]


def thread_ids(bodies: list[bytes]) -> list[str]:
    return [threads_pb2.Thread.FromString(body).thread_id for body in bodies]


def search_crons(metadata: dict[str, object], limit: int) -> bytes:
    made = crons_pb2.SearchCronsRequest(limit=limit)
    made.metadata.text = json.dumps(metadata)
    return made.SerializeToString()


def list_ticks(cron_id: str) -> bytes:
    return crons_pb2.ListTicksRequest(cron_id=cron_id, page_size=100).SerializeToString()
