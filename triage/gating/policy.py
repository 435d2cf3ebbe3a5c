"""The policy of retraining: one YAML file that says what may train and when it may come into use.

Margins, levels and sizes are our defaults; `docs/learning_loop.md` shows what the gate answers with
them. Policies of earlier releases (`require` with bounds and `max_negative_flips`, nothing else)
keep their meaning: they gate no subgroup and ask for no improvement.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from triage.data.strict_yaml import load_model
from triage.dataset_versions.hold_out import HoldOutRule
from triage.errors import unknown_name
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS
from triage.gating.check_keys import CHECKS, Measure
from triage.gating.policy_signature import signer_of
from triage.gating.readiness import ReadinessRule
from triage.hashing import hash_json
from triage.labels.label_rule import LabelRule

Margin = Annotated[float, Field(ge=0.0, le=1.0)]
Level = Annotated[float, Field(gt=0.0, lt=0.5)]
Ratio = Annotated[float, Field(ge=1.0, le=100.0)]
KIND = "retraining policy"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Margins(_Model):
    """The loss of each measure that must be excluded; null leaves the measure out.

    Parameters
    ----------
    urgent_sensitivity : float, optional
        Share of urgent cases that are recommended as urgent.
    accuracy : float, optional
        Share of cases of known conditions whose condition is named.
    recommendation : float, optional
        Share of cases whose recommended urgency is that of their condition.
    clinical_cost : float, optional
        Mean cost of a case in the costs of the data spec, where 1 is a wrong name. A few great
        costs make it uncertain among thousands of cases, so that it decides only by failing, unless
        `require` names it.
    """

    urgent_sensitivity: Margin | None = None
    accuracy: Margin | None = None
    recommendation: Margin | None = None
    clinical_cost: Annotated[float, Field(ge=0.0)] | None = None

    def of(self, measure: Measure) -> float | None:
        """Return the margin of one measure."""
        found: float | None = getattr(self, measure)
        return found


class Subgroups(_Model):
    """How subgroups are gated.

    Parameters
    ----------
    axes : 'all' or list of str
        Columns of the data spec's subgroups.
    min_patients : int
        Levels with fewer are not judged: they are not enough evidence.
    small : {'not_enough_evidence', 'left_out'}
        Whether such a level keeps the gate from passing, or is only listed.
    tolerance : float
        A level that is significantly worse by more than this fails, whatever the margin. So does
        one that is worse by more than this while all other cases together do significantly better
        than it: their gain is at its expense.
    harm_level : float
        One-sided, of all claims of either kind together, corrected by Holm's method.
    """

    axes: Literal["all"] | tuple[str, ...] = "all"
    min_patients: int = Field(10, ge=2)
    small: Literal["not_enough_evidence", "left_out"] = "not_enough_evidence"
    tolerance: Margin = 0.01
    harm_level: Level = 0.01


class Calibration(_Model):
    """Limits of calibration; only where both tables have probabilities.

    Parameters
    ----------
    slope : (float, float)
        The challenger's calibration slope lies between.
    adaptive_ece : float
        Largest rise of the adaptive calibration error that counts as none.
    """

    slope: tuple[float, float] = (0.9, 1.1)
    adaptive_ece: Margin = 0.02


class OutOfDistribution(_Model):
    """Largest loss of out-of-distribution detection that counts as none.

    Parameters
    ----------
    auroc : float
        Fall of the AUROC.
    fpr95 : float
        Rise of FPR95. Its sampling error is several times that of the AUROC, so that it decides
        only by failing, which takes a rise that is significantly greater, unless `require` names
        it.
    """

    auroc: Margin = 0.05
    fpr95: Margin = 0.1


class Frozen(_Model):
    """The frozen regression set.

    Parameters
    ----------
    new_urgent_misses : int
        More urgent cases that the champion recommends as urgent and the challenger does not ask
        for a person who signs for them.
    """

    new_urgent_misses: int = Field(0, ge=0)


class Performance(_Model):
    """Largest ratio of the challenger's time and memory of a case to the champion's."""

    latency_ratio: Ratio = 1.25
    memory_ratio: Ratio = 1.25


class GateChecks(_Model):
    """The checks of the gate; null leaves one out.

    Parameters
    ----------
    level : float
        One-sided level of each non-inferiority check; intervals shown are two-sided, of
        confidence 1 - 2 level.
    overall, groups, worst_group : Margins
        On all cases, on each level of each gated axis, and for the lowest level of each axis.
    coverage : float
        The share of cases with an opinion changes by no more than this.
    flips_over_seed_rate : float
        Negative flips are at most those between two seeds of the champion's recipe and this.
    """

    level: Level = 0.05
    subgroups: Subgroups = Subgroups()
    overall: Margins = Margins(
        urgent_sensitivity=0.05, accuracy=0.03, recommendation=0.03, clinical_cost=0.1
    )
    groups: Margins = Margins(urgent_sensitivity=0.2, accuracy=0.1, recommendation=0.1)
    worst_group: Margins = Margins(urgent_sensitivity=0.2, accuracy=0.1)
    calibration: Calibration | None = Calibration()
    near_ood: OutOfDistribution | None = OutOfDistribution()
    far_ood: OutOfDistribution | None = OutOfDistribution()
    coverage: Margin | None = 0.03
    flips_over_seed_rate: Margin | None = 0.01
    frozen: Frozen | None = Frozen()
    performance: Performance | None = Performance()


class Improvement(_Model):
    """What the challenger must do better.

    Parameters
    ----------
    any_of : tuple of str
        On all cases, one of these must be better; corrected for their number by Holm's method.
    level : float
        One-sided, of all of them together: how often a challenger that is no better is called so.
    """

    any_of: tuple[Measure, ...] = Field(
        ("urgent_sensitivity", "accuracy", "recommendation", "clinical_cost"), min_length=1
    )
    level: Level = 0.01


class Requirement(_Model):
    """A bound on the 95 % interval of a paired difference, challenger minus champion."""

    metric: str
    low_at_least: float | None = None
    high_at_most: float | None = None

    @model_validator(mode="after")
    def _known_and_bounded(self) -> Self:
        if self.metric not in AUDIT_METRICS:
            raise ValueError(str(unknown_name("metric", self.metric, AUDIT_METRICS)))
        if (self.low_at_least is None) == (self.high_at_most is None):
            raise ValueError("give exactly one of low_at_least and high_at_most")
        return self


def _known_check(value: Any) -> Any:
    if isinstance(value, str) and value not in CHECKS:
        raise ValueError(str(unknown_name("check", value, CHECKS)))
    return value


class GatePolicy(_Model):
    """The whole policy.

    Parameters
    ----------
    labels : LabelRule
    hold_out : HoldOutRule
    gate : GateChecks or None
        None for policies of earlier releases.
    improvement : Improvement or 'none'
    require : tuple of str or Requirement
        Checks that must be done, by their keys, and further bounds on paired differences.
    max_negative_flips : float, optional
        Largest share of negative flips whatever the seeds do.
    readiness : ReadinessRule
        Conditions of the readiness levels on the model card.
    """

    labels: LabelRule = LabelRule()
    hold_out: HoldOutRule = HoldOutRule()
    gate: GateChecks | None = GateChecks()
    improvement: Improvement | Literal["none"] = Improvement()
    require: tuple[Annotated[Requirement | str, BeforeValidator(_known_check)], ...] = ()
    max_negative_flips: Margin | None = None
    readiness: ReadinessRule = ReadinessRule()

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_releases(cls, given: Any) -> Any:
        """Keep the meaning of a policy that states bounds and flips and nothing of today's."""
        if not isinstance(given, dict) or "max_negative_flips" not in given:
            return given
        if {"gate", "improvement", "hold_out"} & given.keys():
            return given
        return {**given, "gate": None, "improvement": "none"}

    @property
    def required_checks(self) -> frozenset[str]:
        """Keys of the checks that must be done."""
        return frozenset(one for one in self.require if isinstance(one, str))

    @property
    def bounds(self) -> tuple[Requirement, ...]:
        """Further bounds on paired differences."""
        return tuple(one for one in self.require if isinstance(one, Requirement))

    def content_hash(self) -> str:
        """Return the SHA-256 of the policy's content, whatever its spelling."""
        return hash_json(self.model_dump(mode="json"))


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy as it was read.

    Parameters
    ----------
    policy : GatePolicy
    hash : str
        SHA-256 of its content.
    signed_by : str, optional
        Identifier of the key that signed it; None if nobody did.
    """

    policy: GatePolicy
    hash: str
    signed_by: str | None = None


def load_gate_policy(path: str | Path) -> LoadedPolicy:
    """Read a retraining policy, and check its signature where trusted keys are configured.

    Raises
    ------
    SpecError
        If the file is missing, is not YAML or breaks a rule (every problem is listed), or if it has
        a signature that is wrong or not of a trusted key.
    LedgerError
        If the list of trusted keys cannot be read.
    """
    policy = load_model(Path(path), GatePolicy, KIND)
    found = policy.content_hash()
    return LoadedPolicy(policy, found, signer_of(path, found))
