"""JSON of the callers: taken apart and put together with nothing of it altered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cronlane_service.domain import jsontext

# JSON as people write it: any spelling of numbers, escapes and blanks, which a parser would not give back.
blank = st.text(alphabet=" \t\n\r", max_size=2)
numbers = st.one_of(
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        ["1.0", "1e2", "1E+2", "-0", "-0.0", "9007199254740993", "1.10", "0.1e-7", "123456789012345678901"]
    ),
)
strings = st.one_of(
    st.text(max_size=6).map(json.dumps),
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), max_size=6).map(
        '"{}"'.format
    ),
    st.sampled_from([r'"\u00e9"', r'"\/"', r'"\ud83d\ude00"', r'"a\"b"', r'"}"', r'"{\"x\":1}"', '"]"', '","']),
)
scalars = st.one_of(numbers, strings, st.sampled_from(["true", "false", "null"]))


def padded(parts: tuple[str, str, str]) -> str:
    return "".join(parts)


def pad(text: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(blank, text, blank).map(padded)


def array(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(pad(items), max_size=3).map(lambda found: f"[{','.join(found)}]")


def record(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(pad(strings), pad(items)).map(":".join)
    return st.lists(member, max_size=3).map(lambda found: f"{{{','.join(found)}}}")


values = st.recursive(scalars, lambda inner: st.one_of(array(inner), record(inner)), max_leaves=8)
named = st.dictionaries(st.text(max_size=5), values, max_size=5)


@st.composite
def objects(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """An object's text, with blanks where they may stand, and its members."""
    members = draw(named)
    spelled = []
    for name, text in members.items():
        spelled_name = json.dumps(name, ensure_ascii=draw(st.booleans()))
        spelled.append(f"{draw(pad(st.just(spelled_name)))}:{draw(pad(st.just(text)))}")
    return f"{draw(blank)}{{{','.join(spelled) or draw(blank)}}}{draw(blank)}", members


@given(objects())
@example(("{}", {}))
@example((' {"a" : 1.0 , "b":[ 1 ,2 ]}\n', {"a": "1.0", "b": "[ 1 ,2 ]"}))
def test_members_are_found_in_order_with_their_own_text(built: tuple[str, dict[str, str]]) -> None:
    text, expected = built
    assert list(jsontext.members(text).items()) == list(expected.items())


@given(named)
def test_what_is_joined_comes_apart_unaltered(members: dict[str, str]) -> None:
    joined = jsontext.join(members)
    assert list(jsontext.members(joined).items()) == list(members.items())
    assert list(json.loads(joined)) == list(members)


@given(st.lists(named, max_size=4))
def test_of_merged_members_the_last_stays_as_it_was_written(parts: list[dict[str, str]]) -> None:
    expected: dict[str, str] = {}
    for part in parts:
        expected.update(part)
    merged = jsontext.merge(*(jsontext.join(part) for part in parts))
    assert list(jsontext.members(merged).items()) == list(expected.items())


def test_merging_leaves_out_what_is_not_there() -> None:
    assert jsontext.merge() == "{}"
    assert jsontext.merge(None, '{"a":1.0}', None, '{"b":null, "a":1e0}') == '{"a":1e0,"b":null}'


def test_merging_is_shallow() -> None:
    assert jsontext.merge('{"a":{"x":1}}', '{"a":{"y":2}}') == '{"a":{"y":2}}'


def test_a_repeated_name_has_its_last_value() -> None:
    assert jsontext.members('{"a":1,"b":2,"a":3}') == {"a": "3", "b": "2"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "[]",
        '"{}"',
        "{",
        "}",
        "{}x",
        "{} {}",
        '{"a"}',
        '{"a":}',
        '{"a":1,}',
        '{"a":1 "b":2}',
        '{,"a":1}',
        "{a:1}",
        "{'a':1}",
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":[-Infinity]}',
        '{"a":01}',
        '{"a":+1}',
        '{"a":.5}',
        '{"a":"\n"}',
        '{"a\n":1}',
        '{"a":tru}',
        '{"a":[1}',
        '{"a":1}]',
        '\ufeff{"a":1}',
        '{"a":\u00a01}',
    ],
)
def test_what_is_not_an_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is the parser's
        jsontext.members(text)


@given(st.text(alphabet='{}[]":,0123456789.eE+-\\u tfnaN', max_size=30))
def test_members_and_parse_agree_on_what_is_json(text: str) -> None:
    expected = parsed(text)
    try:
        found = {name: jsontext.parse(member) for name, member in jsontext.members(text).items()}
    except ValueError:
        assert not isinstance(expected, dict)
    else:
        assert found == expected


def parsed(text: str) -> Any:
    try:
        return jsontext.parse(text)
    except ValueError:
        return None


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a":-Infinity}', "", "1 2", "{'a':1}", "undefined"])
def test_parse_refuses_what_is_not_json(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is the parser's
        jsontext.parse(text)


@given(pad(values))
def test_the_kind_of_a_document_is_that_of_its_value(text: str) -> None:
    assert jsontext.kind(text) is jsontext.kind(text) is type(json.loads(text))


def test_what_is_no_json_has_no_kind_however_often_it_is_asked_for() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="NaN is not JSON"):
            jsontext.kind('{"a":NaN}')


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_what_is_nested_too_deeply_is_refused_and_not_a_crash(opening: str) -> None:
    text = opening * 100_000
    with pytest.raises(ValueError, match="nested too deeply"):
        jsontext.parse(text)
    with pytest.raises(ValueError, match="nested too deeply"):
        jsontext.members('{"a":' + text)


def test_big_integers_survive() -> None:
    assert jsontext.parse("9007199254740993") == 9007199254740993
    assert jsontext.members('{"n":9007199254740993}')["n"] == "9007199254740993"


def test_dump_is_compact_and_never_writes_what_is_not_json() -> None:
    assert jsontext.dump({"a": [1, None, "é"]}) == '{"a":[1,null,"\\u00e9"]}'
    with pytest.raises(ValueError, match="JSON compliant"):
        jsontext.dump(float("nan"))


@pytest.mark.parametrize(
    ("document", "pattern", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1}}, True),
        ({"a": {"x": 1}}, {"a": {"x": 2}}, False),
        ({"a": [1, 2]}, {"a": [1, 2]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": [{"x": 1, "y": 2}]}, {"a": [{"x": 1}]}, False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": True}, {"a": True}, True),
        ({"a": None}, {"a": None}, True),
        ({}, {"a": None}, False),
        ({"a": "1"}, {"a": 1}, False),
        ([], {}, False),
        ({"a": 1}, {}, True),
    ],
)
def test_a_filter_matches_objects_by_containment_and_the_rest_by_equality(
    document: Any, pattern: Any, expected: bool
) -> None:
    assert jsontext.contains(document, pattern) is expected


@pytest.mark.parametrize(
    ("document", "pattern"), [([True], [1]), ({"a": [1]}, {"a": [True]}), ([{"a": False}], [{"a": 0}]), (1, "1")]
)
def test_truth_is_no_number_however_deep(document: object, pattern: object) -> None:
    assert not jsontext.contains(document, pattern)
    assert jsontext.contains(document, document)
