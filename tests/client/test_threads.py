"""Requests about threads, from the platform's JSON and back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from cronlane._decode import decode
from cronlane._shapes import check_select, encode
from cronlane._threads import history_request, prune_request, state_request, thread_to_create, thread_to_update
from cronlane.errors import InvalidRequest
from cronlane.v1 import threads_pb2
from cronlane.v1.common_pb2 import Json
from cronlane.v1.thread_states_pb2 import Checkpoint, ThreadState, UpdateThreadStateRequest, UpdateThreadStateResponse

HERE = Checkpoint(thread_id="t", checkpoint_id="c2")
INNER = Checkpoint(thread_id="t", checkpoint_ns="n:1", checkpoint_id="c3", checkpoint_map=Json(text='{"":"c2"}'))


@pytest.mark.parametrize(
    ("ttl", "minutes", "strategy"),
    [
        (5, 5, threads_pb2.PRUNE_STRATEGY_UNSPECIFIED),
        (0.5, 0.5, threads_pb2.PRUNE_STRATEGY_UNSPECIFIED),
        ({"ttl": 1.5}, 1.5, threads_pb2.PRUNE_STRATEGY_UNSPECIFIED),
        ({"ttl": 60, "strategy": "delete"}, 60, threads_pb2.PRUNE_STRATEGY_DELETE),
        ({"ttl": -1, "strategy": "keep_latest"}, -1, threads_pb2.PRUNE_STRATEGY_KEEP_LATEST),
    ],
)
def test_a_ttl_is_a_number_of_minutes(ttl: Any, minutes: float, strategy: Any) -> None:
    for message in (thread_to_create(json.dumps({"ttl": ttl})), thread_to_update(json.dumps({"ttl": ttl}))[0]):
        assert message.ttl.duration.ToTimedelta() == timedelta(minutes=minutes)
        assert message.ttl.strategy == strategy


def test_a_ttl_without_minutes_is_for_ever() -> None:
    thread, paths = thread_to_update('{"ttl":{}}')
    assert (thread.HasField("ttl"), thread.ttl.HasField("duration"), paths) == (True, False, ["ttl"])
    assert not thread_to_create("{}").HasField("ttl")
    assert thread_to_update('{"metadata":{"a":1}}')[1] == FieldMask(paths=["metadata"]).paths


@pytest.mark.parametrize("ttl", [None, "5", True, [5], 10**10, {"ttl": None}, {"ttl": "5"}, {"ttl": True}])
def test_what_is_no_number_of_minutes_is_refused(ttl: Any) -> None:
    with pytest.raises(InvalidRequest, match="must be a number of minutes"):
        thread_to_create(json.dumps({"ttl": ttl}))


@pytest.mark.parametrize("strategy", ["never", None, 1])
def test_an_unknown_strategy_is_named(strategy: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"ttl\.strategy: must be one of delete, keep_latest"):
        thread_to_create(json.dumps({"ttl": {"ttl": 1, "strategy": strategy}}))


def test_supersteps_keep_their_values_to_the_letter() -> None:
    text = (
        '{"supersteps":[{"updates":[{"values":{"n":1.0},"command":null,"as_node":"a"},{"command":{},"as_node":"b"}]}]}'
    )
    (step,) = thread_to_create(text).supersteps
    first, second = step.updates
    assert (first.values.text, first.HasField("command"), first.as_node) == ('{"n":1.0}', False, "a")
    assert (second.HasField("values"), second.command.text) == (False, "{}")


@pytest.mark.parametrize(
    ("supersteps", "field"),
    [([1], "supersteps"), ([{"updates": [2]}], "supersteps.updates"), ([{"updates": [{"as_node": 3}]}], "as_node")],
)
def test_a_superstep_of_another_form_is_named(supersteps: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        thread_to_create(json.dumps({"supersteps": supersteps}))
    assert caught.value.fields[0].field.endswith(field)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("c1", "c1"),
        ({"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "c1", "checkpoint_map": None}, "c1"),
        ({"configurable": {"thread_id": "t", "checkpoint_id": "c1"}}, "c1"),
        ({"checkpoint_id": None}, ""),
        ({}, ""),
    ],
)
def test_a_history_begins_before_a_checkpoint_in_every_form(before: Any, expected: str) -> None:
    request = history_request(json.dumps({"limit": 3, "before": before, "thread_id": "ignored"}))
    assert (request.limit, request.before, request.thread_id) == (3, expected, "")


@pytest.mark.parametrize("before", [None, 1, [], {"checkpoint_id": 7}])
def test_a_before_of_another_form_is_refused(before: Any) -> None:
    with pytest.raises(InvalidRequest, match="before: must be a string"):
        history_request(json.dumps({"before": before}))


def test_a_checkpoint_is_taken_as_the_sdks_send_it() -> None:
    sent = {"thread_id": "t", "checkpoint_ns": "n", "checkpoint_id": None, "checkpoint_map": {"": "c"}}
    request = state_request(json.dumps({"checkpoint": sent, "subgraphs": True}))
    assert request.checkpoint == Checkpoint(thread_id="t", checkpoint_ns="n", checkpoint_map=Json(text='{"": "c"}'))
    assert request.subgraphs
    assert state_request('{"checkpoint":{}}').HasField("checkpoint")


@pytest.mark.parametrize("body", [{}, {"checkpoint_id": "c"}, {"checkpoint": None}, {"checkpoint": "c"}])
def test_a_state_at_a_checkpoint_needs_one(body: Any) -> None:
    with pytest.raises(InvalidRequest, match="checkpoint: "):
        state_request(json.dumps(body))


def test_pruning_needs_ids() -> None:
    assert list(prune_request('{"thread_ids":["a","b"]}').thread_ids) == ["a", "b"]
    assert list(prune_request('{"thread_ids":[]}').thread_ids) == []
    with pytest.raises(InvalidRequest, match="thread_ids: is required"):
        prune_request("{}")


def test_values_to_write_may_be_null() -> None:
    request = UpdateThreadStateRequest()
    decode('{"values":null,"as_node":"a"}', request)
    assert (request.HasField("values"), request.as_node) == (False, "a")


def test_a_state_shows_its_checkpoints_as_the_platform_does() -> None:
    shown = json.loads(encode(ThreadState(checkpoint=INNER, parent_checkpoint=HERE, checkpoint_id="c3")))
    assert shown["parent_checkpoint"] == {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "c2"}
    assert shown["checkpoint"] == {
        "thread_id": "t",
        "checkpoint_ns": "n:1",
        "checkpoint_id": "c3",
        "checkpoint_map": {"": "c2"},
    }
    assert json.loads(encode(ThreadState()))["checkpoint"] is None


def test_a_written_state_is_answered_three_times_over() -> None:
    place = {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "c2"}
    shown = json.loads(encode(UpdateThreadStateResponse(checkpoint=HERE)))
    assert shown == {"checkpoint": place, "configurable": place, "checkpoint_id": "c2"}


def test_what_was_extracted_is_there_beside_what_was_selected() -> None:
    thread = threads_pb2.Thread(thread_id="t", extracted=Json(text='{"a":1.0}'))
    assert encode(thread, {"thread_id"}) == '{"thread_id":"t","extracted":{"a":1.0}}'
    assert "extracted" not in encode(threads_pb2.Thread(thread_id="t"))
    with pytest.raises(InvalidRequest, match="extracted"):
        check_select(threads_pb2.Thread.DESCRIPTOR, ["extracted"])


@pytest.mark.parametrize(("extract", "problem"), [(None, "object"), (["a"], "object"), ({"a": 5}, "string")])
def test_paths_of_another_form_are_refused(extract: Any, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"extract: must be an? {problem}"):
        decode(json.dumps({"extract": extract}), threads_pb2.SearchThreadsRequest())
