"""The arguments that runs and crons take by name, under the official SDK's names. None means: not said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, TypedDict

Object = Mapping[str, Any]
Several = str | Sequence[str]


class Execution(TypedDict, total=False):
    """How a run goes, and what it is given."""

    input: Any
    config: Object | None  # configurable, tags, recursion_limit
    context: Object | None  # excludes config.configurable
    metadata: Object | None
    interrupt_before: Several | None  # nodes; "*": all
    interrupt_after: Several | None
    multitask_strategy: str | None  # enqueue (default), reject, interrupt, rollback
    stream_mode: Several | None
    stream_subgraphs: bool | None
    stream_resumable: bool | None
    durability: str | None  # async (default), sync, exit
    webhook: str | None


class RunOptions(Execution, total=False):
    """Of a run."""

    command: Object | None  # resume, update, goto: goes on where the thread stopped
    if_not_exists: str | None  # reject (default), create: the thread
    on_completion: str | None  # delete (default), keep: the thread of a stateless run
    after_seconds: float | None
    feedback_keys: Sequence[str] | None
    checkpoint: Object | None  # where to go on from, as a state's or a history's; default: the newest
    checkpoint_id: str | None  # the same, of the graph itself
    on_disconnect: str | None  # continue (default), cancel: when who waits for it, or reads its stream, goes away


class CronOptions(Execution, total=False):
    """Of a cron."""

    timezone: str | tzinfo | None  # an IANA name; None: UTC
    end_time: datetime | None  # without zone: UTC
    enabled: bool | None
    # What the platform does not have. Spans are seconds.
    at: datetime | None  # instead of a schedule: one tick, at this instant
    every: Object | None  # instead of a schedule: interval, phase
    start_time: datetime | None
    max_runs: int | None
    jitter: float | None
    dst_policy: Object | None  # gap: shift (default), skip; fold: by_expression (default), first, last, both
    catch_up: str | None  # latest (default), skip, all
    catch_up_window: float | None
    pause_after_failures: int | None
    note: str | None


class StatelessCronOptions(CronOptions, total=False):
    """Of a cron whose runs get a thread each."""

    on_run_completed: str | None  # delete (default), keep: that thread
    overlap: str | None  # allow (default), skip, queue


class PreviewOptions(TypedDict, total=False):
    """Of a schedule that is only looked at."""

    at: datetime | None
    every: Object | None
    timezone: str | tzinfo | None
    start_time: datetime | None
    end_time: datetime | None
    max_runs: int | None
    dst_policy: Object | None
    after: datetime | None  # instants after this one; None: after now
    until: datetime | None  # up to this one, which is included
    count: int | None  # at most so many: 1 to 1000, default 10


class CronChanges(TypedDict, total=False):
    """New values of a cron; None removes a bound or a policy, and leaves any other as it is."""

    schedule: str | None
    timezone: str | tzinfo | None
    end_time: datetime | None
    enabled: bool | None
    at: datetime | None
    every: Object | None
    start_time: datetime | None
    max_runs: int | None
    jitter: float | None
    dst_policy: Object | None
    catch_up: str | None
    catch_up_window: float | None
    overlap: str | None
    pause_after_failures: int | None
    note: str | None
    on_run_completed: str | None
    input: Any
    config: Object | None
    context: Object | None
    metadata: Object | None
    interrupt_before: Several | None
    interrupt_after: Several | None
    stream_mode: Several | None
    stream_subgraphs: bool | None
    stream_resumable: bool | None
    durability: str | None
    webhook: str | None


def check_names(options: type, given: Mapping[str, Any]) -> None:
    """Raises TypeError, as Python does for an argument that a function does not take."""
    for name in given.keys() - options.__annotations__.keys():
        raise TypeError(f"got an unexpected keyword argument {name!r}")
