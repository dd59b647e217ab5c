"""The cron page of LangGraph's documentation, with the official Python SDK."""

import asyncio
import os

from langgraph_sdk import get_client


async def main() -> None:
    client = get_client(url=os.environ.get("CRONLANE_URL", "http://127.0.0.1:8123"))
    question = {"messages": [{"role": "user", "content": "What time is it?"}]}

    # On a thread: every run continues the same conversation.
    thread = await client.threads.create()
    cron = await client.crons.create_for_thread(
        thread["thread_id"],
        "agent",
        schedule="27 15 * * *",
        input=question,
    )
    print("on a thread:", cron["cron_id"], "next at", cron["next_run_date"])
    await client.crons.delete(cron["cron_id"])

    # Stateless: every run gets a thread of its own.
    cron = await client.crons.create(
        "agent",
        schedule="27 15 * * *",
        timezone="Europe/Berlin",
        input=question,
    )
    print("stateless:", cron["cron_id"], "next at", cron["next_run_date"])
    await client.crons.delete(cron["cron_id"])


asyncio.run(main())
