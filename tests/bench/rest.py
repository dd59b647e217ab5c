"""REST: cronlane beside LangGraph's own development server."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack

from bench import servers
from bench.calls import AGENT, INPUT, METADATA, MIX
from bench.jobs import REST, Job, Result
from bench.load import Load
from bench.pairs import PHASE, Pairs, run
from bench.rest_load import request
from bench.seeding import Bench
from bench.servers import Address
from bench.table import Row, at_least

CALLERS = {0: (16, 1, 64), 10_000: (16,)}  # by the crons stored
ROUNDS = 3
OFFICIAL = "langgraph dev"
NEVER_SLOWER = 1.0
TARGETS = {  # at 16 callers, by what is asked and how many crons are stored
    ("create", 0): 8.0,
    ("delete", 0): 8.0,
    ("get", 0): 4.0,
    ("search", 0): 3.0,
    ("create", 10_000): 70.0,
    ("delete", 10_000): 70.0,
    ("search", 10_000): 6.0,
}


class Rest:
    """The same requests to both, with so many crons stored."""

    def __init__(self, load: Load, ours: Address, official: Address, stored: int) -> None:
        self._load, self._stored = load, stored
        self._servers = (ours, official)
        self.pairs: dict[tuple[str, int], Pairs] = defaultdict(Pairs)

    def fill(self) -> None:
        """Twenty crons where hardly any are wanted."""
        for address in self._servers:
            wanted = list(self._creates(address)) * (max(self._stored, 20) // len(MIX) + 1)
            run(self._load, self._job(address, wanted[: max(self._stored, 20)], 64, seconds=600, repeat=False))

    def round(self, callers: int) -> None:
        for address in self._servers:  # nobody is measured cold
            self._cycle(address, callers, 0.1)
        order = self._servers if len(self.pairs["create", callers].ours) % 2 else tuple(reversed(self._servers))
        done = {address: self._cycle(address, callers, PHASE) for address in order}
        ours, official = (done[address] for address in self._servers)
        for name in ours:
            self.pairs[name, callers].add((ours[name], official[name]))

    def _cycle(self, address: Address, callers: int, seconds: float) -> dict[str, Result]:
        """Creates, reads, finds and deletes; afterwards the store is as before."""
        created = run(self._load, self._job(address, list(self._creates(address)), callers, seconds, keep=True))
        paths = [f"/runs/crons/{json.loads(body)['cron_id']}" for body in created.bodies]
        gets, deletes = ([request(verb, str(address), path) for path in paths] for verb in ("GET", "DELETE"))
        search = json.dumps({"metadata": {"team": "night"}, "limit": 10}).encode()
        searches = [request("POST", str(address), "/runs/crons/search", search)]
        return {
            "create": created,
            "get": run(self._load, self._job(address, gets, callers, seconds)),
            "delete": run(self._load, self._job(address, deletes, callers, 60, repeat=False)),
            # Last, so that both find among as many.
            "search": run(self._load, self._job(address, searches, callers, seconds)),
        }

    def _creates(self, address: Address) -> Iterator[bytes]:
        for schedule, zone in MIX:
            body = {"assistant_id": AGENT, "schedule": schedule, "input": INPUT, "metadata": METADATA}
            zoned = body | ({"timezone": zone} if zone else {})
            yield request("POST", str(address), "/runs/crons", json.dumps(zoned).encode())

    def _job(
        self, to: Address, asked: list[bytes], callers: int, seconds: float, *, repeat: bool = True, keep: bool = False
    ) -> Job:
        return Job(REST, to.host, to.port, asked, callers, seconds=seconds, repeat=repeat, keep=keep)


def rows(rest: Rest, stored: int) -> Iterator[Row]:
    where = f"{stored:,} crons stored" if stored else "near-empty store"
    for (name, callers), pairs in rest.pairs.items():
        bound = TARGETS.get((name, stored), NEVER_SLOWER) if callers == 16 else NEVER_SLOWER
        key = f"rest/{name}/{stored}/{callers}"
        what = f"REST {name}, {where}, {callers} caller{'s' if callers > 1 else ''}"
        yield pairs.rate(key, what, OFFICIAL, at_least(bound))


def measured(bench: Bench, stored: int) -> Iterator[Row]:
    """Raises NotInstalled where the official server cannot be had."""
    with ExitStack() as stack:
        official = stack.enter_context(servers.official())
        served = stack.enter_context(servers.fresh_cronlane())
        rest = Rest(bench.load, Address.of(served.url), official, stored)
        rest.fill()
        for _ in range(ROUNDS):
            for callers in CALLERS[stored]:
                rest.round(callers)
        yield from rows(rest, stored)


def near_empty(bench: Bench) -> Iterator[Row]:
    return measured(bench, 0)


def with_10_000(bench: Bench) -> Iterator[Row]:
    return measured(bench, 10_000)
