"""Registry of metrics: title, definition, needs and source of each."""

from __future__ import annotations

from triage.errors import unknown_name
from triage.evaluation.metrics import calibration, classification, clinical, ranking, selective
from triage.evaluation.metrics import proper_scores as proper
from triage.evaluation.metrics.metric import Interval, Metric, Need
from triage.evaluation.metrics.metric import mean_metric as _mean
from triage.evaluation.metrics.metric import sum_metric as _of_sums

_KG, _PERCENTILE, _BASIC = Interval.KORN_GRAUBARD, Interval.PERCENTILE, Interval.BASIC
_RANKING = (Need.INLIERS, Need.OUTLIERS)

_TABLE = (
    _mean(
        "accuracy", "Inlier accuracy", "proportion", True, (Need.INLIERS,),
        "Share of inliers whose most probable condition is the true one.",
        "standard", classification.accuracy,
    ),
    _of_sums(
        "balanced_accuracy", "Balanced accuracy", "proportion", True,
        (Need.EVERY_CONDITION,), _KG,
        "Accuracy within each true inlier condition, averaged over conditions.",
        "Brodersen et al. 2010", classification.BALANCED_ACCURACY,
    ),
    _of_sums(
        "ood_auroc", "OOD AUROC", "area", True, _RANKING, _KG,
        "Probability that an outlier scores above an inlier; ties count one half.",
        "Hanley & McNeil 1982", ranking.OOD_AUROC,
    ),
    _of_sums(
        "ood_aupr", "OOD AUPR", "area", True, _RANKING, _KG,
        "Average precision of finding outliers; chance level is their prevalence.",
        "average precision, as in scikit-learn", ranking.OOD_AUPR, of_all_cases=True,
    ),
    _of_sums(
        "ood_fpr95", "OOD FPR at 95 % TPR", "proportion", False, _RANKING, _KG,
        "Share of inliers flagged at the highest threshold that flags 95 % of outliers.",
        "convention of OpenOOD v1.5", ranking.OOD_FPR95,
    ),
    _of_sums(
        "ece", "Calibration error (ECE)", "proportion", False, (Need.INLIERS,), _BASIC,
        "Mean gap between top-1 confidence and accuracy on inliers, over 15 equal-width bins.",
        "Guo et al. 2017, eq. 3", calibration.ECE,
    ),
    _of_sums(
        "ece_equal_mass", "Calibration error, equal-mass bins", "proportion", False,
        (Need.INLIERS,), _BASIC,
        "Mean gap between top-1 confidence and accuracy on inliers, over 15 equal-mass bins.",
        "Nguyen & O'Connor 2015", calibration.ECE_EQUAL_MASS,
    ),
    _of_sums(
        "classwise_ece", "Class-wise calibration error", "proportion", False,
        (Need.INLIERS,), _BASIC,
        "Mean over conditions of the gap between its probability and its frequency on inliers, "
        "over 15 equal-width bins.",
        "Kull et al. 2019", calibration.CLASSWISE_ECE,
    ),
    _of_sums(
        "adaptive_ece", "Adaptive calibration error (ACE)", "proportion", False,
        (Need.INLIERS,), _BASIC,
        "Mean over conditions of the gap between its probability and its frequency on inliers, "
        "over 15 equal-mass bins.",
        "Nixon et al. 2019", calibration.ADAPTIVE_ECE,
    ),
    _of_sums(
        "nll", "Log loss", "nats", False, (Need.INLIERS,), _PERCENTILE,
        "Mean negative log probability given to the true condition of inliers.",
        "standard", proper.NLL,
    ),
    _mean(
        "brier", "Brier score", "squared probability", False, (Need.INLIERS,),
        "Squared distance of the probabilities from the truth, summed over conditions, 0 to 2.",
        "Brier 1950", proper.brier,
    ),
    _of_sums(
        "brier_reliability", "Brier: reliability", "squared probability", False,
        (Need.INLIERS,), _BASIC,
        "Squared gap between top-1 confidence and accuracy on inliers, averaged over 15 bins.",
        "Murphy 1973", proper.BRIER_RELIABILITY,
    ),
    _of_sums(
        "brier_resolution", "Brier: resolution", "squared probability", True,
        (Need.INLIERS,), _BASIC,
        "Squared distance of the accuracy in each of 15 bins of top-1 confidence from the overall "
        "one.",
        "Murphy 1973", proper.BRIER_RESOLUTION,
    ),
    _of_sums(
        "brier_uncertainty", "Brier: uncertainty", "squared probability", None,
        (Need.INLIERS,), _PERCENTILE,
        "Variance of being right on inliers: accuracy times one minus accuracy.",
        "Murphy 1973", proper.BRIER_UNCERTAINTY,
    ),
    _mean(
        "clinical_cost", "Mean clinical cost", "cost units per case", False,
        (Need.ALL,),
        "Mean cost of what was done with a case, by the cost matrix of the data spec.",
        "our definition", clinical.clinical_cost, of_all_cases=True,
    ),
    _mean(
        "abstention_rate", "Abstention rate", "proportion", None, (Need.ALL,),
        "Share of all cases without an AI opinion.",
        "our definition", clinical.abstention_rate, of_all_cases=True,
    ),
    _mean(
        "coverage", "Inlier coverage", "proportion", True, (Need.INLIERS,),
        "Share of inliers with an AI opinion.",
        "Geifman & El-Yaniv 2017", clinical.coverage,
    ),
    _mean(
        "selective_accuracy", "Selective accuracy", "proportion", True,
        (Need.ANSWERED_INLIERS,),
        "Accuracy on the inliers with an AI opinion.",
        "Geifman & El-Yaniv 2017", classification.selective_accuracy,
    ),
    _mean(
        "selective_risk", "Selective risk", "proportion", False, (Need.ANSWERED,),
        "Share of errors among all cases with an AI opinion; any opinion on an outlier is one.",
        "El-Yaniv & Wiener 2010", classification.selective_risk, of_all_cases=True,
    ),
    _of_sums(
        "aurc", "Area under risk-coverage (AURC)", "area", False, (Need.ALL,), _KG,
        "Mean selective risk while cases are answered by rising OOD score; outliers are errors.",
        "Geifman, Uziel & El-Yaniv 2019", selective.AURC,
    ),
    _of_sums(
        "e_aurc", "Excess AURC", "area", False, (Need.ALL,), _PERCENTILE,
        "AURC above that of the best order, which answers every error last.",
        "Geifman, Uziel & El-Yaniv 2019", selective.E_AURC,
    ),
    _of_sums(
        "aurc_gain", "AURC gained over random", "risk", True, (Need.ALL,), _PERCENTILE,
        "AURC of referral at random, the overall share of errors, less AURC.",
        "our definition", selective.AURC_GAIN,
    ),
    _mean(
        "outlier_abstention_rate", "Outliers abstained on", "proportion", True,
        (Need.OUTLIERS,),
        "Share of outliers without an AI opinion, as it should be.",
        "our definition", clinical.outlier_abstention_rate,
    ),
    _mean(
        "under_triage_rate", "Under-triage", "proportion", False, (Need.ALL,),
        "Share of all cases queued less urgently than they are.",
        "our definition", clinical.under_triage_rate, of_all_cases=True,
    ),
    _mean(
        "over_triage_rate", "Over-triage", "proportion", False, (Need.ALL,),
        "Share of all cases queued more urgently than they are.",
        "our definition", clinical.over_triage_rate, of_all_cases=True,
    ),
    _mean(
        "abstained_under_triage_rate", "Under-triage when abstaining", "proportion", False,
        (Need.ABSTAINED,),
        "Share of the cases without an AI opinion that are queued less urgently than they are.",
        "our definition", clinical.abstained_under_triage_rate, of_all_cases=True,
    ),
    _mean(
        "urgent_at_observation_rate", "Urgent queued at observation", "proportion", False,
        (Need.URGENT,),
        "Share of urgent cases queued for observation, the lowest urgency.",
        "our definition", clinical.urgent_at_observation_rate, of_all_cases=True,
    ),
)  # fmt: skip

METRICS: dict[str, Metric] = {metric.key: metric for metric in _TABLE}
"""Every metric by its key, in the order of report tables."""


def find_metric(key: str) -> Metric:
    """Return a metric by its key.

    Raises
    ------
    UsageError
        If there is no such metric; the message has the nearest.
    """
    try:
        return METRICS[key]
    except KeyError:
        raise unknown_name("metric", key, METRICS) from None
