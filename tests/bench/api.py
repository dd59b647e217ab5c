"""CreateCron, GetCron, DeleteCron, CreateThread and GetThread over gRPC, against the bare echo."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from bench import calls, servers
from bench.calls import CRONS, THREADS, Schedules
from bench.jobs import Result
from bench.pairs import Pairs, Wire
from bench.seeding import Bench
from bench.servers import Address
from bench.table import Row, Target, Words, at_least, at_most, compared, wanted

ECHO = "bare echo"
READ = 1000  # different resources
NAMES = {
    "create_cron": "CreateCron",
    "create_cron_different": "CreateCron, every schedule different",
    "get_cron_first": "GetCron, each read for the first time",
    "get_cron": "GetCron",
    "delete_cron": "DeleteCron",
    "create_thread": "CreateThread",
    "get_thread": "GetThread",
}
CALLERS = (16, 64)
COSTS: tuple[Callable[[Result], float], ...] = (lambda each: each.client_cpu, lambda each: each.server_cpu)


@dataclass(frozen=True)
class Engine:
    """What is asked of a database; the bounds are ratios to the echo."""

    name: str
    rounds: int
    writes: float
    reads: float
    different: float | None  # creating, when no schedule comes twice

    def target(self, operation: str) -> Target | None:
        if operation.endswith("different"):
            return None if self.different is None else at_least(self.different)
        return at_least(self.reads if operation.startswith("get") else self.writes)


SQLITE = Engine("SQLite", 5, writes=0.50, reads=0.70, different=0.28)
POSTGRES = Engine("PostgreSQL", 3, writes=0.30, reads=0.40, different=None)


class Api:
    """The rounds of one server. Its crons are as many after a round as before."""

    def __init__(self, wire: Wire, words: Words = ()) -> None:
        self._wire, self._words, self._schedules = wire, words, Schedules()
        self.pairs: dict[tuple[str, int], Pairs] = defaultdict(Pairs)

    def round(self, callers: int) -> None:
        if self._wants("cron"):
            self._crons(callers)
        if self._wants("thread"):
            self._threads(callers)

    def _wants(self, kind: str) -> bool:
        return not self._words or any(wanted(name, self._words) for name in NAMES if kind in name)

    def _crons(self, callers: int) -> None:
        made = self._create(callers, "create_cron", f"{CRONS}/CreateCron", self._schedules.mixed())
        made += self._create(callers, "create_cron_different", f"{CRONS}/CreateCron", self._schedules.different())
        crons = calls.cron_ids(made)
        gets = [calls.get_cron(each) for each in crons]
        self._pair(callers, "get_cron_first", f"{CRONS}/GetCron", gets, repeat=False)
        self._pair(callers, "get_cron", f"{CRONS}/GetCron", gets[:READ])
        deletes = [calls.delete_cron(each) for each in crons]
        self._pair(callers, "delete_cron", f"{CRONS}/DeleteCron", deletes, repeat=False)

    def _threads(self, callers: int) -> None:
        made = self._create(callers, "create_thread", f"{THREADS}/CreateThread", [calls.create_thread()])
        threads = calls.thread_ids(made[:READ])
        self._pair(callers, "get_thread", f"{THREADS}/GetThread", [calls.get_thread(each) for each in threads])

    def _create(self, callers: int, name: str, method: str, asked: list[bytes]) -> list[bytes]:
        """Not left out: the others need what was created."""
        ours, _ = self.pairs[name, callers].add(self._wire.pair(method, asked, callers, keep=True))
        return ours.bodies

    def _pair(self, callers: int, name: str, method: str, asked: list[bytes], *, repeat: bool = True) -> None:
        if wanted(name, self._words) or name == "delete_cron":
            self.pairs[name, callers].add(self._wire.pair(method, asked, callers, repeat=repeat))


def rows(engine: Engine, api: Api) -> Iterator[Row]:
    for (name, callers), pairs in api.pairs.items():
        key = f"{name}/{engine.name.lower()}/{callers}"
        what = f"{NAMES[name]}, {engine.name}, {callers} callers"
        yield pairs.rate(key, what, ECHO, engine.target(name))
        if engine is SQLITE and not name.startswith("get"):
            yield pairs.p99(f"{key}/p99", f"{what}: p99", ECHO, at_most(6.0) if callers == 16 else None)
        if callers == CALLERS[0]:
            yield pairs.cpu(f"{key}/cpu", f"{what}: server's CPU a call", ECHO)


def measured(engine: Engine, bench: Bench, database: str = "") -> Iterator[Row]:
    with ExitStack() as stack:
        echo = stack.enter_context(servers.echo())
        served = stack.enter_context(servers.fresh_cronlane(database))
        wire = Wire(bench.load, echo, Address.of(served.grpc, served.process.pid))
        Api(wire).round(CALLERS[0])  # nobody is measured cold
        api = Api(wire, bench.words)
        for _ in range(engine.rounds):
            for callers in CALLERS:
                api.round(callers)
        yield client_cost(engine, api)
        yield from rows(engine, api)


def client_cost(engine: Engine, api: Api) -> Row:
    """The client must not be what is measured."""
    echoes = [each for pairs in api.pairs.values() for each in pairs.theirs]
    client, server = ([cost(each) / each.calls * 1e6 for each in echoes] for cost in COSTS)
    what = "the load client's CPU a call"
    return compared(f"client/{engine.name.lower()}", what, "µs", client, ECHO, server, at_most(0.33))


def sqlite(bench: Bench) -> Iterator[Row]:
    return measured(SQLITE, bench)


def postgres(bench: Bench) -> Iterator[Row]:
    with servers.postgres() as url:
        yield from measured(POSTGRES, bench, url)
