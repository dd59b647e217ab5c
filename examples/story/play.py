"""The whole story of a cron: `make demo` plays it against a server of its own, with the official SDK."""

import asyncio
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from langgraph_sdk import get_client

FIRINGS = 2
PATIENCE = 30  # seconds


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        say("starting cronlane on an empty database, with its demo graph")
        server, url = start(Path(folder))
        try:
            async with asyncio.timeout(PATIENCE):
                await play(url)
        finally:
            server.send_signal(signal.SIGTERM)
            code = server.wait(PATIENCE)
        say(f"stopped the server: exit code {code}")
        sys.exit(code)


async def play(url: str) -> None:
    async with get_client(url=url) as client:
        thread = await client.threads.create()
        say(f"created thread {thread['thread_id']}: {thread['status']}, values {thread['values']}")
        cron = await client.crons.create_for_thread(
            thread["thread_id"],
            "agent",
            schedule="* * * * * */2",  # the sixth field is seconds: every two seconds
            input={"messages": [{"role": "user", "content": "What time is it?"}]},
        )
        say(f"created cron {cron['cron_id']}: {cron['schedule']!r}, next at {cron['next_run_date']}")
        for run in await fired(client, thread["thread_id"]):
            say(f"  it fired: run {run['run_id']} created at {run['created_at']}")
            await client.runs.join(thread["thread_id"], run["run_id"])
        await client.crons.delete(cron["cron_id"])
        say("deleted the cron")
        state = await client.threads.get_state(thread["thread_id"])
        say("the thread's state is a conversation now:")
        for message in state["values"]["messages"]:
            say(f"  {message['type']:>5}: {message['content']}")
        await client.threads.delete(thread["thread_id"])
        say("deleted the thread")


async def fired(client, thread_id: str) -> list:
    """The first runs the cron made, as soon as they are there."""
    while len(runs := await client.runs.list(thread_id)) < FIRINGS:
        await asyncio.sleep(0.1)
    return sorted(runs, key=lambda run: run["created_at"])[:FIRINGS]


def start(folder: Path) -> tuple[subprocess.Popen, str]:
    """A server of its own process on free ports, and its REST address."""
    command = [Path(sys.executable).with_name("cronlane"), "serve", "--grpc-port", "0", "--rest-port", "0"]
    log = (folder / "log.txt").open("w")
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
    url = ""
    for line in server.stdout:
        print(line, end="")
        if "rest listening on " in line:
            url = line.split("listening on ")[1].strip()
        if line.strip() == "cronlane: ready":
            return server, url
    sys.exit(f"the server did not start:\n{(folder / 'log.txt').read_text()}")


def say(text: str) -> None:
    print(f"demo: {text}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
