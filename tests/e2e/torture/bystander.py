"""A caller who creates crons all through the storm, and asks again until somebody has answered."""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from cronlane.v1 import common_pb2, crons_pb2
from cronlane.v1.crons_pb2_grpc import CronServiceStub
from e2e.torture.fleet import Fleet
from e2e.torture.population import Planted

EVERY = 0.5  # seconds between two of them
TRY_AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}


class Bystander:
    """``planted`` are the crons of which it was told that they are made; each was asked for with one request id."""

    def __init__(self, fleet: Fleet, chance: random.Random, end_time: datetime) -> None:
        self._fleet, self._chance, self._end_time = fleet, chance, end_time
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.planted: list[Planted] = []
        self.faults: list[str] = []
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Bystander:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What is asked for by now is asked for until it is answered."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(EVERY):
            body = {"schedule": f"every {self._chance.randint(5, 30)}s", "catch_up": "all"}
            made = self._made(body, str(uuid.UUID(int=self._chance.getrandbits(128), version=4)))
            if made is not None:
                created_at = made.created_at.ToDatetime(UTC)
                self.planted.append(Planted(made.cron_id, None, created_at, self._end_time, body))

    def _made(self, body: dict[str, str], request_id: str) -> crons_pb2.Cron | None:
        end_time = Timestamp()
        end_time.FromDatetime(self._end_time)
        cron = crons_pb2.Cron(
            assistant_id="witnessed",
            input=common_pb2.Json(text="{}"),
            schedule=body["schedule"],
            catch_up=crons_pb2.CATCH_UP_ALL,
            end_time=end_time,
        )
        wanted = crons_pb2.CreateCronRequest(cron=cron, request_id=request_id)
        gives_up = datetime.now(UTC) + timedelta(seconds=120)  # noqa: TID251 - a test's own clock
        while datetime.now(UTC) < gives_up:  # noqa: TID251
            self.counts["crons asked for in the storm"] += 1
            with grpc.insecure_channel(self._chance.choice(self._fleet.grpc() or ["127.0.0.1:1"])) as channel:
                try:
                    return CronServiceStub(channel).CreateCron(wanted, timeout=3)
                except grpc.RpcError as error:
                    if error.code() not in TRY_AGAIN:
                        self.faults.append(f"CreateCron answered {error.code()}: {error.details()}")
                        return None
            self._stopped.wait(0.2)
        self.faults.append(f"request {request_id} was never answered")
        return None
