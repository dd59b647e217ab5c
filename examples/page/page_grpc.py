"""The same page over gRPC, with cronlane's own client: the SDK's calls and dicts."""

import os

import cronlane

question = {"messages": [{"role": "user", "content": "What time is it?"}]}

with cronlane.get_sync_client(os.environ.get("CRONLANE_GRPC", "127.0.0.1:50051")) as client:
    # On a thread: every run continues the same conversation.
    thread = client.threads.create()
    cron = client.crons.create_for_thread(thread["thread_id"], "agent", schedule="27 15 * * *", input=question)
    print("on a thread:", cron["cron_id"], "next at", cron["next_run_date"])
    client.crons.delete(cron["cron_id"])

    # Stateless: every run gets a thread of its own.
    cron = client.crons.create("agent", schedule="27 15 * * *", timezone="Europe/Berlin", input=question)
    print("stateless:", cron["cron_id"], "next at", cron["next_run_date"])
    client.crons.delete(cron["cron_id"])
