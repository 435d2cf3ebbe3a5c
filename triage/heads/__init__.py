"""Heads: classifiers trained on case embeddings, one file each.

`HEADS` is the registry: settings, bundles and the command line name a head by its key.
"""

from triage.heads.binary import Binary
from triage.heads.duq import DUQ
from triage.heads.energy_bounded import EnergyBounded
from triage.heads.head import OUTLIER_CLASS, HeadDesign, HeadInfo, HeadNetwork
from triage.heads.head_names import HeadKind
from triage.heads.het_sngp import HeteroscedasticSngp
from triage.heads.heteroscedastic import Heteroscedastic
from triage.heads.hod import HierarchicalOutlierDetection
from triage.heads.inducing_points import InducingPoints
from triage.heads.introspective import Introspective
from triage.heads.mlp import Head
from triage.heads.one_vs_all_distance import Distance, OneVsAllDistance
from triage.heads.outlier_exposure import OutlierExposure
from triage.heads.reject_bucket import RejectBucket
from triage.heads.sngp import Sngp
from triage.heads.softmax import Softmax
from triage.registry import Registry, yes_or_no

HEADS: Registry[HeadDesign] = Registry(
    "head",
    (
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
    ),
    columns={
        "training outliers": lambda head: "needed" if head.info.learns_outliers else "not used",
        "its own score": lambda head: (
            "outlier mass" if head.info.has_outlier_mass else "largest probability"
        ),
        "takes a criterion": lambda head: yes_or_no(not head.info.own_loss),
    },
)
"""Every head; `HeadKind` has the same keys."""

__all__ = [
    "HEADS",
    "OUTLIER_CLASS",
    "Head",
    "HeadDesign",
    "HeadInfo",
    "HeadKind",
    "HeadNetwork",
]
