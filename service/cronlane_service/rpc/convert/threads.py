"""Threads and their states."""

from __future__ import annotations

from cronlane.v1 import threads_pb2 as pb
from cronlane.v1.common_pb2 import RunError
from cronlane_service.domain import models, runs
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.lifetimes import PruneStrategy, Ttl
from cronlane_service.domain.queries import ThreadQuery
from cronlane_service.rpc.convert import words
from cronlane_service.rpc.convert.documents import Inner, document, text
from cronlane_service.rpc.convert.instants import span, timestamp
from cronlane_service.rpc.convert.kept import Kept
from cronlane_service.rpc.convert.thread_states import superstep


def written(thread: models.Thread) -> pb.Thread:
    """Of one that was changed just now, and of which there is nothing to be kept."""
    return pb.Thread(
        thread_id=thread.thread_id,
        created_at=timestamp(thread.created_at),
        updated_at=timestamp(thread.updated_at),
        state_updated_at=timestamp(thread.state_updated_at),
        metadata=Inner(text=thread.metadata),
        status=words.THREAD_STATUS.number(thread.status),
        config=Inner(text=thread.config),
        values=document(thread.values),
        interrupts=Inner(text=thread.interrupts),
        error=None if thread.error is None else run_error(thread.error),
        etag=thread.etag,
        ttl=None if thread.ttl is None else _ttl(thread.ttl),
    )


thread = Kept(pb.Thread, written).message


def _ttl(ttl: Ttl) -> pb.ThreadTtl | None:
    if ttl.after is None:
        return None
    sent = pb.ThreadTtl(strategy=words.PRUNE_STRATEGY.number(ttl.strategy))
    sent.duration.FromTimedelta(ttl.after)
    return sent


def ttl(message: pb.Thread | pb.CreateThreadRequest) -> Ttl:
    """For ever, when it says nothing."""
    sent = message.ttl
    strategy = words.PRUNE_STRATEGY.word("ttl.strategy", sent.strategy) or PruneStrategy.DELETE
    return Ttl(span(sent, "duration") if sent.HasField("duration") else None, strategy)


def run_error(error: runs.RunError) -> RunError:
    return RunError(error=error.error, message=error.message)


def draft(request: pb.CreateThreadRequest) -> ThreadDraft:
    return ThreadDraft(
        thread_id=request.thread_id if request.HasField("thread_id") else None,
        metadata=text(request, "metadata"),
        if_exists_do_nothing=words.IF_EXISTS.word("if_exists", request.if_exists) == "do-nothing",
        ttl=ttl(request) if request.HasField("ttl") else None,
        supersteps=tuple(map(superstep, request.supersteps)),
    )


def query(request: pb.SearchThreadsRequest | pb.CountThreadsRequest) -> ThreadQuery:
    return ThreadQuery(
        metadata=text(request, "metadata"),
        values=text(request, "values"),
        status=words.THREAD_STATUS.word("status", request.status),
        ids=tuple(request.ids) if isinstance(request, pb.SearchThreadsRequest) else (),
    )
