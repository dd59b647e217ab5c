"""The thread-centric protocol: which events go to whom."""

from __future__ import annotations

import pytest

from cronlane_service.domain import protocol
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.protocol import ProtocolEvent, Subscription


def event(method: str, *namespace: str, data: str = "{}") -> ProtocolEvent:
    return ProtocolEvent(0, method, namespace, data)


def wants(happened: ProtocolEvent, *channels: str, **where: object) -> bool:
    return Subscription(frozenset(channels), **where).wants(happened)  # type: ignore[arg-type]


def test_an_event_goes_to_those_who_want_its_channel() -> None:
    assert wants(event("values"), "values", "tools")
    assert not wants(event("values"), "tools")
    assert wants(event("input.requested"), "input")
    assert not wants(event("input.requested"), "lifecycle")


def test_what_a_node_writes_has_the_channel_of_its_name_too() -> None:
    named = event("custom", data='{"name":"progress","step":1}')
    assert wants(named, "custom")
    assert wants(named, "custom:progress")
    assert not wants(named, "custom:other")
    for unnamed in ('"progress"', '{"name":1}', '{"name":""}', "[]"):
        assert not wants(event("custom", data=unnamed), "custom:progress", "custom:", "custom:1")


def test_a_namespace_stands_for_what_is_further_inside() -> None:
    inner = event("values", "tools:1", "agent:2")
    assert wants(inner, "values", namespaces=(("tools:1",),))
    assert wants(inner, "values", namespaces=(("nope",), ("tools",)))
    assert wants(inner, "values", namespaces=((),))
    assert not wants(inner, "values", namespaces=(("tools:2",),))
    assert not wants(inner, "values", namespaces=(("agent",),))
    assert not wants(event("values"), "values", namespaces=(("tools",),))


def test_depth_counts_from_the_namespace() -> None:
    inner = event("values", "tools:1", "agent:2")
    assert not wants(inner, "values", depth=1)
    assert wants(inner, "values", depth=2)
    assert wants(inner, "values", namespaces=(("tools",),), depth=1)
    assert not wants(inner, "values", namespaces=(("tools",),), depth=0)
    assert not wants(inner, "values", namespaces=((),), depth=0)


@pytest.mark.parametrize(
    ("field", "subscription"),
    [
        ("channels", Subscription(frozenset())),
        ("channels", Subscription(frozenset({"values", "nope"}))),
        ("depth", Subscription(frozenset({"values"}), depth=-1)),
    ],
)
def test_what_nobody_can_want_is_refused(field: str, subscription: Subscription) -> None:
    with pytest.raises(InvalidField) as caught:
        subscription.check()
    assert caught.value.field == field


def test_what_is_kept_comes_back() -> None:
    kept = RunEvent(protocol.name("values", ("a:1", "b:2")), '{"n":1.0}', seq=7)
    assert protocol.told(kept) == ProtocolEvent(7, "values", ("a:1", "b:2"), '{"n":1.0}')


def test_a_run_of_another_kind_tells_what_the_protocol_knows_of_its_modes() -> None:
    assert protocol.told(RunEvent("updates|a:1", '{"n":1.0}')) == event("updates", "a:1", data='{"n":1.0}')
    assert [protocol.told(RunEvent(name, "{}")) for name in ("metadata", "messages/partial", "debug", "run_done")] == [
        None
    ] * 4


def test_what_waits_for_a_human_is_no_part_of_the_values() -> None:
    stopped = protocol.told(RunEvent("values", '{"n":1.0,"__interrupt__":[{"id":"i"}]}'))
    assert stopped is not None
    assert stopped.data == '{"n":1.0}'
