"""Posteriors: ways to get several members of an ensemble from one training run, one file each.

`POSTERIORS` is the registry. Members are ordinary networks in evaluation mode, so that what
stores, scores and decides needs to know nothing of posteriors.
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

POSTERIORS: dict[str, type[AfterTraining] | type[TrainedTogether]] = {
    posterior.info.key: posterior
    for posterior in (McDropout, BatchEnsemble, RankOne, Mimo, Swa, Swag, Laplace, Sgld)
}
"""Every posterior by its key."""

__all__ = [
    "POSTERIORS",
    "AfterTraining",
    "CaseLoss",
    "JointNetwork",
    "Posterior",
    "PosteriorInfo",
    "TrainedTogether",
]
