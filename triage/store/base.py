"""What all tables share: constraint names, UTC timestamps, checks of a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import CheckConstraint, DateTime, Dialect, Double, MetaData
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept and given back in UTC on every database.

    SQLite has no time zones: it keeps the UTC wall time. A naive datetime is
    refused, because nobody can say later which zone it meant.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware datetime into what the database keeps.

        Raises
        ------
        ValueError
            If the datetime has no time zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("timestamps need a time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Declarative base; every constraint has a name, so migrations can refer to it."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, float: Double}  # noqa: RUF012  (SQLAlchemy's own class setting)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """Return a check that a column holds one of some fixed words (or NULL)."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


def utc_now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)
