"""What is remembered is bounded."""

from __future__ import annotations

import pytest

from cronlane_service.domain.memory import remembered


def test_only_short_texts_are_remembered_and_not_for_ever() -> None:
    read: list[str] = []
    size = remembered(lambda text: read.append(text) or len(text))
    short, long = "1" * 1000, "1" * 1001
    for _ in range(2):
        assert (size(short), size(long)) == (1000, 1001)
    assert read == [short, long, long]
    for number in range(10_000):
        size(f"{number}")
    size(short)
    assert read.count(short) == 2


def test_what_is_raised_is_not_remembered() -> None:
    answers = iter([ValueError("not yet"), 1])

    @remembered
    def asked(_: str) -> object:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    with pytest.raises(ValueError, match="not yet"):
        asked("text")
    assert asked("text") == asked("text") == 1
