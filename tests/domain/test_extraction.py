"""Paths into threads."""

from __future__ import annotations

import json

import pytest

from builders import NOON
from cronlane_service.domain import extraction, jsontext
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.models import Thread

THREAD = Thread(
    "t",
    "",
    NOON,
    NOON,
    NOON,
    metadata='{"m": {"k": [1, {"z": 2.0}]}, "a-b": true}',
    values='{"log": ["in", "a"], "big": 9007199254740993}',
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("values.log[-1]", '"a"'),
        ("values.log[0]", '"in"'),
        ("values.log[2]", "null"),
        ("values.log[-3]", "null"),
        ("values.big", "9007199254740993"),
        ("metadata.m.k[1].z", "2.0"),
        ("metadata.m.k[1]", '{"z": 2.0}'),
        ("metadata.a-b", "true"),
        ("metadata", THREAD.metadata),
        ("interrupts", "{}"),
        ("config.configurable", "null"),
        ("values.log.x", "null"),
        ("values[0]", "null"),
        ("values.log[-1].x", "null"),
        ("values..log", "null"),
        ("values.log[x]", "null"),
        ("values.log[*]", "null"),
        ("values.log[0:1]", "null"),
        ("values.log]", "null"),
    ],
)
def test_what_is_at_a_path_is_answered_to_the_letter(path: str, found: str | None) -> None:
    extraction.check({"a": path})
    assert extraction.extracted(THREAD, {"a": path}) == f'{{"a":{found}}}'


def test_nothing_is_extracted_when_nothing_is_asked_for() -> None:
    assert extraction.extracted(THREAD, {}) is None


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ({"a": "status"}, "Extract path 'status' must start with one of: config, interrupts, metadata, values"),
        ({"a": "$.values"}, "Extract path '$.values' must start"),
        ({"a": ""}, "Extract path for 'a' must be a non-empty string"),
        ({"a b": "values"}, "Extract key 'a b' must be a valid identifier"),
        ({"1a": "values"}, "Extract key '1a' must be a valid identifier"),
        ({f"k{n}": "values" for n in range(11)}, "must not have more than 10"),
    ],
)
def test_a_wrong_path_is_refused(paths: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidField) as caught:
        extraction.check(paths)
    assert caught.value.field == "extract"
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["[]", " [ ] ", "[1]", '[ 1 , "a]" ,[2, [3]] , {"b":[4]} , 1.0 ]'])
def test_the_elements_of_an_array_make_it_again(text: str) -> None:
    found = jsontext.elements(text)
    assert json.loads("[" + ",".join(found) + "]") == json.loads(text)


@pytest.mark.parametrize("text", ["", "{}", "[1", "[1,]", "[,]", "[1 2]", "[1]x", "null", "[NaN]"])
def test_what_is_no_array_has_no_elements(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        jsontext.elements(text)
