"""How a run comes out of an assistant, a thread and what was asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cronlane_service.domain import jsontext
from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.models import Assistant, RunTemplate, Thread, ThreadStatus
from cronlane_service.domain.runs import MultitaskStrategy, Run, RunStatus


@immutable
class Origin:
    """Where a run comes from: a request, or a cron's tick."""

    metadata: str | None = None
    temporary: bool = False
    recorded: bool = False
    checkpoint: str | None = None  # an object: where to go on from
    available_at: datetime | None = None
    cron_id: str | None = None
    scheduled_for: datetime | None = None
    queued: bool = False  # behind the earlier runs of its cron


def launch(
    run_id: str, now: datetime, assistant: Assistant, thread: Thread, template: RunTemplate, origin: Origin
) -> tuple[Run, Thread]:
    """The pending run, and the thread as it is from now on: busy."""
    graph = jsontext.join(
        {"graph_id": jsontext.dump(assistant.graph_id), "assistant_id": jsontext.dump(assistant.assistant_id)}
    )
    config = _config(assistant, template)
    run = Run(
        run_id=run_id,
        owner=thread.owner,
        thread_id=thread.thread_id,
        assistant_id=assistant.assistant_id,
        graph_id=assistant.graph_id,
        created_at=origin.available_at or now,
        updated_at=now,
        status=RunStatus.PENDING,
        metadata=jsontext.merge(assistant.metadata, thread.metadata, graph, origin.metadata),
        kwargs=_kwargs(run_id, assistant, thread, template, config, origin),
        multitask_strategy=template.multitask_strategy or MultitaskStrategy.ENQUEUE,
        temporary=origin.temporary,
        cron_id=origin.cron_id,
        scheduled_for=origin.scheduled_for,
        available_at=origin.available_at,
        recorded=origin.recorded or bool(template.stream_resumable),
        queued=origin.queued,
    )
    busy = replace(
        thread,
        metadata=jsontext.merge(thread.metadata, graph),
        status=ThreadStatus.BUSY,
        config=_remembered(assistant, config),
        updated_at=now,
        state_updated_at=now,
    )
    return run, busy


def _config(assistant: Assistant, template: RunTemplate) -> dict[str, str]:
    """The assistant's config with the request's over it, without ids; context doubles as configurable."""
    base = jsontext.members(assistant.config)
    asked = jsontext.members(template.config or "{}")
    configurable = jsontext.merge(
        base.get("configurable"), asked.get("configurable"), template.context if template.context else None
    )
    return base | asked | {"configurable": configurable}


def _remembered(assistant: Assistant, config: dict[str, str]) -> str:
    """What the thread shows of it: not what was sent as configurable or context, which may be secret."""
    configurable = jsontext.members(assistant.config).get("configurable", "{}")
    return jsontext.join(config | {"configurable": configurable})


def _context(assistant: Assistant, template: RunTemplate, origin: Origin) -> str:
    asked = jsontext.members(template.config or "{}")
    cron = jsontext.dump({"cron_id": origin.cron_id}) if origin.cron_id else None
    return jsontext.merge(assistant.context, asked.get("configurable"), template.context, cron)


def _kwargs(
    run_id: str,
    assistant: Assistant,
    thread: Thread,
    template: RunTemplate,
    config: dict[str, str],
    origin: Origin,
) -> str:
    ids = {
        "thread_id": thread.thread_id,
        "run_id": run_id,
        "graph_id": assistant.graph_id,
        "assistant_id": assistant.assistant_id,
        "user_id": thread.owner,
        **({"cron_id": origin.cron_id} if origin.cron_id else {}),
    }
    configurable = jsontext.merge(config["configurable"], origin.checkpoint, jsontext.dump(ids))
    return jsontext.join(
        {
            "input": template.input or "null",
            "command": template.command or "null",
            "config": jsontext.join(config | {"configurable": configurable}),
            "context": _context(assistant, template, origin),
            "stream_mode": jsontext.dump(template.stream_mode or ["values"]),
            "interrupt_before": _nodes(template.interrupt_before),
            "interrupt_after": _nodes(template.interrupt_after),
            "webhook": jsontext.dump(template.webhook),
            "feedback_keys": jsontext.dump(template.feedback_keys or None),
            "temporary": jsontext.dump(origin.temporary),
            "subgraphs": jsontext.dump(bool(template.stream_subgraphs)),
            "resumable": jsontext.dump(bool(template.stream_resumable)),
            "checkpoint_during": "true",
            "durability": jsontext.dump(template.durability or "async"),
        }
    )


def _nodes(names: tuple[str, ...]) -> str:
    return jsontext.dump("*" if names == ("*",) else list(names) or None)
