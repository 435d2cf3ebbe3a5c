"""Heads: what is learned on top of a case embedding, one file each.

`HEADS` is the registry: settings, bundles and the command line name a head by its key.
"""

from triage.heads.binary import Binary
from triage.heads.duq import DUQ
from triage.heads.energy_bounded import EnergyBounded
from triage.heads.head import OUTLIER_CLASS, HeadDesign, HeadInfo, HeadNetwork
from triage.heads.het_sngp import HeteroscedasticSngp
from triage.heads.heteroscedastic import Heteroscedastic
from triage.heads.inducing_points import InducingPoints
from triage.heads.introspective import Introspective
from triage.heads.kinds import HeadKind
from triage.heads.mlp import Head
from triage.heads.one_vs_all_distance import Distance, OneVsAllDistance
from triage.heads.outlier_exposure import OutlierExposure
from triage.heads.sngp import Sngp
from triage.heads.softmax import HierarchicalOutlierDetection, RejectBucket, Softmax

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
