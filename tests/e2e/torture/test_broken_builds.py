"""The checker can fail: builds that break a promise do not get past it. `make torture` runs this."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.torture.broken_builds import NO_KEYS
from e2e.torture.fleet import Fleet, Place
from e2e.torture.storm import Weather
from e2e.torture.trial import Trial
from postgres import PostgresServer

pytestmark = pytest.mark.skipif("CRONLANE_TORTURE_SECONDS" not in os.environ, reason="make torture runs it")
SECONDS, PATIENCE = 30, 10


@dataclass(frozen=True)
class Broken:
    """What is to be said of a build, and what brings it out."""

    said: Sequence[str]
    weather: Weather = Weather()  # noqa: RUF009 - it is frozen
    also: str = ""


BUILDS = {
    "claims_without_locks": Broken(["rows: ", "runs of one tick"], also=NO_KEYS),
    "writes_without_the_fence": Broken(["ended 2 times"], Weather(kills=1, standstills=9)),
    "loses_ticks": Broken(["no row: ", "a run of no tick"]),
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("build", BUILDS)
def test_a_broken_build_is_found_out(
    build: str, postgres: PostgresServer, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    options = (f"--broken={build}",)
    fleet = Fleet(
        [Place(command, options) for command in ("serve", "serve", "serve", "worker")], postgres.url, tmp_path
    )
    broken = BUILDS[build]
    try:
        trial = Trial(fleet, postgres, random.Random(7), broken.weather, PATIENCE)
        trial.run(SECONDS, broken.also)
    finally:
        fleet.kill_all()
    faults = trial.faults()
    for words in broken.said:
        found = [fault for fault in faults if words in fault]
        assert found, f"{words!r} is not among\n" + "\n".join(faults)
        record_property("counts", f"{build}: {found[0]}")
