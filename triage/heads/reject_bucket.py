"""Reject bucket: a softmax with one more class, for all training outliers together."""

from __future__ import annotations

from triage.heads.head import TRAINING_OUTLIERS, HeadInfo
from triage.heads.softmax import Softmax


class RejectBucket(Softmax):
    """One more class, for all training outliers together."""

    info = HeadInfo(
        "reject",
        "Reject bucket",
        "background class; baseline of Roy et al. 2022",
        needs=(TRAINING_OUTLIERS,),
        has_outlier_class=True,
        perceptron=True,
    )
