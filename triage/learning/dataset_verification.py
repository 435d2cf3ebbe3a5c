"""A version of a data set compared with the spec's data and the case database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.data.dataset import load_dataset
from triage.data.spec import DataSpec
from triage.dataset_versions.leaks import HELD_OUT
from triage.dataset_versions.snapshot import consents_of_store, latest_version
from triage.dataset_versions.stored_versions import frozen_problem, trained_keys
from triage.dataset_versions.verify import (
    VersionCheck,
    cases_of_store,
    cases_of_table,
    verify_version,
)
from triage.dataset_versions.version import DatasetVersion
from triage.hashing import hash_json
from triage.progress import Progress
from triage.store import Store
from triage.store.tables import Bundle


def verify_data(
    version: DatasetVersion,
    spec: DataSpec,
    root: Path,
    store: Store | None = None,
    *,
    progress: Progress = lambda *_: None,
) -> VersionCheck:
    """Compare a version with the data as they are now.

    Parameters
    ----------
    version : DatasetVersion
    spec : DataSpec
    root : Path
    store : Store, optional
        For reviewed cases, withdrawn consents, the frozen set and what bundles were trained on.
    progress : Progress

    Raises
    ------
    SpecError
        If the data do not fit the spec.
    """
    own = cases_of_table(load_dataset(spec, root, for_training=False))
    findings = []
    if hash_json(spec.model_dump(mode="json")) != version.spec_hash:
        findings.append("the data spec is not the one that the version was taken with")
    if store is None:
        found = verify_version(version, own, own=own, progress=progress)
    else:
        with store.reading() as session:
            present = cases_of_store(session) | own
            withdrawn = consents_of_store(session)
            findings += _of_store(session, version)
        found = verify_version(version, present, withdrawn=withdrawn, own=own, progress=progress)
    return found.model_copy(update={"findings": (*findings, *found.findings)})


def _of_store(session: Session, version: DatasetVersion) -> list[str]:
    findings = []
    newest = latest_version(session, version.spec_name)
    if newest is not None and newest.root == version.root:
        problem = frozen_problem(session, version)
        findings += [problem] if problem else []
    for digest, alias in session.execute(
        select(Bundle.digest, Bundle.alias).where(Bundle.alias.is_not(None)).order_by(Bundle.id)
    ):
        trained = trained_keys(session, digest)
        if count := sum(member.case_key in trained for member in version.of_split(*HELD_OUT)):
            findings.append(f"leak: the {alias} was trained on {count} cases that are held out")
    return findings
