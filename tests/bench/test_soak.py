"""The soak says what grew, and only that."""

from __future__ import annotations

from typing import Any

import pytest

from bench.soak import Sample, grown, lateness


def samples(last: dict[str, Any]) -> list[Sample]:
    steady: dict[str, Any] = {"late": [5.0] * 98 + [20.0, 90.0], "waiting": 3, "memory": 100.0, "files": 50.0}
    return [Sample(second=number, **(steady | (last if number >= 6 else {}))) for number in range(9)]


@pytest.mark.parametrize(
    ("last", "what"),
    [
        ({}, None),
        ({"late": [39.0] * 100}, None),
        ({"late": [41.0] * 100}, "lag"),
        ({"waiting": 107}, "runs that wait"),
        ({"memory": 111.0}, "memory"),
        ({"files": 62.4}, None),
        ({"files": 62.5}, "files"),
    ],
)
def test_what_is_more_in_the_last_third_fails(last: dict[str, Any], what: str | None) -> None:
    faults = grown(samples(last))
    assert len(faults) == (what is not None)
    assert all(what is not None and what in fault for fault in faults)


def test_too_few_samples_fail() -> None:
    assert grown(samples({})[:2])


def test_each_tick_of_a_batch_is_as_late_as_the_batch() -> None:
    lines = ['{"event": "ready"}', '{"event": "ticks_decided", "fired": 2, "missed": 1, "late_ms": 7.5}']
    assert lateness(lines) == [7.5, 7.5]
