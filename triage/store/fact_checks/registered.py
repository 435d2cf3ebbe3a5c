"""The checks that `triage.store.verify_ledger` runs on the tables."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from triage.store.fact_checks.accounts import account_findings
from triage.store.fact_checks.cases import case_findings
from triage.store.fact_checks.dataset_versions import dataset_findings
from triage.store.fact_checks.events import event_findings
from triage.store.fact_checks.gate_runs import gate_run_findings
from triage.store.fact_checks.label_requests import label_request_findings
from triage.store.fact_checks.labels import label_findings
from triage.store.fact_checks.monitoring import monitoring_findings
from triage.store.fact_checks.patients import patient_findings
from triage.store.fact_checks.predictions import prediction_findings
from triage.store.fact_checks.references import reference_findings
from triage.store.fact_checks.reviews import review_findings
from triage.store.fact_checks.settings import (
    bundle_findings,
    planted_findings,
    policy_findings,
    promotion_findings,
)
from triage.store.fact_checks.shadow_predictions import shadow_findings
from triage.store.fact_checks.training_runs import training_run_findings
from triage.store.fact_checks.worklist_order import order_findings

FactCheck = Callable[[Session], list[str]]
"""Returns one line for each fact that does not follow from the events; it changes nothing. The
session reads one consistent state. Lines name rows and columns, not what stands in them."""

FACT_CHECKS: tuple[FactCheck, ...] = (
    event_findings,
    reference_findings,
    case_findings,
    prediction_findings,
    label_findings,
    label_request_findings,
    review_findings,
    account_findings,
    bundle_findings,
    promotion_findings,
    policy_findings,
    planted_findings,
    gate_run_findings,
    training_run_findings,
    shadow_findings,
    order_findings,
    patient_findings,
    dataset_findings,
    monitoring_findings,
)
