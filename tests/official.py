"""The official Python SDK: both of its clients behind one face, and what it promises about replies."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from langgraph_sdk.client import SyncLangGraphClient

AGENT = "fe096781-5601-53d2-b2f6-0d3403f7e9ca"
NOBODY = "00000000-0000-7000-8000-000000000000"
QUESTION = {"messages": [{"role": "user", "content": "What time is it?"}]}
YEARLY = "0 0 1 1 *"


def names(text: str) -> set[str]:
    return set(text.split())


THREAD = names("thread_id created_at updated_at state_updated_at metadata status config values interrupts")
CRON = names(
    "cron_id assistant_id thread_id user_id schedule timezone end_time enabled on_run_completed next_run_date "
    "metadata payload created_at updated_at"
)
RUN = names(
    "run_id thread_id assistant_id created_at updated_at status metadata kwargs multitask_strategy "
    "langsmith_session_name"
)
ASSISTANT = names("assistant_id graph_id name description config context metadata version created_at updated_at")
STATE = names(
    "values next tasks metadata created_at checkpoint parent_checkpoint interrupts checkpoint_id parent_checkpoint_id"
)
KWARGS = names(
    "input command config context stream_mode interrupt_before interrupt_after webhook feedback_keys temporary "
    "subgraphs resumable checkpoint_during durability"
)
IDS = names("thread_id run_id graph_id assistant_id user_id")

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_time(text: str) -> bool:
    """With microseconds, in UTC, and of the last minutes."""
    now = datetime.now().astimezone()  # noqa: TID251 - a test's own clock
    return bool(_TIME.fullmatch(text)) and abs(now - datetime.fromisoformat(text)) < timedelta(minutes=5)


def is_new_id(text: str) -> bool:
    return bool(_UUID.fullmatch(text))


class Unblocked:
    """The blocking client, to be awaited like the other one."""

    def __init__(self, client: SyncLangGraphClient) -> None:
        self.assistants, self.threads, self.runs, self.crons = (
            _Resource(each) for each in (client.assistants, client.threads, client.runs, client.crons)
        )
        self.store = _Resource(client.store)


class _Resource:
    def __init__(self, resource: object) -> None:
        self._resource = resource

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*values: Any, **named: Any) -> Any:
            return getattr(self._resource, name)(*values, **named)

        return call
