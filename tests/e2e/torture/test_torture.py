"""Servers and workers on one PostgreSQL in a storm, and then an account of every tick and every run.

In the manner of Jepsen's test of Chronos. CRONLANE_TORTURE_SECONDS says how long, CRONLANE_TORTURE_SEED repeats one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.torture.fleet import Fleet, Place
from e2e.torture.storm import Weather
from e2e.torture.trial import Trial
from postgres import PostgresServer

SECONDS = int(os.environ.get("CRONLANE_TORTURE_SECONDS", "60"))
SEED = os.environ.get("CRONLANE_TORTURE_SEED") or str(random.SystemRandom().randrange(10**6))
PLACES = (
    Place("serve"),
    Place("serve"),
    Place("serve", ("--clock=90",)),
    Place("worker"),
    Place("worker", ("--clock=-90",)),
)


@pytest.mark.timeout(SECONDS * 2 + 300)
def test_every_tick_has_one_run_that_ends_once_whatever_is_killed(
    postgres: PostgresServer, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    fleet = Fleet(PLACES, postgres.url, tmp_path)
    try:
        trial = Trial(fleet, postgres, random.Random(SEED), Weather(restarts=max(1, SECONDS // 120)))
        trial.run(SECONDS)
    finally:
        fleet.kill_all()
    record_property("counts", f"torture, {SECONDS} s, CRONLANE_TORTURE_SEED={SEED}\n{trial.account()}")
    assert not trial.faults(), "\n".join(trial.faults())
