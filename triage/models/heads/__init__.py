"""Heads: what is learned on top of a case embedding, one file each.

`HEADS` is the registry: settings, bundles and the command line name a head by its key.
"""

from triage.models.heads.binary import Binary
from triage.models.heads.design import OUTLIER_CLASS, HeadDesign, HeadInfo, HeadNetwork
from triage.models.heads.duq import DUQ
from triage.models.heads.energy_bounded import EnergyBounded
from triage.models.heads.het_sngp import HeteroscedasticSngp
from triage.models.heads.heteroscedastic import Heteroscedastic
from triage.models.heads.inducing_points import InducingPoints
from triage.models.heads.introspective import Introspective
from triage.models.heads.kinds import HeadKind
from triage.models.heads.mlp import Head
from triage.models.heads.one_vs_all_distance import Distance, OneVsAllDistance
from triage.models.heads.outlier_exposure import OutlierExposure
from triage.models.heads.sngp import Sngp
from triage.models.heads.softmax import HierarchicalOutlierDetection, RejectBucket, Softmax

HEADS: dict[HeadKind, HeadDesign] = {
    HeadKind(design.info.key): design
    for design in (
        Softmax(),
        RejectBucket(),
        HierarchicalOutlierDetection(),
        OutlierExposure(),
        EnergyBounded(),
        Binary(),
        OneVsAllDistance(),
        Distance(),
        Sngp(),
        Heteroscedastic(),
        HeteroscedasticSngp(),
        DUQ(),
        InducingPoints(),
        Introspective(),
    )
}
"""Every head by its name."""

__all__ = [
    "HEADS",
    "OUTLIER_CLASS",
    "Head",
    "HeadDesign",
    "HeadInfo",
    "HeadKind",
    "HeadNetwork",
]
