from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from cronlane_service.runner.turns import SHORT, short_turns

USUAL = 0.003


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(USUAL)
    yield
    sys.setswitchinterval(before)


def test_turns_are_short_until_the_last_one_who_wants_it_is_done() -> None:
    with ExitStack() as first, ExitStack() as last:
        first.enter_context(short_turns())
        last.enter_context(short_turns())
        first.close()
        assert sys.getswitchinterval() == pytest.approx(SHORT)
    assert sys.getswitchinterval() == pytest.approx(USUAL)


def test_turns_are_as_before_after_an_error() -> None:
    with suppress(LookupError), short_turns():
        raise LookupError
    assert sys.getswitchinterval() == pytest.approx(USUAL)
