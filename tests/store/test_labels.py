"""Crons are found by labels exactly as they would be by looking at each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import cron_draft
from cronlane_service.domain import jsontext, labels
from cronlane_service.domain.drafts import AssistantDraft, CronDraft, ThreadDraft
from cronlane_service.domain.lifetimes import Ttl
from cronlane_service.domain.models import Cron
from cronlane_service.domain.ports import Transaction
from cronlane_service.domain.queries import CronQuery, Window
from cronlane_service.store import SqlDatabase, cron_search
from store.engines import ON_SQLITE
from store.house import House
from store.rows import cron, later, new_id

SCALARS = (
    "0",
    "-0.0",
    "1",
    "1.0",
    "10e-1",
    "true",
    "false",
    "null",
    '"1"',
    '"true"',
    '"\\ud800"',
    '"\\u0000"',
    "1e400",
)
BIG = ("9007199254740993", "9007199254740992.0", "9007199254740992")
OTHERS = ('{"x":1}', '{"x":1,"y":2}', "{}", "[1]", "[1.0]", "[]")
VALUES = st.sampled_from((*SCALARS, *BIG, *OTHERS))
# What often meets, and what is strange.
FEW = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "1.0", "true", "[1]"]), min_size=1)
MANY = st.dictionaries(st.sampled_from(["a", "b", "c d", ""]), VALUES, max_size=4)
DOCUMENTS = (FEW | FEW | MANY).map(jsontext.join)
CROWDED = jsontext.dump({str(number): number for number in range(labels.MOST + 1)})
STEPS = st.lists(
    st.tuples(st.sampled_from(["insert", "insert", "save", "delete"]), DOCUMENTS | st.just(CROWDED), st.integers(0, 9)),
    max_size=25,
)
WINDOWS = st.builds(
    Window, st.integers(1, 6), st.integers(0, 3), st.sampled_from(["created_at", "updated_at"]), st.booleans()
)
QUERIES = st.tuples(DOCUMENTS | st.sampled_from(['{"3":3}', '{"3":3,"4":5}']), st.sampled_from([None, True, False]))


LABELLING = ["0010_cron_labels", "0013_label_counts"]


class Model:
    """The crons of one owner, and what a search of them answers."""

    def __init__(self) -> None:
        self.owner, self.crons = new_id(), list[Cron]()

    def step(self, tx: Transaction, kind: str, metadata: str, number: int) -> None:
        if kind == "insert" or not self.crons:
            at = later(number % 3)
            made = cron(owner=self.owner, metadata=metadata, created_at=at, updated_at=at, enabled=number % 2 == 0)
            self.crons.append(made)
            tx.crons.insert(made)
            return
        place = number % len(self.crons)
        if kind == "delete":
            assert tx.crons.delete(self.owner, self.crons.pop(place).cron_id)
        else:
            self.crons[place] = replace(self.crons[place], metadata=metadata, updated_at=later(number))
            tx.crons.save(self.crons[place])

    def found(self, query: CronQuery, window: Window) -> tuple[list[Cron], int]:
        pattern = jsontext.parse(query.metadata or "{}")
        found = [each for each in self.crons if jsontext.contains(jsontext.parse(each.metadata), pattern)]
        found = [each for each in found if query.enabled in (None, each.enabled)]
        found.sort(key=lambda each: (getattr(each, window.sort_by), each.cron_id), reverse=window.descending)
        return found[window.offset : window.offset + window.limit], len(found)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, queries=st.lists(QUERIES, min_size=3, max_size=6), window=WINDOWS)
def test_a_search_finds_what_looking_at_each_cron_would(
    store: SqlDatabase, steps: list[tuple[str, str, int]], queries: list[tuple[str, bool | None]], window: Window
) -> None:
    def played(tx: Transaction) -> Model:
        model = Model()
        for step in steps:
            model.step(tx, *step)
        for metadata, enabled in queries:
            query = CronQuery(metadata=metadata, enabled=enabled)
            page = tx.crons.search(model.owner, query, window)
            assert (page.items, page.total) == model.found(query, window), query
            assert tx.crons.count(model.owner, query) == page.total
        return model

    model = store.submit(played).result(60)
    assert standing(store, model.owner) == sorted(
        (label, each.cron_id) for each in model.crons for label in labels.of(each.metadata)
    )


def standing(store: SqlDatabase, owner: str = "") -> list[tuple[bytes, str]]:
    def read(tx: Transaction) -> Any:
        return tx.crons._connection.execute(  # type: ignore[attr-defined]
            f"SELECT label, cron_id FROM cron_labels WHERE owner = '{owner}'"
        )

    return sorted((bytes(label), cron_id) for label, cron_id in store.read_now(read))


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("metadata", ['{"a":1}', '{"a":1,"b":1}', '{"a":1,"in":[1]}'])
def test_pages_follow_each_other_in_the_order_of_creation(house: House, metadata: str, descending: bool) -> None:
    documents = ['{"a":1,"b":0,"in":[1]}'] * 5 + ['{"a":1,"b":1,"in":[1]}'] * 5
    made = [house.cron(cron_draft(metadata=document)) for document in documents]
    wanted = [each.cron_id for each in (made[5:] if "b" in metadata else made)]
    found: list[str] = []
    while len(found) < len(wanted):
        window = Window(limit=2, offset=len(found), descending=descending)
        page = house.do(house.crons.search, "", CronQuery(metadata=metadata), window)
        assert page.total == len(wanted)
        found += [each.cron_id for each in page.items]
    assert found == (wanted[::-1] if descending else wanted)


def test_a_cron_that_is_given_to_somebody_else_by_hand_is_not_shown_by_its_labels(house: House) -> None:
    made = house.cron(cron_draft(metadata='{"a":1}'))
    house.poisoned("crons", "cron_id", made.cron_id, "owner = 'bob'")
    assert house.do(house.crons.search, "", CronQuery(metadata='{"a":1}'), Window()).items == []


def test_deleted_crons_leave_no_labels(house: House) -> None:
    own = house.do(house.assistants.create, "", AssistantDraft(graph_id="agent"))
    lasting, brief = (house.do(house.threads.create, "", ThreadDraft(ttl=ttl)) for ttl in (None, Ttl(timedelta(1))))
    draft = cron_draft(metadata='{"team":"night","number":1}')
    stateless = house.cron(draft)
    house.cron(replace(draft, thread_id=lasting.thread_id))
    house.cron(replace(draft, thread_id=brief.thread_id))
    house.cron(replace(draft, assistant_id=own.assistant_id))
    left = [len(standing(house.database))]
    for delete in (
        lambda: house.do(house.crons.delete, "", stateless.cron_id),
        lambda: house.do(house.threads.delete, "", lasting.thread_id),
        lambda: house.clock.advance(days=2) and house.do(house.threads.expire),
        lambda: house.do(house.assistants.delete, "", own.assistant_id),
    ):
        delete()
        left.append(len(standing(house.database)))
    assert left == [8, 6, 4, 2, 0]


def test_a_cron_that_is_changed_is_found_by_what_it_has_now(house: House) -> None:
    mine = house.cron(cron_draft(metadata='{"team":"night","number":1}'))
    house.do(house.crons.update, "", mine.cron_id, {"metadata"}, CronDraft(metadata='{"team":"day"}'))
    house.do(house.crons.pause, "", mine.cron_id, None)
    counts = [
        house.do(house.crons.count, "", CronQuery(metadata=metadata))
        for metadata in ('{"team":"night"}', '{"team":"day"}', '{"number":1.0}', '{"team":"day","number":1}', "{}")
    ]
    assert counts == [0, 1, 1, 1, 1]


def test_a_cron_without_metadata_has_no_labels(house: House) -> None:
    house.cron()
    assert standing(house.database) == []


def without_labels(house: House) -> None:
    """As the database was before there were any."""
    for table in ("cron_labels", "label_counts"):
        house.sql(f"DROP TABLE {table}")
    for migration in LABELLING:
        house.sql(f"DELETE FROM schema_migration WHERE name = '{migration}'")


def test_crons_from_before_there_were_labels_get_theirs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MOST", 2)
    documents = ('{"a":1}', "{}", '{"a":1.0,"b":[1]}', '{"a":2,"b":true}', '{"a":1,"b":1,"c":1}')
    crons = [house.cron(cron_draft(metadata=metadata)) for metadata in documents * 500]
    house.poisoned("crons", "cron_id", house.cron().cron_id, "metadata = '{'")
    before = standing(house.database)
    assert len(before) == 500 * (1 + 0 + 1 + 2 + 1)
    without_labels(house)
    assert house.database.migrate() == LABELLING
    assert standing(house.database) == before
    page = house.do(house.crons.search, "", CronQuery(metadata='{"a":2}'), Window(limit=1000, descending=False))
    assert [each.cron_id for each in page.items] == [each.cron_id for each in crons[3::5]]
    assert house.do(house.crons.count, "", CronQuery(metadata='{"a":2}')) == 500


@ON_SQLITE
def test_what_was_written_by_hand_does_not_keep_crons_from_their_labels(house: House) -> None:
    changes = ("created_at = 'yesterday'", "metadata = x'7b7d'", "owner = x'00'", "cron_id = x'00'")
    for change in changes:
        house.poisoned("crons", "cron_id", house.cron(cron_draft(metadata='{"a":1}')).cron_id, change)
    without_labels(house)
    assert house.database.migrate() == LABELLING
    page = house.do(house.crons.search, "", CronQuery(metadata='{"a":1}'), Window())
    assert "created_at" in (page.items[0].unreadable or "")


def test_a_poisoned_cron_is_deleted_with_its_labels(house: House) -> None:
    mine, other = (house.cron(cron_draft(metadata='{"a":1}')) for _ in range(2))
    house.poisoned("crons", "cron_id", mine.cron_id, "metadata = '{'")
    house.do(house.crons.delete, "", mine.cron_id)
    page = house.do(house.crons.search, "", CronQuery(metadata='{"a":1}'), Window())
    assert ([each.cron_id for each in page.items], page.total) == ([other.cron_id], 1)


def test_labels_are_of_their_owner_alone(house: House) -> None:
    house.cron(cron_draft(metadata='{"a":1}'), owner="ann")
    assert house.do(house.crons.count, "", CronQuery(metadata='{"a":1}')) == 0
    assert house.do(house.crons.count, "ann", CronQuery(metadata='{"a":1}')) == 1


@ON_SQLITE
def test_how_many_have_a_label_is_not_counted_but_known(house: House) -> None:
    house.cron(cron_draft(metadata='{"a":1,"b":1}'))
    gone = house.cron(cron_draft(metadata='{"a":1,"b":2}'))
    house.sql("UPDATE label_counts SET crons = crons + 40")
    house.do(house.crons.delete, "", gone.cron_id)
    wanted = {'{"a":1}': 41, '{"b":1}': 41, '{"b":2}': 40, '{"c":1}': 0, '{"a":1,"b":1}': 1}
    found = {metadata: house.do(house.crons.count, "", CronQuery(metadata=metadata)) for metadata in wanted}
    assert found == wanted


@ON_SQLITE
def test_a_label_that_no_cron_has_any_more_is_not_kept_count_of(house: House) -> None:
    house.do(house.crons.delete, "", house.cron(cron_draft(metadata='{"a":1,"b":1}')).cron_id)
    assert house.do(lambda tx: tx.threads._connection.execute("SELECT * FROM label_counts")) == []


@ON_SQLITE
@pytest.mark.parametrize("metadata", ['{"team":"night"}', '{"team":"night","number":1}', '{"team":"night","in":[1]}'])
def test_a_page_is_a_piece_of_the_labels_and_only_it_is_sorted(house: House, metadata: str) -> None:
    def plan(tx: Transaction) -> list[str]:
        connection = tx.crons._connection  # type: ignore[attr-defined]
        values = cron_search._values(connection, "", CronQuery(metadata=metadata))
        sql = cron_search._PAGE.of((tuple(values), True)).sql(connection.engine)
        return [step for *_, step in connection._fetched(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))]

    steps = house.database.read_now(plan)
    cut = steps.index("SCAN page")
    assert steps[:2] == ["MATERIALIZE page", "SEARCH t2 USING PRIMARY KEY (owner=? AND label=?)"]
    assert not any(word in str(steps[:cut]) for word in ("SCAN", "TEMP B-TREE"))
    crons = "SEARCH t1 USING INDEX sqlite_autoindex_crons_1 (cron_id=?)"
    assert steps[cut:] == ["SCAN page", crons, "USE TEMP B-TREE FOR ORDER BY"]
