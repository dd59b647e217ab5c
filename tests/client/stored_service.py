"""Servicers that keep what they are given in memory: what the client side is tested against."""
# ruff: noqa: N802 - the methods have the names of the protos

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from google.protobuf import empty_pb2, timestamp_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from client.facts import ASSISTANT, NOW, json, missing, status
from cronlane.v1 import (
    assistants_pb2,
    assistants_pb2_grpc,
    common_pb2,
    crons_pb2,
    crons_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
    thread_protocol_pb2,
    thread_protocol_pb2_grpc,
    thread_states_pb2,
    threads_pb2,
    threads_pb2_grpc,
)


class StoredService(
    threads_pb2_grpc.ThreadServiceServicer,
    crons_pb2_grpc.CronServiceServicer,
    runs_pb2_grpc.RunServiceServicer,
    assistants_pb2_grpc.AssistantServiceServicer,
    thread_protocol_pb2_grpc.ThreadProtocolServiceServicer,
):
    """Every request is noted in ``seen``; a method named in ``fail`` answers that status."""

    def __init__(self) -> None:
        self.threads: dict[str, threads_pb2.Thread] = {}
        self.crons: dict[str, crons_pb2.Cron] = {}
        self.runs: dict[str, runs_pb2.Run] = {}
        self.seen: list[Message] = []
        self.metadata: dict[str, Any] = {}
        self.fail: dict[str, status_pb2.Status] = {}
        self.outcome = runs_pb2.RunOutcome(values=json('{"messages": [1.0]}'))
        self.ended = asyncio.Event()
        self.ended.set()
        self.waiting = asyncio.Event()  # somebody waits for a run
        self.left = asyncio.Event()  # somebody stopped waiting
        self.lost: status_pb2.Status | None = None  # how a wait ends instead

    async def _take(self, name: str, request: Message, context: Any) -> None:
        self.seen.append(request)
        self.metadata = dict(iter(context.invocation_metadata()))
        if name in self.fail:
            await context.abort_with_status(rpc_status.to_status(self.fail[name]))

    async def _found(self, kind: str, stored: dict[str, Any], name: str, context: Any) -> Any:
        if name not in stored:
            await context.abort_with_status(rpc_status.to_status(missing(kind, name)))
        return stored[name]

    async def SendCommand(self, request: Any, context: Any) -> thread_protocol_pb2.SendCommandResponse:
        await self._take("SendCommand", request, context)
        return thread_protocol_pb2.SendCommandResponse(run_id="r", applied_through_seq=1_795_386_231_997_227)

    async def CreateThread(self, request: Any, context: Any) -> threads_pb2.Thread:
        await self._take("CreateThread", request, context)
        thread = threads_pb2.Thread(
            thread_id=request.thread_id or str(uuid.uuid4()),
            created_at=NOW,
            updated_at=NOW,
            state_updated_at=NOW,
            metadata=json(request.metadata.text or "{}"),
            status=threads_pb2.THREAD_STATUS_IDLE,
            config=json("{}"),
            interrupts=json("{}"),
            etag="1",
        )
        return self.threads.setdefault(thread.thread_id, thread)

    async def GetThread(self, request: Any, context: Any) -> Any:
        await self._take("GetThread", request, context)
        return await self._found("Thread", self.threads, request.thread_id, context)

    async def UpdateThread(self, request: Any, context: Any) -> Any:
        await self._take("UpdateThread", request, context)
        thread = await self._found("Thread", self.threads, request.thread.thread_id, context)
        if "metadata" in request.update_mask.paths:
            thread.metadata.CopyFrom(request.thread.metadata)
        return thread

    async def DeleteThread(self, request: Any, context: Any) -> empty_pb2.Empty:
        await self._take("DeleteThread", request, context)
        await self._found("Thread", self.threads, request.thread_id, context)
        del self.threads[request.thread_id]
        return empty_pb2.Empty()

    async def SearchThreads(self, request: Any, context: Any) -> threads_pb2.SearchThreadsResponse:
        await self._take("SearchThreads", request, context)
        found, past = list(self.threads.values()), request.offset + request.limit
        return threads_pb2.SearchThreadsResponse(
            threads=found[request.offset : past], total=len(found), next_offset=past if past < len(found) else None
        )

    async def CountThreads(self, request: Any, context: Any) -> threads_pb2.CountThreadsResponse:
        await self._take("CountThreads", request, context)
        return threads_pb2.CountThreadsResponse(count=len(self.threads))

    async def GetThreadState(self, request: Any, context: Any) -> thread_states_pb2.ThreadState:
        await self._take("GetThreadState", request, context)
        await self._found("Thread", self.threads, request.thread_id, context)
        return thread_states_pb2.ThreadState(values=json("{}"), interrupts=json("[]"))

    async def CreateCron(self, request: Any, context: Any) -> crons_pb2.Cron:
        await self._take("CreateCron", request, context)
        cron = crons_pb2.Cron()
        cron.CopyFrom(request.cron)
        if not cron.schedule:
            violation = error_details_pb2.BadRequest.FieldViolation(field="schedule", description="is required")
            detail = error_details_pb2.BadRequest(field_violations=[violation])
            wrong = status(code_pb2.INVALID_ARGUMENT, "schedule: is required", "INVALID_FIELD", detail)
            await context.abort_with_status(rpc_status.to_status(wrong))
        cron.cron_id, cron.assistant_id = str(uuid.uuid4()), ASSISTANT
        if not cron.HasField("enabled"):
            cron.enabled = True
        if not cron.HasField("thread_id") and not cron.on_run_completed:
            cron.on_run_completed = common_pb2.ON_COMPLETION_DELETE
        if not cron.HasField("metadata"):
            cron.metadata.text = "{}"
        for field in ("created_at", "updated_at"):
            getattr(cron, field).CopyFrom(NOW)
        cron.next_run_date.CopyFrom(timestamp_pb2.Timestamp(seconds=1_795_365_000))
        self.crons[cron.cron_id] = cron
        return cron

    async def GetCron(self, request: Any, context: Any) -> Any:
        await self._take("GetCron", request, context)
        return await self._found("Cron", self.crons, request.cron_id, context)

    async def UpdateCron(self, request: Any, context: Any) -> Any:
        await self._take("UpdateCron", request, context)
        cron = await self._found("Cron", self.crons, request.cron.cron_id, context)
        if not request.update_mask.paths:
            empty = status(code_pb2.FAILED_PRECONDITION, "Request body cannot be empty", "EMPTY_UPDATE")
            await context.abort_with_status(rpc_status.to_status(empty))
        for name in request.update_mask.paths:
            cron.ClearField(name)
        patch = crons_pb2.Cron()
        request.update_mask.MergeMessage(request.cron, patch)
        cron.MergeFrom(patch)
        return cron

    async def DeleteCron(self, request: Any, context: Any) -> empty_pb2.Empty:
        await self._take("DeleteCron", request, context)
        await self._found("Cron", self.crons, request.cron_id, context)
        del self.crons[request.cron_id]
        return empty_pb2.Empty()

    async def SearchCrons(self, request: Any, context: Any) -> crons_pb2.SearchCronsResponse:
        await self._take("SearchCrons", request, context)
        return crons_pb2.SearchCronsResponse(crons=self.crons.values(), total=len(self.crons))

    async def CountCrons(self, request: Any, context: Any) -> crons_pb2.CountCronsResponse:
        await self._take("CountCrons", request, context)
        return crons_pb2.CountCronsResponse(count=len(self.crons))

    async def CreateRun(self, request: Any, context: Any) -> runs_pb2.Run:
        await self._take("CreateRun", request, context)
        return self._run(request)

    def _run(self, request: Any) -> runs_pb2.Run:
        run = runs_pb2.Run(
            run_id=str(uuid.uuid4()),
            thread_id=request.thread_id or str(uuid.uuid4()),
            assistant_id=ASSISTANT,
            created_at=NOW,
            updated_at=NOW,
            status=runs_pb2.RUN_STATUS_PENDING,
            metadata=json("{}"),
            kwargs=json('{"input":' + (request.run.input.text or "null") + "}"),
            multitask_strategy=common_pb2.MULTITASK_STRATEGY_ENQUEUE,
        )
        self.runs[run.run_id] = run
        return run

    async def WaitRun(self, request: Any, context: Any) -> runs_pb2.RunOutcome:
        await self._take("WaitRun", request, context)
        run = self._run(request)
        await context.send_initial_metadata((("cronlane-run-id", run.run_id), ("cronlane-thread-id", run.thread_id)))
        return await self._ended(run, context)

    async def JoinRun(self, request: Any, context: Any) -> runs_pb2.RunOutcome:
        await self._take("JoinRun", request, context)
        return await self._ended(await self._found("Run", self.runs, request.run_id, context), context)

    async def _ended(self, run: runs_pb2.Run, context: Any) -> runs_pb2.RunOutcome:
        self.waiting.set()
        try:
            await self.ended.wait()
        finally:
            self.left.set()
        if self.lost is not None:
            await context.abort_with_status(rpc_status.to_status(self.lost))
        outcome = runs_pb2.RunOutcome(run=run)
        outcome.MergeFrom(self.outcome)
        return outcome

    async def GetRun(self, request: Any, context: Any) -> Any:
        await self._take("GetRun", request, context)
        return await self._found("Run", self.runs, request.run_id, context)

    async def ListRuns(self, request: Any, context: Any) -> runs_pb2.ListRunsResponse:
        await self._take("ListRuns", request, context)
        return runs_pb2.ListRunsResponse(runs=self.runs.values())

    async def CancelRun(self, request: Any, context: Any) -> empty_pb2.Empty:
        await self._take("CancelRun", request, context)
        await self._found("Run", self.runs, request.run_id, context)
        return empty_pb2.Empty()

    async def DeleteRun(self, request: Any, context: Any) -> empty_pb2.Empty:
        await self._take("DeleteRun", request, context)
        await self._found("Run", self.runs, request.run_id, context)
        return empty_pb2.Empty()

    def _assistant(self) -> assistants_pb2.Assistant:
        return assistants_pb2.Assistant(
            assistant_id=ASSISTANT,
            graph_id="agent",
            config=json("{}"),
            context=json("{}"),
            created_at=NOW,
            updated_at=NOW,
            metadata=json('{"created_by": "system"}'),
            version=1,
            name="agent",
        )

    async def GetAssistant(self, request: Any, context: Any) -> assistants_pb2.Assistant:
        await self._take("GetAssistant", request, context)
        return self._assistant()

    async def SearchAssistants(self, request: Any, context: Any) -> assistants_pb2.SearchAssistantsResponse:
        await self._take("SearchAssistants", request, context)
        return assistants_pb2.SearchAssistantsResponse(assistants=[self._assistant()], total=1)

    async def CountAssistants(self, request: Any, context: Any) -> assistants_pb2.CountAssistantsResponse:
        await self._take("CountAssistants", request, context)
        return assistants_pb2.CountAssistantsResponse(count=1)
