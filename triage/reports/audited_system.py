"""What is known of an audited system: from its plan, its cases, and its bundle's manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import exists, select

from triage.auditing.audit_plan import UNKNOWN_STATEMENT, AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.decisions.policy import Policy
from triage.errors import BundleError, UsageError
from triage.hashing import hash_bytes
from triage.named_file import MAX_JSON_BYTES, read_named
from triage.reports.audit_report import SystemFacts
from triage.store import Store
from triage.store.bundle_manifest import bundle_manifest, manifest_in
from triage.store.tables import Bundle

_POLICY = "policy.json"


def system_name(plan: AuditPlan, digest: str | None) -> str:
    """Return how a report names a system: as the plan does, else by its bundle's digest."""
    return plan.system or (f"bundle {digest[:12]}" if digest else UNKNOWN_STATEMENT)


def system_facts(
    plan: AuditPlan, table: AuditTable, store: Store | None, folder: Path | None
) -> tuple[SystemFacts, list[str]]:
    """Return what is known of the audited system, and what the report has to say of it.

    The manifest is that in the folder, else that of the bundle that the store has registered.

    Parameters
    ----------
    plan : AuditPlan
    table : AuditTable
    store : Store, optional
    folder : Path, optional
        The bundle; its manifest has to be the one whose predictions are audited.

    Raises
    ------
    BundleError
        If the manifest in the folder cannot be read or was altered.
    UsageError
        If it is that of another bundle.
    """
    digest = table.facts.get("bundle") or plan.bundle
    manifest: dict[str, Any] | None = None
    notes: list[str] = []
    if folder is not None:
        manifest, found = manifest_in(folder)
        if digest is not None and found != digest:
            raise UsageError(
                f"is the bundle {found[:12]}, the audited one is {digest[:12]}",
                where=str(folder),
                hint="Name the folder of the bundle that made the predictions.",
            )
        digest = found
    elif store is not None and digest is not None:
        manifest, notes = _registered(store, digest)
    stated = {key: str(value) for key, value in (manifest or {}).items() if value is not None}
    facts = SystemFacts(
        name=system_name(plan, digest),
        version=stated.get("created_at"),
        intended_use=stated.get("intended_use"),
        bundle=digest,
        facts=table.facts,
        manifest=manifest,
    )
    return facts, notes


def policy_in(folder: Path) -> Policy:
    """Return the policy of the bundle in a folder, checked by the hash in its manifest.

    Raises
    ------
    BundleError
        If the manifest or the policy cannot be read or was altered.
    """
    manifest, _ = manifest_in(folder)
    place = folder / _POLICY
    content = read_named(place, "policy of a bundle", BundleError, MAX_JSON_BYTES)
    try:
        if hash_bytes(content) == manifest["files"][_POLICY]:
            return Policy.model_validate_json(content)
    except (LookupError, TypeError, ValueError):
        pass
    raise BundleError(
        "The policy was altered: it is not the one that the manifest lists.",
        where=str(place),
        hint="Restore the bundle from a backup.",
    )


def _registered(store: Store, digest: str) -> tuple[dict[str, Any] | None, list[str]]:
    """The manifest of a bundle that scored cases; a table may be that of another system."""
    with store.reading() as session:
        if not session.scalar(select(exists().where(Bundle.digest == digest))):
            return None, []
        try:
            return bundle_manifest(session, digest), []
        except BundleError as error:
            return None, [f"The report has no model card of the bundle: {error.what}"]
