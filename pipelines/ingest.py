"""Scored cases into the case database; repeating it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from triage.data.clinical import ABSTAINED_PRIORITY, NO_AI_OPINION, Urgency
from triage.data.manifest import UNKNOWN, Case
from triage.decisions.reasons import AbstainReason
from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_file
from triage.store import (
    BundleRecord,
    CaseRecord,
    ImageRecord,
    PredictionRecord,
    Store,
    add_case,
    add_prediction,
    champion,
    register_bundle,
    set_champion,
)
from triage.systems.manifest import BundleManifest
from triage.systems.scored import Scored

CHUNK = 200
_ABSTAIN = {
    RejectReason.WRONG_MODALITY: AbstainReason.WRONG_MODALITY,
    RejectReason.NOT_A_VOLUME: AbstainReason.WRONG_MODALITY,
    RejectReason.NO_SCALE: AbstainReason.MISSING_METADATA,
}
"""Why there is no opinion on a file that was refused; by default it is not good enough."""


def ingest(
    store: Store,
    cases: Sequence[Case],
    scored: Scored,
    manifest: BundleManifest,
    *,
    bundle: Path,
    root: Path,
    source: str,
) -> int:
    """Store cases and what a bundle said of them, rejected cases too.

    A case whose images could not be read waits for a person like any abstention: nothing
    that arrives is lost.

    Parameters
    ----------
    store : Store
    cases : sequence of Case
    scored : Scored
        Of those cases.
    manifest : BundleManifest
    bundle, root : Path
        Where the bundle and the images lie.
    source : str
        Names where the cases come from; the same case of the same source is stored once.

    Returns
    -------
    int
        Cases in the store from this call.
    """
    received = datetime.now(UTC)
    table = scored.predictions
    decisions = table.decisions if table.decisions is not None else pd.DataFrame()
    by_case = dict(zip(table.cases["case_id"], decisions.to_dict("records"), strict=True))
    with store.transaction() as session:
        number = register_bundle(session, bundle_record(manifest, bundle))
        if champion(session) is None:
            set_champion(session, number)
    # SQLite has one writer: short transactions let a reader's work in between.
    for chunk in (cases[start : start + CHUNK] for start in range(0, len(cases), CHUNK)):
        with store.transaction() as session:
            for case in chunk:
                if case.case_id in by_case:
                    record = _opinion(by_case[case.case_id])
                else:
                    record = _unreadable(scored.rejected[case.case_id])
                case_number = add_case(session, _case(case, root, source, received))
                add_prediction(session, case_number, number, record)
    return len(cases)


def bundle_record(manifest: BundleManifest, bundle: Path) -> BundleRecord:
    """Describe a bundle to the store, with every condition a reader may want to name."""
    roles = manifest.roles
    return BundleRecord(
        digest=manifest.digest(),
        name=manifest.name,
        path=str(bundle.resolve()),
        conditions=(*roles.inliers, *roles.train, *roles.validation, *roles.test),
    )


def _case(case: Case, root: Path, source: str, received: datetime) -> CaseRecord:
    return CaseRecord(
        external_id=case.case_id,
        source=source,
        patient=case.patient_id,
        images=tuple(_image(path, root) for path in case.images),
        groups={
            axis: None if level == UNKNOWN else level for axis, level in case.subgroups.items()
        },
        received_at=received,
    )


def _image(path: Path, root: Path) -> ImageRecord:
    return ImageRecord(
        path=str(path.relative_to(root)),
        root=str(root.resolve()),
        sha256=_content_hash(path),
    )


def _content_hash(path: Path) -> str | None:
    try:
        return hash_file(path)
    except (OSError, ValueError):  # missing, forbidden, or no name of a file
        return None


def _opinion(row: dict[str, object]) -> PredictionRecord:
    code = str(row["reason_code"])
    return PredictionRecord(
        recommendation=str(row["recommendation"]),
        queue_urgency=Urgency(str(row["queue_urgency"])),
        condition=str(row["condition"]),
        p_condition=float(str(row["p_condition"])),
        p_outlier=float(str(row["p_outlier"])),
        differential=tuple(
            (item["condition"], item["probability"])
            for item in json.loads(str(row["differential"]))
        ),
        reason_code=AbstainReason(code) if code else None,
        reason=str(row["reason"]),
        next_action=str(row["next_action"]),
        expected_cost=float(str(row["expected_cost"])),
    )


def _unreadable(error: ImageRejected) -> PredictionRecord:
    code = _ABSTAIN.get(error.reason, AbstainReason.QUALITY)
    return PredictionRecord(
        recommendation=NO_AI_OPINION,
        queue_urgency=ABSTAINED_PRIORITY,
        reason_code=code,
        reason=f"{code.sentence} {error.what}",
        next_action=code.next_action,
    )
