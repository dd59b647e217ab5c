"""The ids of checkpoints, by whose order LangGraph knows which one of a thread is the newest.

LangGraph makes them of the machine's clock. So a machine whose clock is behind, or was put back, would make newer
checkpoints with older ids, and the thread would forget what was done there. Therefore every id that is read moves the
clock of the ids forward: what is made after it is newer than it.
"""

from __future__ import annotations

from typing import Any


def heard(found: Any) -> Any:
    """The checkpoint tuple, or None, that was given; ids made from now on come after its own."""
    from langgraph.checkpoint.base import id as ids

    if found is not None:
        seen = ids.UUID(found.checkpoint["id"])
        if seen.version == 6:
            clock: Any = ids
            clock._last_v6_timestamp = max(seen.time, clock._last_v6_timestamp or 0)
    return found
