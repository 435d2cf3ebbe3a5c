"""The export of a report: a deterministic zip with a manifest and a detached signature.

The archive has no verifier in it, since one from the same hands as the archive proves nothing;
`verify_report.py` is its own file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.errors import UsageError
from triage.hashing import hash_bytes
from triage.ledger.canonical import canonical_text
from triage.ledger.keys import SigningKey
from triage.reports.audit_report import AuditReport
from triage.reports.comparison_report import ComparisonReport
from triage.reports.verify_report import MANIFEST, MANIFEST_SCHEMA, SIGNATURE, build_archive


def make_archive(
    files: Mapping[str, bytes],
    report: AuditReport | ComparisonReport,
    key: SigningKey | None = None,
) -> bytes:
    """Return the archive: the files, `manifest.json` and, with a key, `manifest.sig`.

    The same files, report and key give the same bytes (Ed25519 signatures are deterministic,
    RFC 8032). Members are stored without compression, since compressors of different builds write
    different bytes.

    Parameters
    ----------
    files : mapping
        Name to content, from `render_all` or `render_comparison`.
    report : AuditReport or ComparisonReport
        The report that the files show.
    key : SigningKey, optional
        Signs the manifest; an archive without a signature does not verify.

    Raises
    ------
    UsageError
        If a name is not allowed in an archive, or the content is too large.
    """
    manifest = canonical_text(_manifest(files, report, key)).encode()
    members = {**files, MANIFEST: manifest}
    if key is not None:
        members[SIGNATURE] = key.private.sign(manifest)
    try:
        return build_archive(members)
    except ValueError as error:
        raise UsageError(
            f"{error}",
            where="archive",
            hint="Names are letters, digits, _, - and dots, in folders divided by /.",
        ) from error


def _manifest(
    files: Mapping[str, bytes], report: AuditReport | ComparisonReport, key: SigningKey | None
) -> dict[str, Any]:
    return {
        "schema_version": MANIFEST_SCHEMA,
        "report_id": report.report_id,
        "title": report.title,
        "kind": _kind(report),
        "date": report.generated_at,
        "plan_sha256": report.plan_sha256,
        "bundle": report.bundle,
        "code_version": report.code_version,
        "facts": report.facts,
        "ledger": report.registration.model_dump(mode="json"),
        "public_key_id": None if key is None else key.id,
        "members": {
            name: {"sha256": hash_bytes(content), "size": len(content)}
            for name, content in files.items()
        },
    }


def _kind(report: AuditReport | ComparisonReport) -> str:
    if isinstance(report, ComparisonReport):
        return "comparison"
    return "public" if report.public else "full"
