"""What becomes of assistants, their versions, their crons and their threads."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from builders import AGENT, FakeClock, cron_draft, run_draft
from cronlane_service.domain.drafts import AssistantDraft, ThreadDraft
from cronlane_service.domain.errors import (
    AlreadyExists,
    ContextAndConfigurable,
    EtagMismatch,
    GraphNotLoaded,
    InvalidField,
    NotFound,
    RequestIdReused,
    SystemAssistant,
)
from cronlane_service.domain.models import Assistant
from cronlane_service.domain.queries import AssistantQuery, ThreadQuery, Window
from cronlane_service.usecases.assistants import Assistants

NOBODY = "00000000-0000-4000-8000-0000000000ff"
REQUEST = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def make(house: SimpleNamespace, do: Any) -> Any:
    """make(name="x"): a new assistant of the graph `agent`."""
    return lambda **fields: do(house.assistants.create, "", AssistantDraft(graph_id="agent", **fields))


@pytest.fixture
def change(house: SimpleNamespace, do: Any) -> Any:
    """change(assistant, name="x"): its next version."""

    def change(assistant: Assistant, etag: str = "", **fields: Any) -> Assistant:
        draft = AssistantDraft(**fields)
        changed: Assistant = do(house.assistants.update, "", assistant.assistant_id, set(fields), draft, etag)
        return changed

    return change


def test_an_assistant_is_untitled_and_the_first_version_of_itself(make: Any, house: Any, do: Any) -> None:
    made = make()
    assert (made.name, made.version, made.graph_id, made.description) == ("Untitled", 1, "agent", None)
    assert (made.config, made.context, made.metadata) == ("{}", "{}", "{}")
    assert make(name="").name == "Untitled"
    assert do(house.assistants.get, "", made.assistant_id.upper()) == made
    (version,) = do(house.assistants.versions, "", made.assistant_id, None, Window())
    assert (version.version, version.name, version.created_at) == (1, "Untitled", made.created_at)


@pytest.mark.parametrize(
    ("config", "context", "stored"),
    [
        ('{"configurable":{"n":1.0},"tags":["t"]}', None, ('{"configurable":{"n":1.0},"tags":["t"]}', '{"n":1.0}')),
        (None, '{"n":1.0}', ('{"configurable":{"n":1.0}}', '{"n":1.0}')),
        ('{"tags":["t"]}', '{"n":1}', ('{"tags":["t"],"configurable":{"n":1}}', '{"n":1}')),
        ('{"configurable":{}}', '{"n":1}', ('{"configurable":{"n":1}}', '{"n":1}')),
        ('{"configurable":{"n":1}}', "{}", ('{"configurable":{"n":1}}', '{"n":1}')),
        ('{"tags":["t"]}', None, ('{"tags":["t"]}', "{}")),
    ],
)
def test_configurable_and_context_mirror_each_other(
    make: Any, config: str | None, context: str | None, stored: tuple[str, str]
) -> None:
    made = make(config=config, context=context)
    assert (made.config, made.context) == stored


def test_both_with_members_are_refused(make: Any, change: Any) -> None:
    both = {"config": '{"configurable":{"n":1}}', "context": '{"m":2}'}
    with pytest.raises(ContextAndConfigurable):
        make(**both)
    with pytest.raises(ContextAndConfigurable):
        change(make(), **both)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("config", "[]"),
        ("config.configurable", '{"configurable":null}'),
        ("config.tags", '{"tags":"t"}'),
        ("config.recursion_limit", '{"recursion_limit":"x"}'),
        ("context", '"x"'),
        ("metadata", "1"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_written(
    make: Any, change: Any, house: Any, do: Any, field: str, value: str
) -> None:
    name = field.partition(".")[0]
    there = make()
    for attempt in (lambda: make(**{name: value}), lambda: change(there, **{name: value})):
        with pytest.raises(InvalidField) as wrong:
            attempt()
        assert wrong.value.field == field
    assert do(house.assistants.count, "", AssistantQuery()) == 2
    assert do(house.assistants.get, "", there.assistant_id) == there


def test_an_unknown_graph_is_named_with_those_that_there_are(house: Any, make: Any, change: Any, do: Any) -> None:
    for attempt in (
        lambda: do(house.assistants.create, "", AssistantDraft(graph_id="nope")),
        lambda: change(make(), graph_id="nope"),
        lambda: do(house.assistants.search, "", AssistantQuery(graph_id="nope"), Window()),
        lambda: do(house.assistants.count, "", AssistantQuery(graph_id="nope")),
    ):
        with pytest.raises(GraphNotLoaded, match=r"Graph 'nope' not found. Expected one of: \['agent'\]"):
            attempt()
    with pytest.raises(InvalidField) as missing:
        do(house.assistants.create, "", AssistantDraft())
    assert missing.value.field == "graph_id"


def test_an_id_that_is_taken_is_refused_or_answered(make: Any, house: Any, do: Any) -> None:
    made = make(assistant_id=NOBODY)
    with pytest.raises(AlreadyExists, match=f"Assistant {NOBODY} already exists"):
        make(assistant_id=NOBODY.upper())
    assert make(assistant_id=NOBODY, name="other", if_exists_do_nothing=True) == made
    with pytest.raises(AlreadyExists):  # whose it is, is nobody's business
        do(house.assistants.create, "ann", AssistantDraft("agent", NOBODY, if_exists_do_nothing=True))
    assert len(do(house.assistants.versions, "", NOBODY, None, Window())) == 1


def test_a_request_sent_twice_makes_one_assistant(house: Any, do: Any) -> None:
    draft = AssistantDraft(graph_id="agent", name="one")
    made = do(house.assistants.create, "", draft, REQUEST)
    assert do(house.assistants.create, "", draft, REQUEST) == made
    with pytest.raises(RequestIdReused):
        do(house.assistants.create, "", replace(draft, name="two"), REQUEST)


def test_an_update_is_a_new_version_and_the_old_ones_stay(
    make: Any, change: Any, house: Any, do: Any, clock: FakeClock
) -> None:
    made = make(name="a", metadata='{"x":{"p":1},"y":1}', config='{"configurable":{"n":1},"tags":["t"]}')
    later = clock.advance(seconds=1)
    changed = change(made, name="b", metadata='{"x":{"q":2},"z":null}')
    assert (changed.version, changed.name, changed.updated_at, changed.created_at) == (2, "b", later, made.created_at)
    assert changed.metadata == '{"x":{"q":2},"y":1,"z":null}'
    assert (changed.config, changed.context) == (made.config, made.context)
    clock.advance(seconds=1)
    same = change(changed)
    assert (same.version, same.name) == (3, "b")
    newest, middle, oldest = do(house.assistants.versions, "", made.assistant_id, None, Window())
    assert (newest.version, middle.version, oldest.version) == (3, 2, 1)
    assert (oldest.name, oldest.metadata, oldest.created_at) == ("a", made.metadata, made.created_at)
    assert (middle.name, middle.created_at) == ("b", later)
    assert do(house.assistants.versions, "", made.assistant_id, '{"z":null}', Window(limit=1, offset=1)) == [middle]


def test_an_update_of_context_keeps_the_rest_of_the_config(make: Any, change: Any) -> None:
    made = make(config='{"configurable":{"n":1},"tags":["t"]}')
    changed = change(made, context='{"m":2}')
    assert (json.loads(changed.config), changed.context) == ({"configurable": {"m": 2}, "tags": ["t"]}, '{"m":2}')
    replaced = change(changed, config='{"tags":["u"]}')
    assert (replaced.config, replaced.context) == ('{"tags":["u"]}', '{"m":2}')
    again = change(replaced, context='{"m":3}')
    cleared = change(again, context="{}")
    assert (cleared.config, cleared.context) == ('{"tags":["u"]}', "{}")


def test_an_update_with_an_old_etag_is_refused(make: Any, change: Any, house: Any, do: Any, clock: FakeClock) -> None:
    made = make()
    clock.advance(seconds=1)
    changed = change(made, etag=made.etag, name="b")
    with pytest.raises(EtagMismatch):
        change(made, etag=made.etag, name="c")
    with pytest.raises(EtagMismatch):
        do(house.assistants.delete, "", made.assistant_id, etag=made.etag)
    do(house.assistants.delete, "", made.assistant_id, etag=changed.etag)


def test_a_version_can_be_put_to_use_again(make: Any, change: Any, house: Any, do: Any) -> None:
    made = make(name="a", context='{"n":1}', metadata='{"x":1}', description="d")
    change(made, name="b", context='{"n":2}', metadata='{"y":2}', description="e")
    back = do(house.assistants.set_latest, "", made.assistant_id, 1)
    assert back == replace(made, updated_at=back.updated_at)
    assert do(house.assistants.get, "", made.assistant_id) == back
    assert len(do(house.assistants.versions, "", made.assistant_id, None, Window())) == 2
    following = change(back, description="f")
    assert (following.version, following.name, following.context) == (3, "a", '{"n":1}')
    with pytest.raises(NotFound, match=f"Version 9 not found for assistant {made.assistant_id}"):
        do(house.assistants.set_latest, "", made.assistant_id, 9)
    with pytest.raises(InvalidField):
        do(house.assistants.set_latest, "", made.assistant_id, 0)


def test_a_version_whose_graph_is_gone_is_not_put_to_use(house: Any, do: Any, clock: FakeClock) -> None:
    before = Assistants(clock, lambda: NOBODY, ["agent", "old"])
    made = do(before.create, "", AssistantDraft(graph_id="old"))
    do(house.assistants.update, "", made.assistant_id, {"graph_id"}, AssistantDraft(graph_id="agent"))
    with pytest.raises(GraphNotLoaded):
        do(house.assistants.set_latest, "", made.assistant_id, 1)
    assert do(before.set_latest, "", made.assistant_id, 1).graph_id == "old"


def test_deleting_an_assistant_deletes_its_versions_and_crons(make: Any, house: Any, do: Any) -> None:
    made = make()
    thread = do(house.threads.create, "", ThreadDraft())
    gone = do(house.crons.create, "", cron_draft(assistant_id=made.assistant_id, thread_id=thread.thread_id))
    stays = do(house.crons.create, "", cron_draft())
    do(house.assistants.delete, "", made.assistant_id)
    for attempt in (
        lambda: do(house.assistants.get, "", made.assistant_id),
        lambda: do(house.assistants.delete, "", made.assistant_id),
        lambda: do(house.assistants.versions, "", made.assistant_id, None, Window()),
        lambda: do(house.assistants.set_latest, "", made.assistant_id, 1),
        lambda: do(house.crons.get, "", gone.cron_id),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert do(house.crons.get, "", stays.cron_id) == stays
    assert do(house.threads.get, "", thread.thread_id) == thread
    again = make(assistant_id=made.assistant_id)
    assert len(do(house.assistants.versions, "", again.assistant_id, None, Window())) == 1


def test_its_threads_are_deleted_with_it_if_asked_for(make: Any, house: Any, do: Any, work: Any) -> None:
    made = make()
    claims = json.dumps({"assistant_id": made.assistant_id})
    ran, never_ran, others = (do(house.threads.create, "", ThreadDraft(metadata=each)) for each in (None, claims, None))
    do(house.runs.create, "", ran.thread_id, run_draft(assistant_id=made.assistant_id))
    do(house.runs.create, "", others.thread_id, run_draft())
    work()
    do(house.assistants.delete, "", made.assistant_id, delete_threads=True)
    left = do(lambda tx: tx.threads.search("", ThreadQuery(), Window())).items
    assert {thread.thread_id for thread in left} == {never_ran.thread_id, others.thread_id}


def test_the_assistant_that_a_graph_s_name_means_stays_as_long_as_the_graph(
    house: Any, do: Any, clock: FakeClock
) -> None:
    with pytest.raises(SystemAssistant, match="'agent'"):
        do(house.assistants.delete, "", AGENT)
    more = Assistants(clock, lambda: NOBODY, ["agent", "other"])
    with pytest.raises(SystemAssistant):
        do(more.update, "", AGENT, {"graph_id"}, AssistantDraft(graph_id="other"))
    changed = do(house.assistants.update, "", AGENT, {"metadata"}, AssistantDraft(metadata='{"mine":1}'))
    assert changed.metadata == '{"created_by":"system","mine":1}'
    do(house.assistants.sync)
    assert do(house.assistants.get, "", AGENT) == changed
    without = Assistants(clock, lambda: NOBODY, ["other"])
    do(without.delete, "", AGENT)
    do(house.assistants.sync)
    assert do(house.assistants.get, "", AGENT).version == 1


def test_nobody_changes_what_is_not_theirs(make: Any, house: Any, do: Any) -> None:
    made = make()
    with pytest.raises(NotFound):
        do(house.assistants.update, "ann", made.assistant_id, {"name"}, AssistantDraft(name="mine"))
    with pytest.raises(SystemAssistant):
        do(house.assistants.update, "ann", AGENT, {"name"}, AssistantDraft(name="mine"))
    assert do(house.assistants.get, "ann", AGENT).name == "agent"


def test_a_run_gets_the_assistant_s_configuration_under_its_own(make: Any, house: Any, do: Any) -> None:
    made = make(
        config='{"configurable":{"model":"m","depth":1},"tags":["t"],"recursion_limit":7}', metadata='{"team":"red"}'
    )
    asked = run_draft(assistant_id=made.assistant_id, config='{"configurable":{"depth":2},"tags":["u"]}')
    run = do(house.runs.create, "", None, replace(asked, metadata='{"mine":1}'))
    kwargs = json.loads(run.kwargs)
    assert (kwargs["config"]["tags"], kwargs["config"]["recursion_limit"]) == (["u"], 7)
    assert kwargs["context"] == {"model": "m", "depth": 2}
    configurable = kwargs["config"]["configurable"]
    assert (configurable["model"], configurable["depth"]) == ("m", 2)
    assert (configurable["assistant_id"], configurable["graph_id"]) == (made.assistant_id, "agent")
    metadata = json.loads(run.metadata)
    assert (metadata["team"], metadata["mine"], metadata["assistant_id"]) == ("red", 1, made.assistant_id)
    by_context = do(house.runs.create, "", None, run_draft(assistant_id=made.assistant_id, context='{"depth":3}'))
    assert json.loads(by_context.kwargs)["context"] == {"model": "m", "depth": 3}


def test_a_cron_s_run_gets_the_configuration_that_the_assistant_has_then(
    make: Any, change: Any, house: Any, do: Any, clock: FakeClock
) -> None:
    made = make(context='{"model":"m"}')
    do(house.crons.create, "", cron_draft(assistant_id=made.assistant_id, config='{"configurable":{"depth":2}}'))
    change(made, context='{"model":"n"}')
    (run,) = do(house.ticks.fire, clock.advance(minutes=1)).runs
    kwargs = json.loads(run.kwargs)
    assert run.assistant_id == made.assistant_id
    assert kwargs["context"] == {"model": "n", "depth": 2, "cron_id": run.cron_id}
    assert (kwargs["config"]["configurable"]["model"], kwargs["config"]["configurable"]["depth"]) == ("n", 2)
