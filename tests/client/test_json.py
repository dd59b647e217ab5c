from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronlane import _json

blanks = st.text(" \t\r\n", max_size=3)
literals = st.sampled_from(
    ["1", "1.0", "-0", "-0.0", "1e400", "1E-400", "9007199254740993", "9" * 5000, "true", "null", '"\\ud800"', '"\\/"']
)
texts = st.recursive(
    literals | st.text().map(json.dumps),
    lambda inner: (
        st.tuples(st.lists(inner, max_size=3), blanks).map(lambda pair: "[" + ("," + pair[1]).join(pair[0]) + "]")
        | st.tuples(st.dictionaries(st.text(), inner, max_size=3), blanks).map(
            lambda pair: "{" + ",".join(f"{pair[1]}{json.dumps(k)}{pair[1]}:{v}" for k, v in pair[0].items()) + "}"
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), texts), blanks)
def test_members_keep_their_text_and_order(found: dict[str, str], blank: str) -> None:
    document = f"{blank}{{{blank}" + ",".join(f"{json.dumps(k)}{blank}:{blank}{v}{blank}" for k, v in found.items())
    assert list(_json.members(document + "}" + blank).items()) == list(found.items())
    assert _json.members(_json.join(found)) == found


@given(st.lists(texts), blanks)
def test_elements_keep_their_text(found: list[str], blank: str) -> None:
    assert _json.elements(f"{blank}[{blank}" + f"{blank},{blank}".join(found) + f"{blank}]{blank}") == found
    assert _json.elements(_json.listed(found)) == found


@given(st.text(alphabet='{}[]",:1e-.ntrue \\\x00'))
def test_what_is_taken_for_an_object_is_one(text: str) -> None:
    try:
        found = _json.members(text)
    except ValueError:
        return
    assert set(json.loads(text)) == set(found)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "{a:1}", '{"a":1,}', '{,"a":1}', '{"a"}', '{"a":1}{', '{"a":Infinity}', '{"a":01}', "{'a':1}"],
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        _json.members(text)


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        _json.elements("[" * 200_000)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('"a"', '"\\u0061"', True),
        ("[1, 2]", "[1,2]", True),
        ("1", "1.0", False),
        ("1", '"1"', False),
        ("1", "true", False),
        ('{"a":1,"b":2}', '{"b":2,"a":1}', True),
    ],
)
def test_numbers_are_the_same_when_they_are_written_the_same(one: str, other: str, same: bool) -> None:
    assert _json.same(one, other) is same
