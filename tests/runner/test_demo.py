"""The bundled graph."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cronlane_service.runner import config, graphs
from cronlane_service.runner.local import LocalGraphs
from runner.sample import run

ANSWER = r"It is \d\d:\d\d:\d\d UTC on [A-Z][a-z]+day, \d\d? [A-Z][a-z]+ \d{4}\."


async def test_the_demo_graph_says_what_time_it_is(tmp_path: Path) -> None:
    demo = LocalGraphs(graphs.load(config.demo()), tmp_path / "checkpoints.db")
    await demo.open()
    try:
        assert demo.names == ("agent",)
        asked = {"messages": [{"role": "user", "content": "What time is it?"}]}
        for number in (1, 2):
            outcome = await demo.execute(run(number, input=asked))
            messages = json.loads(outcome.values or "{}")["messages"]
            assert [message["type"] for message in messages] == ["human", "ai"] * number
            assert re.fullmatch(ANSWER, messages[-1]["content"])
        outcome = await demo.execute(run(3, input={"messages": []}))
        assert len(json.loads(outcome.values or "{}")["messages"]) == 4
    finally:
        await demo.close()
