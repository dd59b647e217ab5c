"""A change of an assistant, as JSON clients write it."""

from __future__ import annotations

from cronlane import _json
from cronlane._decode import decode
from cronlane.v1.assistants_pb2 import Assistant


def assistant_to_update(text: str) -> tuple[Assistant, list[str]]:
    """The new values and the names of the fields to change. An empty ``config`` is no wish to change it."""
    assistant = Assistant()
    taken = dict(decode(text, assistant).taken)
    if "config" in taken and _json.same(taken["config"], "{}"):
        del taken["config"]
        assistant.ClearField("config")
    return assistant, list(taken)
