from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from cronlane_service.domain.ports import Transaction
from cronlane_service.domain.queries import AssistantQuery, Window
from cronlane_service.store import SqlDatabase
from cronlane_service.store.connection import Connection
from store.rows import assistant, later

SYSTEM = '{"created_by": "system"}'


async def test_an_owner_sees_its_own_and_the_services_assistants(store: SqlDatabase) -> None:
    system, anns = assistant(metadata=SYSTEM), assistant(owner="ann")
    # Made while nobody had to say who they are: that does not make it everybody's.
    nobodys = assistant(metadata='{"created_by":"user"}')
    posing = assistant(owner="bob", metadata=SYSTEM)
    await store.write(lambda tx: [tx.assistants.upsert(each) for each in (system, anns, nobodys, posing)])
    visible = {}
    for one in (system, anns, nobodys, posing):
        visible[one.assistant_id] = await store.read(lambda tx, one=one: tx.assistants.get("ann", one.assistant_id))
    assert [found for found in visible.values() if found] == [system, anns]
    page = await store.read(lambda tx: tx.assistants.search("ann", AssistantQuery(), Window()))
    assert set(page.items) == {system, anns}
    assert await store.read(lambda tx: tx.assistants.count("", AssistantQuery())) == 2


async def test_an_assistant_is_there_as_long_as_it_can_be_got(store: SqlDatabase) -> None:
    anns, rolled_back = assistant(owner="ann"), assistant()

    def changing(tx: Transaction) -> list[bool]:
        def there() -> list[bool]:
            return [tx.assistants.exists(each.owner, each.assistant_id) for each in (anns, rolled_back)]

        found = there()
        tx.assistants.upsert(anns)
        with suppress(LookupError), tx.apart():
            tx.assistants.upsert(rolled_back)
            found += there()
            raise LookupError
        found += there()
        found.append(tx.assistants.exists("bob", anns.assistant_id))
        tx.assistants.upsert(replace(anns, owner="bob"))
        found.append(tx.assistants.exists("ann", anns.assistant_id))
        tx.assistants.delete(anns.assistant_id)
        return [*found, tx.assistants.exists("bob", anns.assistant_id)]

    assert await store.write(changing) == [False, False, True, True, True, False, False, False, False]


async def test_each_looks_for_itself_whether_an_assistant_is_there(store: SqlDatabase) -> None:
    made = assistant()
    await store.write(lambda tx: tx.assistants.upsert(made))

    async def seen() -> list[bool]:
        ways = (store.write, store.look_up, store.read, store.search)
        return [await way(lambda tx: tx.assistants.exists("", made.assistant_id)) for way in ways]

    assert await seen() == [True] * 4
    elsewhere = Connection(store._engine)
    elsewhere.execute("DELETE FROM assistants")
    elsewhere.close()
    assert await seen() == [False] * 4


async def test_an_operation_that_fails_leaves_nothing_found_to_the_next(stopped_store: SqlDatabase) -> None:
    made = assistant()

    def fails(tx: Transaction) -> None:
        tx.assistants.upsert(made)
        assert tx.assistants.exists("", made.assistant_id)
        raise LookupError

    failing = stopped_store.submit(fails)
    looking = stopped_store.submit(lambda tx: tx.assistants.exists("", made.assistant_id))
    stopped_store.start()
    assert isinstance(failing.exception(10), LookupError)
    assert looking.result(10) is False


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (AssistantQuery(name="AGENT"), {"My Agent", "agent_x"}),
        (AssistantQuery(name="_"), {"agent_x"}),
        (AssistantQuery(name="%"), set()),
        (AssistantQuery(name="ÄRGER"), {"Großer Ärger"}),
        (AssistantQuery(name="grosser"), {"Großer Ärger"}),
        (AssistantQuery(graph_id="g"), {"My Agent"}),
        (AssistantQuery(metadata='{"x":1}'), {"agent_x"}),
        (AssistantQuery(), {"My Agent", "agent_x", "Großer Ärger"}),
    ],
)
async def test_a_search_filters_by(store: SqlDatabase, query: AssistantQuery, found: set[str]) -> None:
    made = [
        assistant(name="My Agent", graph_id="g"),
        assistant(name="agent_x", metadata='{"x":1}'),
        assistant(name="Großer Ärger"),
    ]
    await store.write(lambda tx: [tx.assistants.upsert(each) for each in made])
    page = await store.read(lambda tx: tx.assistants.search("", query, Window()))
    assert {each.name for each in page.items} == found
    assert page.total == await store.read(lambda tx: tx.assistants.count("", query)) == len(found)


@pytest.mark.parametrize("column", ["assistant_id", "graph_id", "name", "created_at", "updated_at"])
async def test_a_search_can_be_sorted_by(store: SqlDatabase, column: str) -> None:
    first = assistant(graph_id="a", name="a")
    second = assistant(graph_id="b", name="b", created_at=later(1), updated_at=later(1))
    await store.write(lambda tx: [tx.assistants.upsert(each) for each in (second, first)])
    window = Window(sort_by=column, descending=False)
    page = await store.read(lambda tx: tx.assistants.search("", AssistantQuery(), window))
    assert page.items == [first, second]
