from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from builders import AGENT, NOON
from cronlane_service.domain.models import AssistantVersion
from cronlane_service.domain.queries import AssistantQuery, Window
from cronlane_service.store import SqlDatabase, open_database
from cronlane_service.store.instants import stored
from store.rows import assistant, later, new_id


def version(number: int, assistant_id: str = AGENT, **values: str) -> AssistantVersion:
    return AssistantVersion(assistant_id, number, "agent", f"version {number}", later(number), **values)


async def test_versions_come_back_as_they_were_newest_first(store: SqlDatabase) -> None:
    first = version(1, config='{"a": 1.0}', context='{"b":\t1}', metadata='{"m":9007199254740993}', description="ö")
    tenth, second, others = version(10), version(2), version(3, new_id())
    await store.write(lambda tx: [tx.versions.insert(each) for each in (first, tenth, second, others)])
    assert await store.read(lambda tx: tx.versions.get(AGENT, 1)) == first
    assert await store.read(lambda tx: tx.versions.get(AGENT, 3)) is None
    assert await store.read(lambda tx: tx.versions.list(AGENT, None, 10, 0)) == [tenth, second, first]
    assert await store.read(lambda tx: tx.versions.list(AGENT, None, 1, 1)) == [second]
    assert await store.read(lambda tx: tx.versions.list(AGENT, '{"m":9007199254740993}', 10, 0)) == [first]
    assert await store.read(lambda tx: tx.versions.last(AGENT)) == 10
    assert await store.read(lambda tx: tx.versions.last(new_id())) == 0


async def test_the_versions_of_one_assistant_are_deleted(store: SqlDatabase) -> None:
    mine, others = version(1), version(1, new_id())
    await store.write(lambda tx: [tx.versions.insert(each) for each in (mine, others)])
    assert await store.write(lambda tx: tx.versions.delete_of_assistant(AGENT)) == 1
    assert await store.read(lambda tx: tx.versions.last(AGENT)) == 0
    assert await store.read(lambda tx: tx.versions.get(others.assistant_id, 1)) == others


async def test_an_assistant_is_inserted_once(store: SqlDatabase) -> None:
    first = assistant(owner="ann")
    second = assistant(assistant_id=first.assistant_id, owner="bob")
    assert await store.write(lambda tx: tx.assistants.insert(first))
    assert not await store.write(lambda tx: tx.assistants.insert(second))
    assert await store.read(lambda tx: tx.assistants.get("ann", first.assistant_id)) == first
    assert await store.write(lambda tx: tx.assistants.delete(first.assistant_id))
    assert not await store.write(lambda tx: tx.assistants.delete(first.assistant_id))


async def test_names_are_sorted_as_people_look_them_up(store: SqlDatabase) -> None:
    made = [assistant(name=name) for name in ("b", "C", "A")]
    await store.write(lambda tx: [tx.assistants.upsert(each) for each in made])
    window = Window(sort_by="name", descending=False)
    page = await store.read(lambda tx: tx.assistants.search("", AssistantQuery(), window))
    assert [each.name for each in page.items] == ["A", "b", "C"]


def test_assistants_from_before_there_were_versions_get_the_one_that_they_are(path: Path) -> None:
    database = open_database(str(path))
    database.migrate()
    database.stop()
    with closing(sqlite3.connect(path)) as connection:  # back to what it was before
        connection.execute("DROP TABLE assistant_versions")
        connection.execute("DELETE FROM schema_migration WHERE name LIKE '0002%'")
        made, changed = stored(NOON), stored(later(5))
        columns = "assistant_id owner graph_id name created_at updated_at config context metadata version description"
        row = (AGENT, "", "agent", "n", made, changed, '{"c":1}', '{"x":1}', '{"m":1}', 1, "d")
        connection.execute(f"INSERT INTO assistants ({', '.join(columns.split())}) VALUES ({'?,' * 10}?)", row)
        connection.commit()
    database = open_database(str(path))
    assert "0002_assistant_versions" in database.migrate()
    found = database.read_now(lambda tx: tx.versions.list(AGENT, None, 10, 0))
    database.stop()
    assert found == [AssistantVersion(AGENT, 1, "agent", "n", later(5), '{"c":1}', '{"x":1}', '{"m":1}', "d")]
