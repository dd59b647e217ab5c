"""What cronlane adds to crons, from the outside: the official SDK, REST, the client and the command line."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from langgraph_sdk.client import SyncLangGraphClient

import cronlane
from official import AGENT, CRON, NOBODY, YEARLY
from serving import CRONLANE, Finished, Served, attempt, check_refused, wait_until

SOME_DAY = datetime(2020, 5, 5, tzinfo=UTC)
TICK = {"cron_id", "scheduled_for", "decided_at", "outcome", "reason", "run_id", "count"}
ADDED: dict[str, Any] = {
    "start_time": "2031-01-01T00:00:00+00:00",
    "max_runs": 5,
    "jitter": 2.5,
    "dst_policy": {"gap": "skip", "fold": "both"},
    "catch_up": "all",
    "catch_up_window": 3600,
    "overlap": "queue",
    "pause_after_failures": 3,
    "note": "mine",
}


def post(served: Served, path: str, body: object = None) -> httpx.Response:
    content = b"" if body is None else json.dumps(body)
    return httpx.post(f"{served.url}/runs/crons{path}", content=content, timeout=20)


def create(served: Served, **body: object) -> dict[str, Any]:
    reply = post(served, "", {"assistant_id": "agent", "input": {}, **body})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def crons(served: Served, *words: object) -> Finished:
    return attempt(CRONLANE, "crons", *words, CRONLANE_SERVER=served.grpc, COLUMNS="200", TZ="Asia/Tokyo")


def test_the_sdk_sees_the_platforms_cron_whatever_was_added(served: Served, client: SyncLangGraphClient) -> None:
    made = create(served, schedule=YEARLY, **ADDED)
    assert set(made) == CRON
    assert {name: made["payload"][name] for name in ADDED} == ADDED
    assert client.crons.search(assistant_id=AGENT)[0] == made
    client.crons.update(made["cron_id"], enabled=False)
    changed = client.crons.search(assistant_id=AGENT)[0]
    assert set(changed) == CRON
    assert {name: changed["payload"][name] for name in ADDED} == ADDED


def test_what_was_added_is_shown_when_it_is_selected(served: Served) -> None:
    made = create(served, schedule=YEARLY, note="mine")
    selected = {"select": ["note", "counters", "paused_at", "last_outcome", "due_at", "cron_id"]}
    counters = {"fired": 0, "missed": 0, "skipped": 0, "failed": 0}
    wanted = {"note": "mine", "counters": counters, "paused_at": None, "last_outcome": None}
    shown = httpx.get(f"{served.url}/runs/crons/{made['cron_id']}", params=selected).json()
    assert set(shown) == set(selected["select"])
    assert wanted.items() <= shown.items()
    assert shown in httpx.post(f"{served.url}/runs/crons/search", json=selected).json()
    refused = httpx.get(f"{served.url}/runs/crons/{made['cron_id']}", params={"select": "secrets"})
    assert refused.status_code == 422


def test_bounds_and_policies_are_cleared_with_null(served: Served) -> None:
    made = create(served, schedule=YEARLY, **ADDED)
    cleared = dict.fromkeys(["start_time", "max_runs", "jitter", "dst_policy", "catch_up_window", "note"])
    changed = httpx.patch(f"{served.url}/runs/crons/{made['cron_id']}", json=cleared).json()
    assert not cleared.keys() & changed["payload"].keys()
    assert changed["payload"]["overlap"] == "queue"


@pytest.mark.parametrize(
    ("sent", "schedule"),
    [
        ({"every": {"interval": 90}}, "every 90s"),
        ({"every": {"interval": 5400, "phase": 60}}, "every 90m phase 1m"),
        ({"at": "2100-01-01T01:00:00+01:00"}, "at 2100-01-01T00:00:00Z"),
        ({"schedule": "every 1h30m"}, "every 1h30m"),
    ],
)
def test_a_schedule_can_be_an_instant_or_an_interval(
    served: Served, client: SyncLangGraphClient, sent: dict[str, Any], schedule: str
) -> None:
    made = create(served, **sent)
    assert (set(made), made["schedule"]) == (CRON, schedule)
    assert sent.items() <= made["payload"].items()
    back = client.crons.update(made["cron_id"], schedule="0 0 1 1 *")
    assert back["schedule"] == back["payload"]["schedule"] == "0 0 1 1 *"
    assert not {"at", "every"} & back["payload"].keys()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "schedule"),
        ({"schedule": YEARLY, "every": {"interval": 90}}, "schedule"),
        ({"every": {"interval": 0.5}}, "every.interval"),
        ({"every": 90}, "every"),
        ({"at": "2001-01-01T00:00:00Z"}, "at"),
        ({"schedule": YEARLY, "catch_up": "some"}, "catch_up"),
        ({"schedule": YEARLY, "jitter": -1}, "jitter"),
        ({"schedule": YEARLY, "dst_policy": {"fold": "never"}}, "dst_policy.fold"),
        ({"schedule": YEARLY, "note": "x" * 1001}, "note"),
    ],
)
def test_what_is_wrong_is_refused_with_its_name(served: Served, sent: dict[str, Any], field: str) -> None:
    reply = post(served, "", {"assistant_id": "agent", **sent})
    assert reply.status_code == 422
    assert field in reply.json()["detail"]


def test_a_schedule_is_previewed_without_a_cron(served: Served) -> None:
    asked = {"schedule": "30 1 * * *", "timezone": "America/New_York", "dst_policy": {"fold": "both"}}
    range_ = {"after": "2026-10-31T12:00:00Z", "until": "2026-11-02T12:00:00Z"}
    found = post(served, "/preview", {**asked, **range_}).json()
    hours = ["2026-11-01T05:30", "2026-11-01T06:30", "2026-11-02T06:30"]
    assert found == {
        "schedule": "30 1 * * *",
        "description": "At 01:30 (America/New_York)",
        "instants": [f"{each}:00.000000+00:00" for each in hours],
    }
    assert len(post(served, "/preview", {"schedule": "* * * * *"}).json()["instants"]) == 10
    for wrong in ({"schedule": "x"}, {"schedule": YEARLY, "count": 0}, {"schedule": YEARLY, "count": 1001}):
        assert post(served, "/preview", wrong).status_code == 422


def test_the_ledger_over_rest(served: Served) -> None:
    made = create(served, schedule="0 0 1 1 *")
    path = f"/{made['cron_id']}"
    backfilled = post(served, f"{path}/backfill", {"start_time": "2020-06-01T00:00Z", "end_time": "2025-06-01T00:00Z"})
    assert len(backfilled.json()["ticks"]) == 5
    assert backfilled.json()["already_run"] == 0
    url = f"{served.url}/runs/crons{path}/ticks"
    first = httpx.get(url, params={"page_size": 3}).json()
    assert set(first) == {"ticks", "next_page_token"}
    rest = httpx.get(url, params={"page_size": 3, "page_token": first["next_page_token"]}).json()
    ticks = [*first["ticks"], *rest["ticks"]]
    assert [tick["scheduled_for"] for tick in ticks] == [
        f"{year}-01-01T00:00:00.000000+00:00" for year in range(2021, 2026)
    ]
    assert rest["next_page_token"] == ""
    assert all(set(tick) == TICK for tick in ticks)
    assert {(tick["outcome"], tick["reason"], tick["count"]) for tick in ticks} == {("fired", "backfilled", 1)}
    assert httpx.get(url, params={"outcome": "missed"}).json() == {"ticks": [], "next_page_token": ""}
    # A + that was not escaped is a blank.
    within = httpx.get(f"{url}?start_time=2022-01-01T00:00:00+00:00&end_time=2023-01-01T00:00:00Z").json()["ticks"]
    assert len(within) == 2
    for wrong in ({"outcome": "lost"}, {"page_size": 1001}, {"page_token": "x"}, {"start_time": "noon"}):
        assert httpx.get(url, params=wrong).status_code == 422
    assert httpx.get(f"{served.url}/runs/crons/{NOBODY}/ticks").status_code == 404


def test_a_cron_is_paused_resumed_and_triggered_over_rest(served: Served) -> None:
    made = create(served, schedule=YEARLY)
    path = f"/{made['cron_id']}"
    paused = post(served, f"{path}/pause", {"note": "lunch"}).json()
    assert (set(paused), paused["enabled"], paused["payload"]["note"]) == (CRON, False, "lunch")
    run = post(served, f"{path}/trigger").json()
    assert (run["status"], run["kwargs"]["config"]["configurable"]["cron_id"]) == ("pending", made["cron_id"])
    resumed = post(served, f"{path}/resume").json()
    assert (resumed["enabled"], "note" in resumed["payload"]) == (True, False)
    outcomes = [tick["outcome"] for tick in httpx.get(f"{served.url}/runs/crons{path}/ticks").json()["ticks"]]
    assert outcomes == ["triggered"]
    for verb in ("pause", "resume", "trigger"):
        assert post(served, f"/{NOBODY}/{verb}").status_code == 404
        assert post(served, f"/nobody/{verb}").status_code == 422


async def test_the_client_has_every_verb(served: Served) -> None:
    async with cronlane.get_client(served.grpc) as client:
        made = await client.crons.create("agent", every={"interval": timedelta(days=365).days * 86400}, input={})
        assert (await client.crons.preview("every 1d", count=3))["description"].startswith("Every 1 day")
        assert not (await client.crons.pause(made["cron_id"], note="x"))["enabled"]
        assert (await client.crons.get(made["cron_id"], select=["note"])) == {"note": "x"}
        assert (await client.crons.resume(made["cron_id"]))["enabled"]
        request_id = str(uuid.uuid4())
        runs = [await client.crons.trigger(made["cron_id"], request_id=request_id) for _ in range(2)]
        assert runs[0]["run_id"] == runs[1]["run_id"]
        past = {"start_time": SOME_DAY, "end_time": SOME_DAY + timedelta(days=800), "request_id": request_id}
        with pytest.raises(cronlane.AlreadyExists):
            await client.crons.backfill(made["cron_id"], **past)
        past["request_id"] = str(uuid.uuid4())
        first, again = [await client.crons.backfill(made["cron_id"], **past) for _ in range(2)]
        assert first == again
        assert len(first["ticks"]) in (2, 3)
        ledger = await client.crons.ticks(made["cron_id"], outcome="fired")
        assert ledger["ticks"] == first["ticks"]
        with pytest.raises(cronlane.NotFound):
            await client.crons.ticks(NOBODY)


def test_a_failing_cron_is_paused(served: Served) -> None:
    made = create(
        served, schedule="* * * * * *", pause_after_failures=2, assistant_id="raising", input={"text": "no luck"}
    )
    selected = {"select": ["enabled", "disabled_reason", "last_outcome", "failures_in_a_row", "paused_at"]}
    url = f"{served.url}/runs/crons/{made['cron_id']}"
    paused = wait_until(
        lambda: (found := httpx.get(url, params=selected).json())["enabled"] is False and found,
        description="the cron is paused",
    )
    assert paused["last_outcome"] == "error"
    assert paused["failures_in_a_row"] >= 2
    assert paused["paused_at"]
    assert "in a row" in paused["disabled_reason"]


def test_the_command_line(served: Served) -> None:
    made = crons(served, "create", "agent", "0 9 * * *", "--timezone", "America/New_York", "--note", "daily", "--json")
    cron_id = json.loads(made.out)["cron_id"]
    assert cron_id in crons(served, "list").out
    shown = crons(served, "show", cron_id).out
    assert "0 9 * * *" in shown
    assert " JST" in shown, "times are local"
    assert json.loads(crons(served, "pause", cron_id, "--note", "hush", "--json").out)["note"] == "hush"
    assert json.loads(crons(served, "resume", cron_id, "--json").out)["enabled"] is True
    assert "run_id" in crons(served, "trigger", cron_id).out
    filled = crons(served, "backfill", cron_id, "--start-time", "2026-01-01T00:00Z", "--end-time", "2026-01-03T00:00Z")
    assert "2 run, 0 had been run before" in filled.out
    ticks = crons(served, "ticks", cron_id).out
    assert "2026-01-01 23:00:00 JST" in ticks
    assert "triggered" in ticks
    preview = crons(served, "preview", "30 1 * * *", "--timezone", "America/New_York", "--count", "2").out
    assert "At 01:30 (America/New_York)" in preview
    assert " JST " in preview
    assert crons(served, "delete", cron_id).code == 0


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("show", NOBODY), NOBODY),
        (("preview", "nonsense"), "schedule"),
        (("ticks", NOBODY, "--start-time", "noon"), "--start-time"),
        (("create", "agent", "@daily", "--input", "{"), "--input"),
    ],
)
def test_a_mistake_on_the_command_line_is_said_in_one_line(served: Served, words: tuple[str, ...], part: str) -> None:
    check_refused(crons(served, *words), part)


def test_a_server_that_is_not_there_is_said_in_words() -> None:
    done = attempt(CRONLANE, "crons", "list", CRONLANE_SERVER="127.0.0.1:1")
    assert done.code == 1
    assert done.err.startswith("cronlane: ")
