"""Which of the opinions of a case is shown, as parts of queries."""

from __future__ import annotations

from sqlalchemy import select

from triage.store.tables import Bundle, PlantedCase, Prediction
from triage.vocabulary.bundle_aliases import CHAMPION

SHOWN_FIRST = ((Bundle.alias == CHAMPION).desc().nulls_last(), Prediction.id.desc())
"""Order that puts the prediction to show first: the champion's, else the newest."""

IS_PLANTED = (
    select(PlantedCase.case_id)
    .where(
        PlantedCase.case_id == Prediction.case_id,  # the key
        PlantedCase.prediction_id == Prediction.id,
    )
    .exists()
)
"""True of an opinion that was made up for a planted case; only readers of that case see it."""
