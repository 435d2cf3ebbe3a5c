"""The gate of retraining: a rule in YAML that promotes a challenger or refuses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from triage.data.strict_yaml import load_model
from triage.errors import unknown_name
from triage.evaluation import METRICS, Difference, Estimate
from triage.labels.label_rule import LabelRule

NOT_ENOUGH = "not enough evidence"
"""The end of a check's sentence where no interval could be judged."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Requirement(_Model):
    """A bound on the interval of a paired difference, challenger minus champion."""

    metric: str
    low_at_least: float | None = None
    high_at_most: float | None = None

    @model_validator(mode="after")
    def _known_and_bounded(self) -> Self:
        if self.metric not in METRICS:
            raise ValueError(str(unknown_name("metric", self.metric, METRICS)))
        if (self.low_at_least is None) == (self.high_at_most is None):
            raise ValueError("give exactly one of low_at_least and high_at_most")
        return self

    def check(self, difference: Difference) -> tuple[bool, str]:
        """Return whether it holds, and a sentence that says so."""
        value, low, high = difference.value, difference.low, difference.high
        if value is None or low is None or high is None or difference.evidence != "enough":
            return False, f"{self.metric}: {NOT_ENOUGH}"
        if not low < high:  # nothing varied among these cases: no proof that nothing varies
            return False, f"{self.metric}: {NOT_ENOUGH}"
        shown = f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
        if difference.at_split_share is not None:
            shown += f" at the stated prevalence ({difference.at_split_share:+.3f} at the split's)"
        if self.low_at_least is not None:
            holds = low >= self.low_at_least
            return holds, f"{self.metric}: {shown}, lower end must be >= {self.low_at_least:+.3f}"
        assert self.high_at_most is not None
        holds = high <= self.high_at_most
        return holds, f"{self.metric}: {shown}, upper end must be <= {self.high_at_most:+.3f}"


class RetrainPolicy(_Model):
    """The whole gate."""

    labels: LabelRule = LabelRule()
    require: tuple[Requirement, ...] = Field(min_length=1)
    max_negative_flips: float = Field(ge=0, le=1)

    def judge(
        self, differences: dict[str, Difference], flips: Estimate
    ) -> tuple[bool, list[dict[str, str | bool]]]:
        """Return whether the challenger is promoted, and every check with its sentence."""
        results = [rule.check(differences[rule.metric]) for rule in self.require]
        results.append(self._check_flips(flips.value))
        checks: list[dict[str, str | bool]] = [
            {"holds": holds, "check": sentence} for holds, sentence in results
        ]
        return all(holds for holds, _ in results), checks

    def _check_flips(self, share: float | None) -> tuple[bool, str]:
        if share is None:
            return False, f"negative flips: {NOT_ENOUGH}"
        shown = f"negative flips: {share:.3f}, must be <= {self.max_negative_flips:.3f}"
        return share <= self.max_negative_flips, shown


def lacks_evidence_only(checks: Sequence[Mapping[str, str | bool]]) -> bool:
    """Whether a challenger was refused for no other reason than too few cases to judge it by.

    Parameters
    ----------
    checks : sequence of dict
        As `RetrainPolicy.judge` returns them.
    """
    failed = [str(check["check"]) for check in checks if not check["holds"]]
    return bool(failed) and all(sentence.endswith(NOT_ENOUGH) for sentence in failed)


def load_policy(path: str | Path) -> RetrainPolicy:
    """Read a retraining policy.

    Raises
    ------
    SpecError
        If the file is missing, is not YAML or breaks a rule; every problem is listed.
    """
    return load_model(Path(path), RetrainPolicy, "retraining policy")
