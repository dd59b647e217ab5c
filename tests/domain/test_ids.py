"""Ids as they come in, and the ids of the service's own assistants."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronlane_service.domain import ids
from cronlane_service.domain.errors import InvalidField


@given(value=st.uuids())
def test_every_usual_spelling_becomes_the_canonical_one(value: uuid.UUID) -> None:
    canonical = str(value)
    for spelling in (canonical, canonical.upper(), value.hex, value.hex.upper()):
        assert ids.parse("thread", spelling) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "agent",
        "6ba7b821-9dad-11d1-80b4-00c04fd430c",
        "6ba7b821-9dad-11d1-80b4-00c04fd430c88",
        "{6ba7b821-9dad-11d1-80b4-00c04fd430c8}",
        "urn:uuid:6ba7b821-9dad-11d1-80b4-00c04fd430c8",
        "6ba7b821-9dad-11d1-80b4-00c04fd430cg",
        " 6ba7b821-9dad-11d1-80b4-00c04fd430c8",
        "6ba7b8219dad11d180b400c04fd430c8\n",
        "6ba7b8219dad11d180b400c04fd430_8",
        "+ba7b8219dad11d180b400c04fd430c8",
        "0xa7b8219dad11d180b400c04fd430c8",
        " ba7b8219dad11d180b400c04fd430c8",
        "6ba7b8-219dad-11d1-80b4-00c04fd430c8",
        "6ba7b8219dad11d180b400c04fd430c8----",
        "\uff16ba7b8219dad11d180b400c04fd430c8",
    ],
)
def test_anything_else_is_refused_naming_the_field(text: str) -> None:
    with pytest.raises(InvalidField) as refused:
        ids.parse("cron", text)
    assert refused.value.field == "cron_id"
    assert str(refused.value) == "Invalid cron ID: must be a UUID"


def test_the_field_can_be_named_by_the_caller() -> None:
    with pytest.raises(InvalidField) as refused:
        ids.parse("thread", "x", field="cron.thread_id")
    assert refused.value.field == "cron.thread_id"


@given(text=st.text(alphabet="0123456789abcdefABCDEF-{}_+ \u0661", min_size=30, max_size=38))
def test_what_is_accepted_names_one_uuid(text: str) -> None:
    try:
        parsed = ids.parse("run", text)
    except InvalidField:
        return
    assert text.lower() in (parsed, parsed.replace("-", ""))


def test_a_system_assistant_has_the_same_id_on_every_server() -> None:
    assert ids.system_assistant("agent") == "fe096781-5601-53d2-b2f6-0d3403f7e9ca"
    assert ids.system_assistant("agent") != ids.system_assistant("Agent")
    assert uuid.UUID(ids.system_assistant("any name")).version == 5
