"""Withdrawal of a patient's data, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.dataset_versions.deletion import (
    Deletion,
    OwnPlaces,
    delete_patient,
    plan_deletion,
)
from triage.dataset_versions.patients import find_patient
from triage.dataset_versions.withdrawal import Withdrawal, plan_withdrawal, withdraw_consent
from triage.store import Store
from triage.store.tables import Patient


@dataclass(frozen=True, slots=True)
class WithdrawalDone:
    """What was done, or of a dry run would be; `deletion` is None where none was asked for."""

    dry_run: bool
    withdrawal: Withdrawal
    deletion: Deletion | None

    def as_json(self) -> dict[str, Any]:
        """Return its fields as plain JSON types; they name no identifier."""
        return {
            "dry_run": self.dry_run,
            "withdrawal": self.withdrawal.as_json(),
            "deletion": None if self.deletion is None else self.deletion.as_json(),
        }


def withdraw(
    store: Store,
    *,
    actor: str,
    patient: str | None = None,
    case: str | None = None,
    source: str | None = None,
    delete: bool = False,
    places: OwnPlaces | None = None,
    dry_run: bool = False,
) -> WithdrawalDone:
    """Withdraw the consent of a patient, and delete what is stored of them if asked for.

    Both again change nothing.

    Parameters
    ----------
    store : Store
    actor : str
        Whose permission was checked.
    patient, case, source : str, optional
        See `triage.dataset_versions.patients.find_patient`.
    delete : bool
    places : OwnPlaces, optional
        Folders of the software from which files are deleted.
    dry_run : bool
        Only say what would be done.

    Raises
    ------
    UsageError
        If nobody has the identifier, several sources have it, or a file cannot be removed.
    """
    own = places or OwnPlaces()

    def work(session: Session) -> WithdrawalDone:
        found = find_patient(session, patient=patient, case=case, source=source)
        if dry_run:
            deletion = plan_deletion(session, found, own) if delete else None
            return WithdrawalDone(True, plan_withdrawal(session, found), deletion)
        if found.row is not None:  # of two at once the second waits, and finds it done
            session.execute(select(Patient.id).where(Patient.id == found.row).with_for_update())
            session.expire_all()
            found = find_patient(session, patient=patient, case=case, source=source)
        withdrawal = withdraw_consent(session, found, actor=actor)
        deletion = delete_patient(session, found, own, actor=actor) if delete else None
        return WithdrawalDone(False, withdrawal, deletion)

    if dry_run:
        with store.reading() as session:
            return work(session)
    return store.write(work)
