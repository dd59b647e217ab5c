"""Assistants: graphs with configuration, found by id or by the name of their graph."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Any

from cronlane_service.domain import checks, ids, jsontext
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.configuration import mirrored
from cronlane_service.domain.drafts import AssistantDraft
from cronlane_service.domain.errors import AlreadyExists, GraphNotLoaded, InvalidField, NotFound, SystemAssistant
from cronlane_service.domain.models import Assistant, AssistantVersion, Thread
from cronlane_service.domain.ports import NewId, Transaction
from cronlane_service.domain.queries import ASSISTANT_SORTS, AssistantQuery, Page, ThreadQuery, Window
from cronlane_service.usecases import threads
from cronlane_service.usecases.requests import Request

SYSTEM = ""  # the owner of the assistants that the service makes
UNNAMED = "Untitled"

_UPDATABLE = frozenset({"graph_id", "config", "context", "metadata", "name", "description"})


class Assistants:
    """Creates, reads, changes and deletes assistants, and makes one for each graph.

    ``graph_ids``: the graphs of this server's langgraph.json.
    """

    def __init__(self, clock: Clock, new_id: NewId, graph_ids: Sequence[str]) -> None:
        self._clock, self._new_id, self._graph_ids = clock, new_id, tuple(graph_ids)

    def sync(self, tx: Transaction) -> None:
        """Makes the system assistant of each graph that has none yet."""
        for graph_id in self._graph_ids:
            now = self._clock.now()
            assistant = Assistant(
                assistant_id=ids.system_assistant(graph_id),
                owner=SYSTEM,
                graph_id=graph_id,
                name=graph_id,
                created_at=now,
                updated_at=now,
                metadata=jsontext.dump({"created_by": "system"}),
            )
            if tx.assistants.insert(assistant):
                tx.versions.insert(_version(assistant))

    def create(self, tx: Transaction, owner: str, draft: AssistantDraft, request_id: str | None = None) -> Assistant:
        request = Request(tx, owner, request_id, "assistant", draft) if request_id else None
        if request and (made := request.done()) is not None:
            return self.get(tx, owner, made)
        assistant = self._new(owner, draft)
        if not tx.assistants.insert(assistant):
            return self._existing(tx, owner, draft, assistant.assistant_id)
        tx.versions.insert(_version(assistant))
        if request:
            request.record(assistant.assistant_id, assistant.created_at)
        return assistant

    def _new(self, owner: str, draft: AssistantDraft) -> Assistant:
        assistant_id = ids.parse("assistant", draft.assistant_id) if draft.assistant_id is not None else self._new_id()
        self._check_graph(checks.required("graph_id", draft.graph_id))
        _check_texts(draft)
        checks.json_object("metadata", draft.metadata)
        config, context = mirrored(draft.config, draft.context)
        now = self._clock.now()
        return Assistant(
            assistant_id=assistant_id,
            owner=owner,
            graph_id=draft.graph_id,
            name=draft.name or UNNAMED,
            created_at=now,
            updated_at=now,
            config=config or "{}",
            context=context or "{}",
            metadata=draft.metadata or "{}",
            description=draft.description,
        )

    def _existing(self, tx: Transaction, owner: str, draft: AssistantDraft, assistant_id: str) -> Assistant:
        existing = tx.assistants.get(owner, assistant_id) if draft.if_exists_do_nothing else None
        if existing is None:
            raise AlreadyExists("assistant", assistant_id, f"Assistant {assistant_id} already exists")
        return existing

    def get(self, tx: Transaction, owner: str, assistant_id: str) -> Assistant:
        assistant_id = ids.parse("assistant", assistant_id)
        assistant = tx.assistants.get(owner, assistant_id)
        if assistant is None:
            raise NotFound("assistant", assistant_id, f"Assistant {assistant_id} not found")
        return assistant

    def update(
        self, tx: Transaction, owner: str, assistant_id: str, named: Set[str], draft: AssistantDraft, etag: str = ""
    ) -> Assistant:
        """A new version in which the named fields have the draft's values; metadata is merged."""
        assistant = self._own(tx, owner, assistant_id)
        if unknown := named - _UPDATABLE:
            raise InvalidField(f"update_mask.{min(unknown)}", "cannot be updated")
        threads.check_etag("assistant", assistant.assistant_id, assistant.etag, etag)
        changed = replace(
            assistant,
            **_changes(assistant, named, draft),
            version=tx.versions.last(assistant.assistant_id) + 1,
            updated_at=self._clock.now(),
        )
        self._check_change(assistant, changed)
        tx.assistants.upsert(changed)
        tx.versions.insert(_version(changed))
        return changed

    def set_latest(self, tx: Transaction, owner: str, assistant_id: str, number: int) -> Assistant:
        """The assistant as it was in that version, and with its number."""
        assistant = self._own(tx, owner, assistant_id)
        if number < 1:
            raise InvalidField("version", "must be 1 or more")
        version = tx.versions.get(assistant.assistant_id, number)
        if version is None:
            message = f"Version {number} not found for assistant {assistant.assistant_id}"
            raise NotFound("version", str(number), message)
        changed = replace(
            assistant,
            version=version.version,
            graph_id=version.graph_id,
            name=version.name,
            config=version.config,
            context=version.context,
            metadata=version.metadata,
            description=version.description,
            updated_at=self._clock.now(),
        )
        self._check_change(assistant, changed)
        tx.assistants.upsert(changed)
        return changed

    def delete(
        self, tx: Transaction, owner: str, assistant_id: str, *, delete_threads: bool = False, etag: str = ""
    ) -> None:
        """With its versions and its crons; a run under way goes on, unless its thread is deleted too."""
        assistant = self._own(tx, owner, assistant_id)
        threads.check_etag("assistant", assistant.assistant_id, assistant.etag, etag)
        if self._stands_for_graph(assistant):
            raise SystemAssistant(assistant.assistant_id, assistant.graph_id)
        tx.crons.delete_of_assistant(assistant.assistant_id)
        if delete_threads:
            _delete_threads(tx, owner, assistant.assistant_id)
        tx.versions.delete_of_assistant(assistant.assistant_id)
        tx.assistants.delete(assistant.assistant_id)

    def versions(
        self, tx: Transaction, owner: str, assistant_id: str, metadata: str | None, window: Window
    ) -> Sequence[AssistantVersion]:
        """Newest first."""
        checks.json_object("metadata", metadata)
        checks.window(window, ASSISTANT_SORTS)
        assistant = self.get(tx, owner, assistant_id)
        return tx.versions.list(assistant.assistant_id, metadata, window.limit, window.offset)

    def search(self, tx: Transaction, owner: str, query: AssistantQuery, window: Window) -> Page[Assistant]:
        checks.window(window, ASSISTANT_SORTS)
        return tx.assistants.search(owner, self._checked(query), window)

    def count(self, tx: Transaction, owner: str, query: AssistantQuery) -> int:
        return tx.assistants.count(owner, self._checked(query))

    def _checked(self, query: AssistantQuery) -> AssistantQuery:
        checks.is_json_object("metadata", query.metadata)
        if query.graph_id is not None:
            self._check_graph(query.graph_id)
        return query

    def _check_graph(self, graph_id: str) -> None:
        if graph_id not in self._graph_ids:
            raise GraphNotLoaded(graph_id, self._graph_ids)

    def _check_change(self, before: Assistant, after: Assistant) -> None:
        if after.graph_id != before.graph_id:
            self._check_graph(after.graph_id)
            if self._stands_for_graph(before):
                raise SystemAssistant(before.assistant_id, before.graph_id)

    def _stands_for_graph(self, assistant: Assistant) -> bool:
        """Whether it is the one that a graph's name means."""
        return assistant.assistant_id in map(ids.system_assistant, self._graph_ids)

    def _own(self, tx: Transaction, owner: str, assistant_id: str) -> Assistant:
        """One that this caller may change. Raises SystemAssistant for one that only the service's own caller may."""
        assistant = self.get(tx, owner, assistant_id)
        if assistant.owner != owner:
            raise SystemAssistant(assistant.assistant_id, assistant.graph_id)
        return assistant


def _check_texts(draft: AssistantDraft) -> None:
    checks.text("name", draft.name)
    checks.text("description", draft.description)


def _changes(assistant: Assistant, named: Set[str], draft: AssistantDraft) -> dict[str, Any]:
    _check_texts(draft)
    found: dict[str, Any] = {name: getattr(draft, name) for name in named & {"graph_id", "name", "description"}}
    if "metadata" in named:
        checks.json_object("metadata", draft.metadata)
        found["metadata"] = jsontext.merge(assistant.metadata, draft.metadata)
    sent = {name: getattr(draft, name) or "{}" for name in named & {"config", "context"}}
    config, context = mirrored(sent.get("config"), sent.get("context"), assistant.config)
    return found | {name: text for name, text in (("config", config), ("context", context)) if text is not None}


def _version(assistant: Assistant) -> AssistantVersion:
    return AssistantVersion(
        assistant_id=assistant.assistant_id,
        version=assistant.version,
        graph_id=assistant.graph_id,
        name=assistant.name,
        created_at=assistant.updated_at,
        config=assistant.config,
        context=assistant.context,
        metadata=assistant.metadata,
        description=assistant.description,
    )


def _delete_threads(tx: Transaction, owner: str, assistant_id: str) -> None:
    """Those on which it ran last: their metadata says so, but callers may have put the same there before any run."""
    query, found = ThreadQuery(metadata=jsontext.dump({"assistant_id": assistant_id})), list[Thread]()
    while page := tx.threads.search(owner, query, Window(limit=checks.LIMIT, offset=len(found))).items:
        found += page
    for thread in found:
        if thread.config != "{}":
            threads.remove(tx, thread.thread_id)
