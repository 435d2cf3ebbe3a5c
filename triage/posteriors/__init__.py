"""Posteriors: several members of an ensemble from one training run, one file each.

`POSTERIORS` is the registry. Members are ordinary networks in evaluation mode, so bundles,
scores and policies do not depend on the posterior they come from.
"""

from triage.posteriors.batch_ensemble import BatchEnsemble
from triage.posteriors.laplace import Laplace
from triage.posteriors.mc_dropout import McDropout
from triage.posteriors.mimo import Mimo
from triage.posteriors.posterior import (
    AfterTraining,
    CaseLoss,
    JointNetwork,
    Posterior,
    PosteriorInfo,
    TrainedTogether,
)
from triage.posteriors.rank_one import RankOne
from triage.posteriors.sgld import Sgld
from triage.posteriors.swa import Swa
from triage.posteriors.swag import Swag
from triage.registry import Registry

POSTERIORS: Registry[type[AfterTraining] | type[TrainedTogether]] = Registry(
    "posterior",
    (McDropout, BatchEnsemble, RankOne, Mimo, Swa, Swag, Laplace, Sgld),
    columns={
        "members": lambda kind: (
            ("one, " if kind.info.one_member else "")
            + ("after training" if issubclass(kind, AfterTraining) else "trained together")
        )
    },
)
"""Every posterior."""

__all__ = [
    "POSTERIORS",
    "AfterTraining",
    "CaseLoss",
    "JointNetwork",
    "Posterior",
    "PosteriorInfo",
    "TrainedTogether",
]
