"""Whether the triggers that protect the ledger of events are there, and do what they should."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, create_engine, text

from triage.store.schema import migrate


def guard_problems(connection: Connection) -> list[str]:
    """Compare the triggers with those that the migrations make; one line a difference."""
    if connection.dialect.name == "sqlite":
        there, wanted = _sqlite_triggers(connection), _wanted_on_sqlite()
    else:
        there, wanted = _postgresql_triggers(connection), _WANTED_ON_POSTGRESQL
    problems = [
        f"The trigger {name}, which refuses changes of events, is "
        f"{'altered' if name in there else 'missing'}. Compare the events with a backup, and "
        "restore it if they differ."
        for name in wanted
        if there.get(name) != wanted[name]
    ]
    strange = [f"There is a trigger that is not ours: {name}." for name in there.keys() - wanted]
    return [*problems, *sorted(strange)]


def _sqlite_triggers(connection: Connection) -> dict[str, str]:
    query = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    return {str(row.name): str(row.sql) for row in connection.execute(query)}


@cache
def _wanted_on_sqlite() -> dict[str, str]:
    engine = create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            migrate(connection)
            return _sqlite_triggers(connection)
    finally:
        engine.dispose()


_WANTED_ON_POSTGRESQL = {
    "event_append_only": (
        "event 58 O  refuse_event_change plpgsql BEGIN "
        "RAISE EXCEPTION 'events are append-only'; END"
    ),
    "event_in_order": (
        "event 7 O  refuse_event_out_of_order plpgsql BEGIN IF NEW.id IS DISTINCT FROM "
        "(SELECT coalesce(max(id), 0) + 1 FROM event) THEN "
        "RAISE EXCEPTION 'events are append-only'; END IF; RETURN NEW; END"
    ),
}
"""Name to its table, what fires it (`pg_trigger.tgtype`: 58 is a statement of UPDATE, DELETE or
TRUNCATE, 7 a row before INSERT), whether it is enabled (O: it is), the columns it is limited to
(none), its function, the settings of that (none), its language, and what it does.
"""


def _postgresql_triggers(connection: Connection) -> dict[str, str]:
    query = text(
        "SELECT t.tgname, c.relname || ' ' || t.tgtype || coalesce(' WHEN ' || t.tgqual::text, '') "
        "|| ' ' || t.tgenabled::text || ' ' || t.tgattr::text || ' ' || p.proname "
        "|| coalesce(' ' || p.proconfig::text, '') || ' ' || l.lanname || ' ' || trim(p.prosrc) "
        "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
        "JOIN pg_language l ON l.oid = p.prolang "
        "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
    )
    return {str(row[0]): str(row[1]) for row in connection.execute(query)}
