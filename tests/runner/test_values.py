"""Whatever a graph keeps in its state comes out as JSON."""

from __future__ import annotations

import json
import math
from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel, SecretStr

from cronlane_service.runner import values


class Colour(Enum):
    RED = "red"


class Mood(StrEnum):
    GOOD = "good"


class Level(IntEnum):
    HIGH = 3


@dataclass
class Point:
    x: float
    when: datetime


class Account(BaseModel):
    name: str
    password: SecretStr
    point: Any = None


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no")


Pair = namedtuple("Pair", "left right")
THEN = datetime(2026, 11, 22, 15, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        (2**53 + 1, "9007199254740993"),
        (2**64 + 1, "18446744073709551617"),
        (-(10**40), "-1" + "0" * 40),
        (math.nan, "null"),
        ([math.inf, -math.inf], "[null,null]"),
        ("Grüße ⏰ \U0001f552", '"Grüße ⏰ \U0001f552"'),
        ("half \ud83d", '"half \ufffd"'),
        ({"half \udc00": 1}, '{"half \ufffd":1}'),
        ("nul \0", '"nul \\u0000"'),
        (b"\x00\xff", '"AP8="'),
        (THEN, '"2026-11-22T15:27:00+00:00"'),
        (date(2026, 11, 22), '"2026-11-22"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Decimal("1.10"), '"1.10"'),
        (PurePosixPath("/a/b"), '"/a/b"'),
        (Colour.RED, '"red"'),
        (Mood.GOOD, '"good"'),
        (Level.HIGH, "3"),
        ((1, 2), "[1,2]"),
        ({3}, "[3]"),
        (deque([1, 2]), "[1,2]"),
        (Pair(1, "b"), '{"left":1,"right":"b"}'),
        (OrderedDict(z=1, a=2), '{"z":1,"a":2}'),
        ({1: "a", None: "b", False: "c"}, '{"1":"a","null":"b","false":"c"}'),
        ({2.5: 1, Colour.RED: 2, Mood.GOOD: 3, UUID(int=1): 4}, None),
        (Point(1.5, THEN), '{"x":1.5,"when":"2026-11-22T15:27:00+00:00"}'),
        ([[[[{"a": []}]]]], '[[[[{"a":[]}]]]]'),
        (ValueError("boom"), "\"ValueError('boom')\""),
    ],
)
def test_a_value_has_its_json(value: object, expected: str | None) -> None:
    expected = expected or '{"2.5":1,"red":2,"good":3,"00000000-0000-0000-0000-000000000001":4}'
    assert values.text(value) == expected
    json.loads(values.text(value).encode("utf-8"))


def test_a_pydantic_model_keeps_its_secrets() -> None:
    account = Account(name="a", password=SecretStr("hunter2"), point=Point(1, THEN))
    assert json.loads(values.text({"account": account})) == {
        "account": {"name": "a", "password": "SecretStr('**********')", "point": {"x": 1, "when": THEN.isoformat()}}
    }


def test_messages_have_the_fields_that_clients_read() -> None:
    call = {"name": "clock", "args": {"zone": "UTC"}, "id": "1", "type": "tool_call"}
    human, ai, tool = json.loads(
        values.text([HumanMessage("hi", id="h"), AIMessage("", tool_calls=[call]), ToolMessage("x", tool_call_id="1")])
    )
    assert human == {
        "content": "hi",
        "additional_kwargs": {},
        "response_metadata": {},
        "type": "human",
        "name": None,
        "id": "h",
    }
    assert ai["tool_calls"] == [call]
    assert (ai["invalid_tool_calls"], ai["usage_metadata"]) == ([], None)
    assert (tool["type"], tool["tool_call_id"], tool["status"]) == ("tool", "1", "success")


@pytest.mark.parametrize("value", [object(), Broken(), Broken, len, lambda: 1])
def test_anything_else_is_described(value: object) -> None:
    assert isinstance(json.loads(values.text(value)), str)


def test_an_integer_too_long_for_decimal_digits_is_still_written() -> None:
    assert json.loads(values.text(1 << 20_000)) == hex(1 << 20_000)
