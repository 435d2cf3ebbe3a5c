"""All figures that follow from the record of reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from triage.accounts import Action, Actor
from triage.accounts.store_permission import require_for
from triage.data.spec import DataSpec
from triage.review.figures.active_time import ActiveTime, active_time
from triage.review.figures.agreement import AgreementFigures, agreement
from triage.review.figures.arms import Arms, arms
from triage.review.figures.overrides import Overrides, overrides
from triage.review.figures.reviewed_cases import reviewed_cases
from triage.review.figures.second_reads import (
    Adjudications,
    SecondReads,
    adjudications,
    second_reads,
)
from triage.review.figures.switches import Switches, switches
from triage.review.figures.time_to_decision import TimeToDecision, time_to_decision
from triage.review.figures.under_call import UnderCall, under_call
from triage.store import Store
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.review_policies import ReadingMode

FORMAT = "triage-review-figures-1"


@dataclass(frozen=True, slots=True)
class ReviewFigures:
    """What readers and the AI did together; over cases, never by reader, and no planted ones.

    Parameters
    ----------
    opened, decided : int
        Cases.
    arms : Arms
    active_time : mapping of ReadingMode to ActiveTime
    time_to_decision : mapping of Urgency to TimeToDecision
    overrides : Overrides
    switches : Switches
    under_call : UnderCall
    second_reads : SecondReads
    adjudications : Adjudications
    agreement : AgreementFigures
    """

    opened: int
    decided: int
    arms: Arms
    active_time: Mapping[ReadingMode, ActiveTime]
    time_to_decision: Mapping[Urgency, TimeToDecision]
    overrides: Overrides
    switches: Switches
    under_call: UnderCall
    second_reads: SecondReads
    adjudications: Adjudications
    agreement: AgreementFigures

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types; None is what cannot be said."""
        plain: dict[str, Any] = _plain(asdict(self))
        return {"format": FORMAT, **plain}


def review_figures(store: Store, actor: Actor, *, spec: DataSpec | None = None) -> ReviewFigures:
    """Compute all figures from the record.

    Parameters
    ----------
    store : Store
    actor : Actor
        Who looks at them.
    spec : DataSpec, optional
        Has the risk of each condition, and the urgency of conditions found by histology. Without
        it the truth has an urgency only where readers adjudicated, and no condition is of high
        risk.

    Raises
    ------
    PermissionDenied
        If the actor may not see them.
    """
    require_for(store, actor, Action.VIEW_REVIEW_FIGURES)
    with store.reading() as session:
        cases = reviewed_cases(session, spec)
    return ReviewFigures(
        opened=len(cases),
        decided=sum(case.decision is not None for case in cases),
        arms=arms(cases),
        active_time=active_time(cases),
        time_to_decision=time_to_decision(cases),
        overrides=overrides(cases),
        switches=switches(cases),
        under_call=under_call(cases),
        second_reads=second_reads(cases),
        adjudications=adjudications(cases),
        agreement=agreement(cases),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return value
