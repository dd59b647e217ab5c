"""The official Python SDK, unmodified: crons."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from langgraph_sdk.errors import BadRequestError, NotFoundError, UnprocessableEntityError

from official import AGENT, CRON, NOBODY, QUESTION, YEARLY, is_new_id, is_time
from serving import Served


async def test_a_cron_on_a_thread_answers_exactly_what_the_platform_answers(sdk: Any) -> None:
    thread = await sdk.threads.create()
    cron = await sdk.crons.create_for_thread(thread["thread_id"], "agent", schedule="27 15 * * *", input=QUESTION)
    assert set(cron) == CRON
    assert is_new_id(cron["cron_id"])
    assert is_time(cron["created_at"])
    assert cron["created_at"] == cron["updated_at"]
    coming = datetime.fromisoformat(cron["next_run_date"])
    assert cron["next_run_date"] == f"{coming:%Y-%m-%dT15:27:00+00:00}"
    assert timedelta(0) < coming - datetime.fromisoformat(cron["created_at"]) <= timedelta(days=1)
    assert cron | {"cron_id": "", "created_at": "", "updated_at": "", "next_run_date": ""} == {
        "cron_id": "",
        "created_at": "",
        "updated_at": "",
        "next_run_date": "",
        "assistant_id": AGENT,
        "thread_id": thread["thread_id"],
        "user_id": "",
        "schedule": "27 15 * * *",
        "timezone": None,
        "end_time": None,
        "enabled": True,
        "on_run_completed": None,
        "metadata": {},
        "payload": {
            "schedule": "27 15 * * *",
            "input": QUESTION,
            "assistant_id": AGENT,
            "config": {"configurable": {"cron_id": cron["cron_id"]}},
        },
    }
    assert await sdk.crons.search(thread_id=thread["thread_id"]) == [cron]
    assert await sdk.crons.delete(cron["cron_id"]) is None
    assert await sdk.crons.search(thread_id=thread["thread_id"]) == []


async def test_a_stateless_cron_has_no_thread_and_deletes_those_of_its_runs(sdk: Any) -> None:
    cron = await sdk.crons.create("agent", schedule=YEARLY, input=QUESTION)
    assert (cron["thread_id"], cron["on_run_completed"]) == (None, "delete")
    await sdk.crons.delete(cron["cron_id"])


async def test_creating_crons_makes_no_run(sdk: Any) -> None:
    thread = await sdk.threads.create()
    cron = await sdk.crons.create_for_thread(thread["thread_id"], "agent", schedule=YEARLY, input=QUESTION)
    assert await sdk.runs.list(thread["thread_id"]) == []
    assert await sdk.threads.get(thread["thread_id"]) == thread
    await sdk.crons.delete(cron["cron_id"])


async def test_everything_a_cron_can_be_made_with_is_answered(sdk: Any) -> None:
    sent: dict[str, Any] = {
        "schedule": "0 9 * * MON-FRI",
        "timezone": "Europe/Berlin",
        "end_time": "2031-01-01T00:00:00+01:00",
        "enabled": False,
        "on_run_completed": "keep",
        "metadata": {"team": "a"},
        "input": {"messages": []},
        "config": {"tags": ["x"], "recursion_limit": 5, "configurable": {"model": "m"}},
        "interrupt_before": "*",
        "interrupt_after": ["answer"],
        "multitask_strategy": "reject",
        "stream_mode": ["values", "updates"],
        "stream_subgraphs": True,
        "stream_resumable": True,
        "durability": "sync",
    }
    ends = datetime.fromisoformat(sent["end_time"])
    cron = await sdk.crons.create("agent", **sent | {"timezone": ZoneInfo("Europe/Berlin"), "end_time": ends})
    for name in ("schedule", "timezone", "end_time", "enabled", "on_run_completed", "metadata"):
        assert cron[name] == sent[name]
    sent["config"]["configurable"]["cron_id"] = cron["cron_id"]
    assert cron["payload"] == sent | {"assistant_id": AGENT}
    [found] = await sdk.crons.search(metadata={"team": "a"})
    assert found == cron
    await sdk.crons.delete(cron["cron_id"])


async def test_an_end_time_is_answered_as_it_was_sent_and_cleared_with_none(sdk: Any) -> None:
    naive = datetime(2040, 5, 6, 7, 8, 9)
    cron = await sdk.crons.create("agent", schedule=YEARLY, end_time=naive)
    assert cron["end_time"] == "2040-05-06T07:08:09"
    same = await sdk.crons.update(cron["cron_id"], metadata={"a": 1})
    assert same["end_time"] == "2040-05-06T07:08:09"
    elsewhere = naive.replace(tzinfo=timezone(timedelta(hours=2)))
    assert (await sdk.crons.update(cron["cron_id"], end_time=elsewhere))["end_time"] == "2040-05-06T07:08:09+02:00"
    cleared = await sdk.crons.update(cron["cron_id"], end_time=None)
    assert cleared["end_time"] is None
    assert "end_time" not in cleared["payload"]
    await sdk.crons.delete(cron["cron_id"])


async def test_a_cron_that_has_ended_is_made_and_never_comes(sdk: Any) -> None:
    cron = await sdk.crons.create("agent", schedule=YEARLY, end_time=datetime(2020, 1, 1, tzinfo=UTC))
    assert (cron["next_run_date"], cron["enabled"]) == (None, True)
    await sdk.crons.delete(cron["cron_id"])


async def test_an_update_replaces_input_and_config_and_merges_metadata(sdk: Any) -> None:
    cron = await sdk.crons.create(
        "agent",
        schedule=YEARLY,
        input={"messages": [], "old": 1},
        metadata={"a": {"x": 1}, "b": 1},
        config={"configurable": {"old": 1}, "tags": ["old"]},
    )
    changed = await sdk.crons.update(
        cron["cron_id"],
        input={"new": 1},
        metadata={"a": {"y": 2}, "c": None},
        config={"configurable": {"new": 1}},
        schedule="30 6 1 2 *",
        timezone="Asia/Tokyo",
    )
    assert changed["metadata"] == changed["payload"]["metadata"] == {"a": {"y": 2}, "b": 1, "c": None}
    assert changed["payload"]["input"] == {"new": 1}
    assert changed["payload"]["config"] == {"configurable": {"new": 1, "cron_id": cron["cron_id"]}}
    assert changed["next_run_date"].endswith("-01-31T21:30:00+00:00")
    assert (changed["schedule"], changed["timezone"]) == ("30 6 1 2 *", "Asia/Tokyo")
    assert changed["created_at"] == cron["created_at"] < changed["updated_at"]
    assert (await sdk.crons.search(metadata={"b": 1, "c": None}))[0] == changed
    await sdk.crons.delete(cron["cron_id"])


async def test_a_refused_update_changes_nothing(sdk: Any) -> None:
    cron = await sdk.crons.create("agent", schedule=YEARLY, metadata={"refused": "update"})
    with pytest.raises(UnprocessableEntityError, match="Invalid cron schedule: 'often'"):
        await sdk.crons.update(cron["cron_id"], schedule="often", metadata={"a": 1})
    with pytest.raises((BadRequestError, UnprocessableEntityError), match="schedule"):
        await sdk.crons.update(cron["cron_id"], schedule="0 0 30 2 *")
    with pytest.raises(UnprocessableEntityError, match="Invalid timezone: 'Mars/Olympus'"):
        await sdk.crons.update(cron["cron_id"], timezone="Mars/Olympus")
    assert await sdk.crons.search(metadata={"refused": "update"}) == [cron]
    await sdk.crons.delete(cron["cron_id"])


async def test_disabling_and_enabling_looks_forward(sdk: Any) -> None:
    cron = await sdk.crons.create("agent", schedule=YEARLY)
    off = await sdk.crons.update(cron["cron_id"], enabled=False)
    assert (off["enabled"], off["next_run_date"]) == (False, cron["next_run_date"])
    on = await sdk.crons.update(cron["cron_id"], enabled=True)
    assert (on["enabled"], on["next_run_date"]) == (True, cron["next_run_date"])
    await sdk.crons.delete(cron["cron_id"])


async def test_crons_are_found_sorted_cut_and_counted(sdk: Any) -> None:
    thread = await sdk.threads.create()
    thread_id = thread["thread_id"]
    made = [
        await sdk.crons.create_for_thread(thread_id, graph, schedule=schedule, enabled=graph == "agent")
        for graph, schedule in (("agent", "0 0 3 * *"), ("raising", "0 0 1 * *"), ("agent", "0 0 2 * *"))
    ]
    assert await sdk.crons.search(thread_id=thread_id) == made[::-1]
    assert await sdk.crons.search(thread_id=thread_id, enabled=False) == [made[1]]
    assert await sdk.crons.search(thread_id=thread_id, assistant_id="agent") == [made[2], made[0]]
    assert await sdk.crons.search(thread_id=thread_id, assistant_id=AGENT, limit=1, offset=1) == [made[0]]
    dates = sorted(cron["next_run_date"] for cron in made)
    by_date = await sdk.crons.search(
        thread_id=thread_id, sort_by="next_run_date", sort_order="asc", select=["next_run_date"]
    )
    assert by_date == [{"next_run_date": date} for date in dates]
    assert await sdk.crons.count(thread_id=thread_id) == 3
    assert await sdk.crons.count(thread_id=thread_id, assistant_id="agent") == 2
    await sdk.threads.delete(thread_id)
    assert await sdk.crons.count(thread_id=thread_id) == 0
    with pytest.raises(NotFoundError):
        await sdk.crons.delete(made[0]["cron_id"])


async def test_what_is_missing_is_not_found(sdk: Any) -> None:
    with pytest.raises(NotFoundError, match=f"Thread with ID '{NOBODY}' not found"):
        await sdk.crons.create_for_thread(NOBODY, "agent", schedule=YEARLY)
    with pytest.raises(NotFoundError, match="nosuchgraph"):
        await sdk.crons.create("nosuchgraph", schedule=YEARLY)
    with pytest.raises(NotFoundError, match=f"Assistant '{NOBODY}' not found"):
        await sdk.crons.create(NOBODY, schedule=YEARLY)
    with pytest.raises(NotFoundError, match=f"Cron '{NOBODY}' not found"):
        await sdk.crons.update(NOBODY, enabled=False)
    with pytest.raises(NotFoundError):
        await sdk.crons.delete(NOBODY)


def test_json_comes_out_of_a_cron_as_it_went_in(served: Served) -> None:
    text = '{"z":1,"a":1.0,"big":9007199254740993,"tiny":1e-7,"deep":[{"y":-0.0,"x":null}],"\\u00e9":"\\ud83d\\ude00"}'
    body = f'{{"assistant_id": "anything", "schedule": "@yearly", "input": {text}, "metadata": {text}}}'
    with httpx.Client(base_url=served.url) as http:
        made = http.post("/runs/crons", content=body)
        found = http.post("/runs/crons/search", json={"assistant_id": "anything", "select": ["payload", "metadata"]})
        read = http.get(f"/runs/crons/{made.json()['cron_id']}")
        http.delete(f"/runs/crons/{made.json()['cron_id']}").raise_for_status()
    for reply in (made, found, read):
        assert f'"input":{text}' in reply.text
        assert reply.text.count(f'"metadata":{text}') >= 1
    sent, came = json.loads(text), made.json()["payload"]["input"]
    assert list(came) == list(sent)
    assert [type(value) for value in came.values()] == [type(value) for value in sent.values()]
