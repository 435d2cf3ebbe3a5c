from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Column, inspect, text

from tests.readers import lock, reader
from tests.store.make import scored
from triage.errors import StoreError
from triage.review import reveal
from triage.store import Store
from triage.store.tables import Base


def json_defaults_differ(
    _context: Any, _found: Any, column: Column[Any], found: str | None, _default: Any, wanted: str
) -> bool | None:
    """Compare the defaults of JSON columns as text, since PostgreSQL cannot compare JSON."""
    if not isinstance(column.type, JSON):
        return None  # as Alembic does
    return (found or "").removesuffix("::json").strip("'") != wanted.strip("'")


def test_migrations_make_exactly_the_tables_of_the_code(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "compare_server_default": json_defaults_differ},
        )
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_make_exactly_the_checks_of_the_code(store: Store) -> None:
    """Alembic does not compare checks, so compare their names."""
    inspector = inspect(store.engine)
    for name, table in Base.metadata.tables.items():
        wanted = {
            str(constraint.name)
            for constraint in table.constraints
            if type(constraint).__name__ == "CheckConstraint"
        }
        made = {check["name"] for check in inspector.get_check_constraints(name)}
        assert {
            f"ck_{name}_{check}" if not check.startswith("ck_") else check for check in wanted
        } == made


def test_every_foreign_key_restricts(store: Store) -> None:
    inspector = inspect(store.engine)
    keys = [key for name in Base.metadata.tables for key in inspector.get_foreign_keys(name)]
    assert len(keys) == 40
    assert {key["options"]["ondelete"] for key in keys} == {"RESTRICT"}
    assert all(key["name"].startswith("fk_") for key in keys)


@pytest.mark.parametrize("table", ["patient", "case", "bundle", "prediction"])
def test_nothing_referred_to_can_be_deleted(store: Store, table: str) -> None:
    number = scored(store)
    lock(store, number)
    reveal(store, number, reader())
    with pytest.raises(StoreError), store.transaction() as session:
        session.execute(text(f'DELETE FROM "{table}"'))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE prediction SET queue_urgency = 'whenever'",
        "UPDATE prediction SET recommendation = 'no_ai_opinion'",
        "UPDATE prediction SET reason_code = 'A4'",
        "UPDATE prediction SET recommendation = 'no_ai_opinion', reason_code = 'A4', "
        "queue_urgency = 'routine'",
        "UPDATE bundle SET alias = 'champion'",
    ],
)
def test_the_database_itself_refuses_contradictions(store: Store, statement: str) -> None:
    scored(store)
    with store.transaction() as session:
        session.execute(
            text(
                "INSERT INTO bundle (digest, name, path, conditions, created_at) "
                "VALUES ('e', 'n', 'p', '[]', '2025-01-01 00:00:00')"
            )
        )
    with pytest.raises(StoreError), store.transaction() as session:
        session.execute(text(statement))
