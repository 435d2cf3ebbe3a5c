"""Databases of earlier migrations, with rows as that version of the software wrote them."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event, make_url, text

from tests.store.make import NOON
from triage.store.engine import _prepare_sqlite
from triage.store.schema import _MIGRATIONS


def make_older(
    url: str,
    revision: str,
    patients: Sequence[str] = ("p",),
    cases: Sequence[tuple[str, str, int]] = (("clinic", "c1", 1),),
) -> None:
    """Make a database at a migration before 0005, with cases that one bundle has scored.

    Parameters
    ----------
    patients : sequence of str
        Their names; numbered from 1.
    cases : sequence of (source, name, number of the patient)
    """
    engine = create_engine(make_url(url.replace("postgresql:", "postgresql+psycopg:")))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

        def run(statement: str, **values: object) -> None:
            connection.execute(text(statement), {"at": NOON.replace(tzinfo=None)} | values)

        for name in patients:
            connection.execute(text("INSERT INTO patient (external_id) VALUES (:n)"), {"n": name})
        run(
            "INSERT INTO bundle (digest, name, path, conditions, created_at) "
            "VALUES ('d', 'first', 'p', '[]', :at)"
        )
        for number, (source, name, patient) in enumerate(cases, start=1):
            run(
                'INSERT INTO "case" (external_id, source, patient_id, groups, received_at, '
                "state) VALUES (:name, :source, :patient, '{}', :at, 'scored')",
                name=name, source=source, patient=patient,
            )  # fmt: skip
            run(
                "INSERT INTO prediction (case_id, bundle_id, differential, recommendation, "
                "queue_urgency, reason, next_action, created_at) "
                "VALUES (:case, 1, '[]', 'urgent', 'urgent', '', '', :at)",
                case=number,
            )
            run(
                "INSERT INTO event (at, actor, kind, case_id, payload) "
                "VALUES (:at, 'system', 'case_received', :case, '{}')",
                case=number,
            )
    engine.dispose()
