"""A database of cases with known truth, whose system is often wrong on one skin type; a plan."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tests.store.make import bundle, case, opinion, ranked
from tests.ui.make_accounts import account
from tests.ui.make_audits import write_plan
from tests.ui.make_cases import draw_photograph
from triage.accounts import Role
from triage.auditing.audit_plan import (
    AuditPlan,
    Axis,
    IntervalSettings,
    Limit,
    PlannedCondition,
    SkinTone,
)
from triage.store import (
    LabelSource,
    add_case,
    add_label,
    add_prediction,
    open_store,
    register_bundle,
    set_champion,
)
from triage.vocabulary.clinical import Urgency

URGENCIES = {"melanoma": Urgency.URGENT, "acne": Urgency.ROUTINE}
WRONG_ON = "V"
"""The skin type of whose cases every second one is named wrongly; of all others none is."""
CASES_A_TYPE = 60


def fill_labelled(folder: Path, password: str | None = None) -> str:
    """Make the database and an account of Gus, in governance; return its URL."""
    url = f"sqlite:///{folder / 'labelled.db'}"
    picture = draw_photograph(folder / "one.png", seed=0)
    names = list(URGENCIES)
    draw = np.random.default_rng(2)
    store = open_store(url, create=True)
    with store.transaction() as session:
        system = register_bundle(session, bundle(conditions=tuple(names)))
        set_champion(session, system)
        for at in range(2 * CASES_A_TYPE):
            skin_type = ("II", WRONG_ON)[at % 2]
            truth = int(draw.integers(2))
            wrong = skin_type == WRONG_ON and at % 4 == 1
            said, other = names[truth ^ wrong], names[1 - (truth ^ wrong)]
            record = case(
                f"case-{at}",
                images=(picture,),
                patient=f"P-{at}",
                groups={"skin_type": skin_type},
            )
            number = add_case(session, record)
            decision = opinion(
                URGENCIES[said],
                condition=said,
                p_condition=0.8,
                differential=ranked((said, 0.8), (other, 0.2)),
            )
            add_prediction(session, number, system, decision)
            add_label(
                session,
                number,
                names[truth],
                LabelSource.HISTOLOGY,
                given_by="Pathology",
                ai_visible=False,
            )
    account(store, "Gus", Role.GOVERNANCE, password=password)
    store.close()
    return url


def write_labelled_plan(folder: Path) -> Path:
    """Write a plan for the database: accuracy of at least 75 % in every skin type."""
    plan = AuditPlan(
        title="Is any skin type left behind?",
        source="Board of the clinic",
        created_at=datetime(2025, 6, 2, 12, tzinfo=UTC),
        system="Demo skin system",
        conditions=tuple(PlannedCondition(name=k, urgency=v) for k, v in URGENCIES.items()),
        axes=(
            Axis(
                name="skin_type",
                column="skin_type",
                skin_tone=SkinTone(scale="fitzpatrick", method="one clinician", raters=1),
            ),
        ),
        metrics=("accuracy",),
        limits=(Limit(metric="accuracy", at_least=0.75),),
        intervals=IntervalSettings(replicates=100),
    )
    return write_plan(folder, "skin-types.yaml", plan)
