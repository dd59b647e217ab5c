from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cronlane_service.domain import jsontext, labels

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from([-0.0, 0.5, 2.0**53, 2**53, 2**53 + 1, 1e300, 10**300, "1", "i1", "None", "True", "\ud800", "\0"])
    | st.text(max_size=3)
)
NAMES = st.sampled_from(["a", "b", "1:a", ""]) | st.text(max_size=2)


@given(NAMES, SCALARS, NAMES, SCALARS)
@example("a", 1, "a", 1.0)
@example("a", 1, "a", True)
@example("a", 2**53 + 1, "a", 2.0**53)
@example("a", "sb", "as", "b")
def test_two_labels_are_the_same_exactly_when_name_and_value_are(name: str, one: Any, other: str, two: Any) -> None:
    alike = labels._label(name, one) == labels._label(other, two)
    assert alike == (name == other and jsontext.same(one, two))


def test_every_scalar_at_the_top_has_a_label_and_nothing_else() -> None:
    found = labels.of('{"a": 1, "b": null, "c": {"d": 1}, "e": [1], "a": 2}')
    assert found == (labels._label("a", 2), labels._label("b", None))
    assert {len(label) for label in found} == {labels.SIZE}


@pytest.mark.parametrize("metadata", ["{}", "{", "[1]", "1", "[" * 100_000, b"{}", b'{"a": 1}', 1, None, '{"a": NaN}'])
def test_what_is_no_object_has_no_labels(metadata: Any) -> None:
    assert labels.of(metadata) == ()


def test_one_cron_has_so_many_labels_and_no_more() -> None:
    most = jsontext.dump({str(number): number for number in range(labels.MOST)})
    assert len(labels.of(most)) == labels.MOST
    assert labels.of(jsontext.merge(most, '{"one": "more"}')) == (labels.CROWDED,)


def test_a_filter_is_its_labels_and_a_rest() -> None:
    assert labels.sought("{}") == labels.Sought((), None)
    assert labels.sought('{"a": 1.0}') == labels.Sought((labels._label("a", 1),), None)
    mixed = labels.sought('{"a": {"b": 1.0}, "c": "x", "d": [1]}')
    assert mixed == labels.Sought((labels._label("c", "x"),), '{"a":{"b": 1.0},"d":[1]}')


def test_a_filter_of_very_many_members_has_a_few_labels_and_the_others_in_its_rest() -> None:
    pattern = {str(number): number for number in range(50)}
    many = labels.sought(jsontext.dump(pattern))
    assert many.labels == tuple(labels._label(str(number), number) for number in range(labels.MOST_SOUGHT))
    assert many.rest is not None
    assert list(jsontext.members(many.rest)) == list(pattern)[labels.MOST_SOUGHT :]


@pytest.mark.parametrize("pattern", ["", "[]", "1", "{", '{"a": NaN}'])
def test_a_filter_that_is_no_object_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        labels.sought(pattern)
