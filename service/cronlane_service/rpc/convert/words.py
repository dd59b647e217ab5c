"""Enums, as the words the domain knows them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from cronlane.v1 import common_pb2, crons_pb2, runs_pb2, threads_pb2
from cronlane_service.domain import models, policies, runs
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.lifetimes import PruneStrategy

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

Number = TypeVar("Number", bound=int)
Word = TypeVar("Word", bound=str)


class _Numbers(dict[Word | None, Number]):
    """By word. UNSPECIFIED also for one that the API does not have: somebody wrote it past the service."""

    def __init__(self, words: Mapping[Number, Word], unspecified: Number) -> None:
        super().__init__((word, number) for number, word in words.items())
        self[None] = self._unspecified = unspecified

    def __missing__(self, _: Word | None) -> Number:
        return self._unspecified


class Words(Generic[Number, Word]):
    """An enum's values by word: without prefix, in lower case, with dashes. UNSPECIFIED has none."""

    def __init__(self, enum: _EnumTypeWrapper[Number], word: Callable[[str], Word]) -> None:
        (zero, self._unspecified), *values = enum.items()
        prefix = zero.removesuffix("UNSPECIFIED")
        self._words = {number: word(name.removeprefix(prefix).lower().replace("_", "-")) for name, number in values}
        self.number: Callable[[Word | None], Number] = _Numbers(self._words, self._unspecified).__getitem__

    def word(self, field: str, number: Number) -> Word | None:
        """None for UNSPECIFIED. Raises InvalidField for a number that the API does not have."""
        if number == self._unspecified:
            return None
        if number not in self._words:
            raise InvalidField(field, f"has no value {number}")
        return self._words[number]

    def all(self, field: str, numbers: Sequence[Number], unspecified: Word) -> tuple[Word, ...]:
        return tuple(self.word(field, number) or unspecified for number in numbers)


THREAD_STATUS = Words(threads_pb2.ThreadStatus, models.ThreadStatus)
RUN_STATUS = Words(runs_pb2.RunStatus, runs.RunStatus)
MULTITASK = Words(common_pb2.MultitaskStrategy, runs.MultitaskStrategy)
ON_COMPLETION = Words(common_pb2.OnCompletion, models.OnCompletion)
CANCEL_ACTION = Words(runs_pb2.CancelAction, runs.CancelAction)
STREAM_MODE = Words(common_pb2.StreamMode, str)
DURABILITY = Words(common_pb2.Durability, str)
SORT_ORDER = Words(common_pb2.SortOrder, str)
IF_EXISTS = Words(threads_pb2.IfExists, str)
PRUNE_STRATEGY = Words(threads_pb2.PruneStrategy, PruneStrategy)
IF_NOT_EXISTS = Words(runs_pb2.IfNotExists, str)
ON_DISCONNECT = Words(runs_pb2.OnDisconnect, str)
ACTIVE_RUNS = Words(runs_pb2.ActiveRuns, str)
THREAD_STREAM_MODE = Words(threads_pb2.ThreadStreamMode, str)
GAP = Words(crons_pb2.GapPolicy, policies.Gap)
FOLD = Words(crons_pb2.FoldPolicy, lambda word: policies.Fold(word.replace("-", "_")))
CATCH_UP = Words(crons_pb2.CatchUp, policies.CatchUp)
OVERLAP = Words(crons_pb2.Overlap, policies.Overlap)
ATTEMPT_OUTCOME = Words(runs_pb2.AttemptOutcome, lambda word: runs.AttemptOutcome(word.replace("-", "_")))
TICK_OUTCOME = Words(crons_pb2.TickOutcome, lambda word: models.TickOutcome(word.replace("-", "_")))
