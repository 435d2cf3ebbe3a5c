"""Names of the heads, as settings, bundles and the command line give them."""

from __future__ import annotations

from enum import StrEnum


class HeadKind(StrEnum):
    """Keys of `triage.heads.HEADS`, for settings that are read without torch."""

    SOFTMAX = "softmax"
    REJECT = "reject"
    HOD = "hod"
    OUTLIER_EXPOSURE = "outlier_exposure"
    ENERGY_BOUNDED = "energy_bounded"
    BINARY = "binary"
    OVA_DM = "ova_dm"
    DM = "dm"
    SNGP = "sngp"
    HETEROSCEDASTIC = "heteroscedastic"
    HET_SNGP = "het_sngp"
    DUQ = "duq"
    INDUCING_POINTS = "inducing_points"
    INTROSPECTIVE = "introspective"
