"""What the service can refuse or fail to do.

DomainError
├── InvalidField           a field of the request is wrong
├── NotFound               no such thread, cron, run or assistant
├── AlreadyExists          the id is taken
├── ThreadBusy             another run is pending or running there, and the new one asked to be rejected
├── SystemAssistant        the service made it for a graph, and the graph needs it
├── EmptyUpdate            nothing is to be changed
├── ContextAndConfigurable both were sent
├── EtagMismatch           it was changed since it was read
├── RequestIdReused        the same request_id came with another request
├── ThreadHasNoGraph       no run has been made on the thread, so there is no graph to ask
├── InvalidStateUpdate     the graph refuses what is to be written to a thread's state
├── GraphNotLoaded         the thread's or assistant's graph is not in this server's langgraph.json
├── UnknownCommand         a thread knows no such command
├── Overloaded             too much is waiting to be written; try again
└── StoreUnavailable       the database does not answer, is full, or is read-only; try again
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta


class DomainError(Exception):
    """Base of everything the service says no with. ``str()`` is a sentence for the caller."""


class InvalidField(DomainError):
    """``field`` is its path in the request, with dots; ``problem`` a clause about it."""

    def __init__(self, field: str, problem: str, message: str | None = None) -> None:
        super().__init__(message or f"{field}: {problem}")
        self.field, self.problem = field, problem

    def inside(self, owner: str) -> InvalidField:
        """The same, of a field that is inside another one."""
        own = str(self) != f"{self.field}: {self.problem}"
        return InvalidField(f"{owner}.{self.field}", self.problem, f"{self}" if own else None)


class NotFound(DomainError):
    def __init__(self, kind: str, name: str, message: str | None = None) -> None:
        super().__init__(message or f"{kind.capitalize()} with ID {name} not found")
        self.kind, self.name = kind, name


class AlreadyExists(DomainError):
    def __init__(self, kind: str, name: str, message: str | None = None) -> None:
        super().__init__(message or f"{kind.capitalize()} with ID {name} already exists")
        self.kind, self.name = kind, name


class ThreadBusy(DomainError):
    def __init__(self, thread_id: str, message: str | None = None) -> None:
        super().__init__(
            message
            or "Thread is already running a task. Wait for it to finish or choose a different multitask strategy."
        )
        self.thread_id = thread_id


class SystemAssistant(DomainError):
    def __init__(self, assistant_id: str, graph_id: str) -> None:
        super().__init__(
            f"Assistant {assistant_id} stands for the graph '{graph_id}': "
            "it cannot be deleted or given another graph while langgraph.json has that graph"
        )
        self.assistant_id, self.graph_id = assistant_id, graph_id


class EmptyUpdate(DomainError):
    def __init__(self) -> None:
        super().__init__("Request body cannot be empty: nothing is to be changed")


class ContextAndConfigurable(DomainError):
    def __init__(self) -> None:
        super().__init__(
            "Cannot specify both configurable and context. Prefer setting context alone; "
            "configurable is kept for older graphs."
        )


class EtagMismatch(DomainError):
    def __init__(self, kind: str, name: str, current: str) -> None:
        super().__init__(f"{kind.capitalize()} {name} was changed since it was read: its etag is now {current}")
        self.kind, self.name, self.current = kind, name, current


class RequestIdReused(DomainError):
    def __init__(self, request_id: str) -> None:
        super().__init__(f"request_id {request_id} was used before, for another request")
        self.request_id = request_id


class ThreadHasNoGraph(DomainError):
    def __init__(self, thread_id: str) -> None:
        thread = f"Thread '{thread_id}'" if thread_id else "A new thread"
        super().__init__(
            f"{thread} has no assigned graph ID: no run has been made on it yet. "
            "Make one, or set 'graph_id' in the thread's metadata."
        )
        self.thread_id = thread_id


class InvalidStateUpdate(DomainError):
    """``problem`` is what LangGraph, or the graph's own code, said."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class GraphNotLoaded(DomainError):
    def __init__(self, graph_id: str, known: Sequence[str]) -> None:
        super().__init__(f"Graph '{graph_id}' not found. Expected one of: {sorted(known)}")
        self.graph_id, self.known = graph_id, tuple(known)


class UnknownCommand(DomainError):
    def __init__(self, method: str) -> None:
        super().__init__(f"Unknown protocol command: {method}")
        self.method = method


class Overloaded(DomainError):
    def __init__(self, waiting: int, retry_after: timedelta) -> None:
        super().__init__(f"{waiting} writes are waiting already; try again")
        self.waiting, self.retry_after = waiting, retry_after


class StoreUnavailable(DomainError):
    def __init__(self, problem: str, retry_after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__(f"The database is unavailable: {problem}")
        self.problem, self.retry_after = problem, retry_after


class CronsChanged(Exception):
    """Some were, or are gone, since they were read in order to be fired. No caller is told: they are read again."""
