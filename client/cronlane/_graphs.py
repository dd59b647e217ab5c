"""The JSON of graphs where it is more than the fields of a message."""

from __future__ import annotations

from cronlane import _json
from cronlane._shapes import encode
from cronlane.v1.graphs_pb2 import GetSubgraphsResponse


def subgraphs_text(found: GetSubgraphsResponse) -> str:
    """An object: namespace to schemas."""
    return _json.join({each.namespace: encode(each) for each in found.subgraphs})


def levels_text(word: str) -> str:
    """The number that ``true``, ``false`` or a number from 1 stands for. Raises ValueError."""
    known = {"true": "-1", "false": "0"}
    if word not in known and not (word.isascii() and word.isdecimal() and int(word) > 0):
        raise ValueError("must be true, false or a number from 1")
    return known.get(word, word)
