"""A last guard over threads, for several servers on one database; and for PostgreSQL what Python does for SQLite."""

from __future__ import annotations

from typing import Any

from peewee import SQL, Model, PostgresqlDatabase, TextField


class RunTable(Model):
    """The columns of the index, as they were at this migration."""

    thread_id = TextField()
    status = TextField()

    class Meta:
        table_name = "runs"


# jsonb holds no NUL and no half of a surrogate pair: stand-ins take their places. Once every escaped backslash is
# written in another way, each backslash that is left begins an escape.
CASTABLE = r"""
CREATE FUNCTION cronlane_castable(document text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT regexp_replace(
        regexp_replace(
            replace(replace(document, '\\', '\u005c'), '\u0000', '\uffff'),
            '\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f][0-9a-f]{2})', '\\ufffd', 'gi'
        ),
        '(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2}', '\\ufffd', 'gi'
    )
$$"""
# Objects by containment, lists and scalars by equality.
MATCHES = """
CREATE FUNCTION cronlane_matches(document jsonb, pattern jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF jsonb_typeof(pattern) <> 'object' THEN
        RETURN document = pattern;
    END IF;
    RETURN jsonb_typeof(document) = 'object' AND NOT EXISTS (
        SELECT FROM jsonb_each(pattern) AS wanted
        WHERE cronlane_matches(document -> wanted.key, wanted.value) IS NOT TRUE
    );
END
$$"""
# One document that cannot be read must not spoil a search.
CONTAINS = """
CREATE FUNCTION cronlane_contains(document text, pattern jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(cronlane_matches(document::jsonb, pattern), false);
EXCEPTION WHEN data_exception OR statement_too_complex THEN
    BEGIN
        RETURN cronlane_matches(cronlane_castable(document)::jsonb, pattern);
    EXCEPTION WHEN data_exception OR statement_too_complex THEN
        RETURN false;
    END;
END
$$"""
# In every locale what Python's casefold makes of a text: one for one, and then the characters that become several.
FOLD = """
CREATE FUNCTION cronlane_fold(letters text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    folded text := translate(letters, '{upper}', '{lower}');
BEGIN
    IF octet_length(folded) > length(folded) THEN
{several}
    END IF;
    RETURN folded;
END
$$"""

# Checkpoints are written only by the attempt that holds the run, and none other takes it meanwhile.
FENCE = """
CREATE FUNCTION cronlane_fence(run text, holder bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM runs WHERE run_id = run AND attempt = holder AND status = 'running' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the run % is not held by attempt %', run, holder USING ERRCODE = 'CL001';
    END IF;
END
$$"""


def fold() -> str:
    changed = [(chr(code), chr(code).casefold()) for code in range(0x20000)]
    changed = [(letter, folded) for letter, folded in changed if letter != folded]
    single = [(letter, folded) for letter, folded in changed if len(folded) == 1]
    several = [
        f"        folded := replace(folded, '{letter}', '{folded}');" for letter, folded in changed if len(folded) > 1
    ]
    return FOLD.format(
        upper="".join(letter for letter, _ in single),
        lower="".join(folded for _, folded in single),
        several="\n".join(several),
    )


def up(migrator: Any, db: Any) -> None:
    running = SQL("'running'")
    with db.bind_ctx([RunTable]):
        index = RunTable.index(
            RunTable.thread_id, name="runs_one_running", unique=True, where=(RunTable.status == running)
        )
        db.execute(index)
    if isinstance(db, PostgresqlDatabase):
        for function in (CASTABLE, MATCHES, CONTAINS, fold(), FENCE):
            db.execute_sql(function)  # type: ignore[no-untyped-call]
