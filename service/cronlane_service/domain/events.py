"""What happens in runs, as it is kept for those who follow them."""

from __future__ import annotations

from cronlane_service.domain import jsontext
from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.runs import Outcome, Run

METADATA, ERROR = "metadata", "error"
STATE_UPDATE = "state_update"
"""Somebody wrote to a thread's state; it is of no run."""
RUN_DONE = "run_done"
"""The last event of every recorded run; it is told to those who follow its thread, and not to those of the run."""
PROTOCOL = "protocol/"
"""What the names of events of the thread-centric protocol begin with."""


@immutable
class RunEvent:
    """``event`` says what ``data``, a JSON text, tells. ``seq`` grows along a thread; 0: it is not stored yet."""

    event: str
    data: str
    run_id: str = ""
    seq: int = 0


def begun(run: Run) -> RunEvent:
    return RunEvent(METADATA, jsontext.dump({"run_id": run.run_id, "attempt": run.attempt}))


def last(run: Run, outcome: Outcome) -> list[RunEvent]:
    """What is to be told of a run when it has ended."""
    done = RunEvent(RUN_DONE, jsontext.dump({"status": "run_done", "run_id": run.run_id}))
    if outcome.error is None:
        return [done]
    failed = {"error": outcome.error.error, "message": outcome.error.message}
    return [RunEvent(ERROR, jsontext.dump(failed)), done]


def state_updated(thread_id: str, state: str) -> RunEvent:
    return RunEvent(STATE_UPDATE, jsontext.join({"state": state, "thread_id": jsontext.dump(thread_id)}))


def resumable(run: Run) -> bool:
    """Whether what happened in it is kept to be told again."""
    try:
        return jsontext.members(run.kwargs).get("resumable") == "true"
    except ValueError:  # its kwargs cannot be read, which ended it
        return False
