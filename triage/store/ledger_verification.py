"""Verification of a database's ledger: its chain, its checkpoints, its guards and the facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.orm import Session

from triage.errors import StoreError
from triage.ledger.checkpoints import CheckpointFile, read_checkpoints
from triage.ledger.findings import FindingKind, Findings
from triage.ledger.keys import read_trusted_keys
from triage.ledger.verification import CLOCK_TOLERANCE_S, ChainVerification, verify_chain
from triage.store.chain_rows import chain_rows
from triage.store.database_errors import errors_told
from triage.store.event_guards import guard_problems
from triage.store.fact_checks.registered import FACT_CHECKS, FactCheck
from triage.store.location import resolve_url, shown_url
from triage.store.read_connection import DamagedFile, read_connection
from triage.store.schema import Schema, schema_of


@dataclass(frozen=True)
class LedgerVerification:
    """What was found of a database's ledger.

    Parameters
    ----------
    place : str
        Its URL, passwords masked.
    chain : ChainVerification
        With the findings of all checks.
    """

    place: str
    chain: ChainVerification

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return self.chain.intact


def verify_ledger(
    url: str | None = None,
    *,
    checkpoints: Path | None = None,
    trusted_keys: Path | None = None,
    facts: bool = True,
    clock_tolerance_s: float | None = CLOCK_TOLERANCE_S,
) -> LedgerVerification:
    """Verify the ledger of a database; nothing in it is changed.

    Parameters
    ----------
    url : str, optional
        As for `triage.store.open_store`.
    checkpoints : Path, optional
        File of checkpoints. Without it some attacks cannot be seen; the result names them.
    trusted_keys : Path, optional
        File of public keys, one a line; without it the key of the first checkpoint is trusted.
    facts : bool
        Whether to compare the tables with the events.
    clock_tolerance_s : float or None
        By how many seconds an event may be before its predecessor; None for any.

    Raises
    ------
    StoreError
        If there is no database of this version, or it cannot be read.
    LedgerError
        If the checkpoints or the keys cannot be read.
    """
    keys = None if trusted_keys is None else read_trusted_keys(trusted_keys)
    file = None if checkpoints is None else read_checkpoints(checkpoints)
    resolved = resolve_url(url)
    place = shown_url(resolved)
    try:
        with errors_told(resolved), read_connection(resolved) as connection:
            state = schema_of(connection)
            if state.state is not Schema.CURRENT:
                raise state.refusal(place)
            chain = _verify(connection, file, keys, facts, clock_tolerance_s)
    except DamagedFile as error:
        raise StoreError(
            f"The file is damaged, or is no SQLite database: {error}.",
            where=place,
            hint="Restore a backup.",
        ) from error
    return LedgerVerification(place, chain)


def _verify(
    connection: Connection,
    file: CheckpointFile | None,
    keys: frozenset[str] | None,
    facts: bool,
    clock_tolerance_s: float | None,
) -> ChainVerification:
    findings = Findings()
    chain = verify_chain(
        _readable(chain_rows(connection), findings),
        file,
        trusted_keys=keys,
        findings=findings,
        clock_tolerance_s=clock_tolerance_s,
    )
    findings.extend(FindingKind.GUARDS, guard_problems(connection))
    if facts:
        with Session(bind=connection) as session:
            for check in FACT_CHECKS:
                _check_facts(check, session, findings)
    counts = {kind.value: count for kind, count in findings.counts.items()}
    return replace(chain, findings=findings.listed(), counts=counts)


def _check_facts(check: FactCheck, session: Session, findings: Findings) -> None:
    try:
        findings.extend(FindingKind.FACT, (f"{line}." for line in check(session)))
    except (ValueError, TypeError, LookupError, AttributeError, DataError) as error:
        # Of values that the software does not write, such as a time that is none.
        name = check.__name__.removesuffix("_findings")
        findings.add(
            FindingKind.FACT,
            f"{name}: a table holds a value that is none of its type ({type(error).__name__}).",
        )


def _readable(rows: Iterator[tuple[Any, ...]], findings: Findings) -> Iterator[tuple[Any, ...]]:
    """Yield rows up to one that the database cannot give back as text."""
    last = 0
    try:
        for row in rows:
            yield row
            last = row[0]
    except OperationalError as error:
        if "decode" not in str(error.orig):
            raise
        findings.add(
            FindingKind.UNREADABLE,
            f"The events after {last} cannot be read: one of them holds what is no text.",
        )
