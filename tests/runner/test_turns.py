from __future__ import annotations

import sys
from contextlib import ExitStack, suppress

import pytest

from cronlane_service.runner.turns import SHORT, short_turns


def test_turns_are_short_until_the_last_one_who_wants_it_is_done(usual_turns: float) -> None:
    with ExitStack() as first, ExitStack() as last:
        first.enter_context(short_turns())
        last.enter_context(short_turns())
        first.close()
        assert sys.getswitchinterval() == pytest.approx(SHORT)
    assert sys.getswitchinterval() == pytest.approx(usual_turns)


def test_turns_are_as_before_after_an_error(usual_turns: float) -> None:
    with suppress(LookupError), short_turns():
        raise LookupError
    assert sys.getswitchinterval() == pytest.approx(usual_turns)
