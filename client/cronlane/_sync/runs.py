# Written by client/generate_sync.py from cronlane/_async; not to be edited.
"""Runs: executions of an assistant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Unpack

from cronlane._channel import OnRunCreated, SyncConnection
from cronlane._convert import Object, Objects, StreamPart, checked, fill, outcome, part, plain
from cronlane._options import RunOptions, check_names
from cronlane._shapes import check_select
from cronlane.v1 import runs_pb2
from cronlane.v1.runs_pb2_grpc import RunServiceStub


class SyncRunsClient:
    """Starts, follows and cancels runs. One thread runs one run at a time.

    A run is a dict ``{run_id, thread_id, assistant_id, created_at, updated_at, status, metadata, kwargs,
    multitask_strategy, langsmith_session_name}``; ``status`` is pending, running, error, success, timeout or
    interrupted, times are ISO 8601 strings in UTC.
    """

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection

    def create(
        self,
        thread_id: str | None,
        assistant_id: str,
        *,
        on_run_created: OnRunCreated | None = None,
        timeout: float | None = None,
        **options: Unpack[RunOptions],
    ) -> Object:
        """A new run, pending; ``thread_id`` None gives it a thread of its own.

        ``assistant_id`` is a UUID or a graph's name, ``options`` are those of `RunOptions`. ``on_run_created`` is given
        ``{run_id, thread_id}``. Raises NotFound, Conflict (a busy thread, with ``multitask_strategy="reject"``),
        InvalidRequest. Source: RunService.CreateRun.
        """
        check_names(RunOptions, options)
        stub = self._connection.stub(RunServiceStub)
        spec = fill(runs_pb2.RunSpec(), assistant_id=assistant_id, **options)
        request = runs_pb2.CreateRunRequest(thread_id=thread_id, run=spec)
        run = plain(self._connection.call(stub.CreateRun, request, timeout))
        if on_run_created is not None:
            on_run_created({"run_id": run["run_id"], "thread_id": run["thread_id"]})
        return run

    def wait(
        self,
        thread_id: str | None,
        assistant_id: str,
        *,
        raise_error: bool = True,
        on_run_created: OnRunCreated | None = None,
        timeout: float | None = None,
        **options: Unpack[RunOptions],
    ) -> Any:
        """Creates a run and answers its thread's final values when it has ended.

        They have ``__interrupt__``, a list of ``{value, id}``, when it stopped for a human. When it failed RunFailed
        is raised, or with ``raise_error=False`` the answer is ``{"__error__": {error, message}}``. With a ``timeout``
        (seconds) Timeout is raised when it takes longer, and the run goes on. Otherwise as `create`.
        Source: RunService.WaitRun.
        """
        check_names(RunOptions, options)
        spec = fill(runs_pb2.RunSpec(), assistant_id=assistant_id, **options)
        request = runs_pb2.WaitRunRequest(thread_id=thread_id, run=spec)
        reply = self._connection.wait(request, timeout, on_run_created or (lambda run: None))
        return checked(outcome(reply)) if raise_error else outcome(reply)

    def stream(
        self,
        thread_id: str | None,
        assistant_id: str,
        *,
        on_run_created: OnRunCreated | None = None,
        timeout: float | None = None,
        **options: Unpack[RunOptions],
    ) -> Iterator[StreamPart]:
        """Creates a run and yields what happens in it: tuples ``(event, data, id)``, until it has ended.

        The first is ``metadata`` ``{run_id, attempt}``; the others are named after ``stream_mode``, and a run that
        fails ends with ``error`` ``{error, message}``. With ``stream_resumable`` each has an ``id`` for `join_stream`.
        The run goes on when nobody reads on, unless ``on_disconnect="cancel"``. Otherwise as `create`.
        Source: RunService.StreamRun.
        """
        check_names(RunOptions, options)
        spec = fill(runs_pb2.RunSpec(), assistant_id=assistant_id, **options)
        request = runs_pb2.StreamRunRequest(thread_id=thread_id, run=spec)
        method, heard = self._connection.stub(RunServiceStub).StreamRun, on_run_created or (lambda run: None)
        for event in self._connection.stream(method, request, timeout, heard):
            yield part(event)

    def join_stream(
        self,
        thread_id: str,
        run_id: str,
        *,
        cancel_on_disconnect: bool = False,
        stream_mode: str | Sequence[str] | None = None,
        last_event_id: str | None = None,
        timeout: float | None = None,
    ) -> Iterator[StreamPart]:
        """Yields what happens in a run from now on, in the way of `stream`; nothing when it has ended.

        Of a resumable run also what happened after ``last_event_id``, or ``"-1"``: all of it. ``stream_mode`` leaves
        out the other modes. Raises NotFound, InvalidRequest. Source: RunService.JoinRunStream.
        """
        request = fill(
            runs_pb2.JoinRunStreamRequest(),
            thread_id=thread_id,
            run_id=run_id,
            cancel_on_disconnect=cancel_on_disconnect,
            stream_mode=stream_mode,
            last_event_id=last_event_id,
        )
        method = self._connection.stub(RunServiceStub).JoinRunStream
        for event in self._connection.stream(method, request, timeout, lambda run: None):
            yield part(event)

    def create_batch(self, payloads: Sequence[Mapping[str, Any]], *, timeout: float | None = None) -> Objects:
        """New stateless runs, all or none; each payload has ``assistant_id`` and what `RunOptions` have.

        Raises NotFound, InvalidRequest. Source: RunService.CreateRuns.
        """
        request = runs_pb2.CreateRunsRequest(runs=[fill(runs_pb2.RunSpec(), **payload) for payload in payloads])
        stub = self._connection.stub(RunServiceStub)
        reply = self._connection.call(stub.CreateRuns, request, timeout)
        return [plain(run) for run in reply.runs]

    def list(
        self,
        thread_id: str,
        *,
        limit: int = 10,
        offset: int = 0,
        status: str | None = None,
        select: Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> Objects:
        """The runs of a thread, newest first. Raises NotFound, InvalidRequest. Source: RunService.ListRuns."""
        check_select(runs_pb2.Run.DESCRIPTOR, select or ())
        stub = self._connection.stub(RunServiceStub)
        request = fill(runs_pb2.ListRunsRequest(), thread_id=thread_id, limit=limit, offset=offset, status=status)
        reply = self._connection.call(stub.ListRuns, request, timeout)
        return [plain(each, select or ()) for each in reply.runs]

    def get(self, thread_id: str, run_id: str, *, timeout: float | None = None) -> Object:
        """One run of a thread. Raises NotFound, InvalidRequest. Source: RunService.GetRun."""
        stub = self._connection.stub(RunServiceStub)
        request = fill(runs_pb2.GetRunRequest(), thread_id=thread_id, run_id=run_id)
        return plain(self._connection.call(stub.GetRun, request, timeout))

    def join(self, thread_id: str, run_id: str, *, timeout: float | None = None) -> Any:
        """What `wait` answers with ``raise_error=False``, for a run made earlier. Source: RunService.JoinRun."""
        stub = self._connection.stub(RunServiceStub)
        request = fill(runs_pb2.JoinRunRequest(), thread_id=thread_id, run_id=run_id)
        return outcome(self._connection.call(stub.JoinRun, request, timeout))

    def cancel(
        self,
        thread_id: str,
        run_id: str,
        *,
        wait: bool = False,
        action: str = "interrupt",
        timeout: float | None = None,
    ) -> None:
        """Stops a run; with ``wait`` it has ended when this returns. ``action`` rollback also undoes what it wrote.

        Raises NotFound when there is none, or it has ended. Source: RunService.CancelRun.
        """
        stub = self._connection.stub(RunServiceStub)
        request = fill(runs_pb2.CancelRunRequest(), thread_id=thread_id, run_id=run_id, wait=wait, action=action)
        self._connection.call(stub.CancelRun, request, timeout)

    def cancel_many(
        self,
        *,
        thread_id: str | None = None,
        run_ids: Sequence[str] | None = None,
        status: str | None = None,
        action: str = "interrupt",
        timeout: float | None = None,
    ) -> None:
        """Stops those of the runs that are pending or running: some of a thread, or all of a status.

        ``status`` is pending, running or all. Raises NotFound when there is none among them. Source:
        RunService.CancelRuns.
        """
        stub = self._connection.stub(RunServiceStub)
        selection = fill(runs_pb2.RunSelection(), thread_id=thread_id, run_ids=run_ids, status=status)
        request = fill(runs_pb2.CancelRunsRequest(runs=selection), action=action)
        self._connection.call(stub.CancelRuns, request, timeout)

    def delete(self, thread_id: str, run_id: str, *, timeout: float | None = None) -> None:
        """Deletes a run; one under way is cancelled. Raises NotFound. Source: RunService.DeleteRun."""
        stub = self._connection.stub(RunServiceStub)
        request = fill(runs_pb2.DeleteRunRequest(), thread_id=thread_id, run_id=run_id)
        self._connection.call(stub.DeleteRun, request, timeout)
