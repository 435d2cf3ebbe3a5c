"""The rules of a policy in sentences, for the manifest, the model card and the report."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict

from triage.decisions.policy import Policy
from triage.decisions.rule_settings import ALL, BY_CONDITION, SelectiveSettings
from triage.uncertainty.calibration import CALIBRATORS
from triage.uncertainty.conformal import CONFORMAL


class RuleSummary(BaseModel):
    """What a policy calibrates, gives sets, guarantees and abstains by; numbers are in the policy.

    Parameters
    ----------
    calibrator, abstention : str
    prediction_set, guaranteed : str
        `none` where the policy has none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    calibrator: str
    prediction_set: str
    guaranteed: str
    abstention: str

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Put a policy's rules into sentences."""
        key = "temperature" if policy.calibrator is None else policy.calibrator.key
        return cls(
            calibrator=CALIBRATORS[key].info.title,
            prediction_set=_sets(policy),
            guaranteed=_guaranteed(policy),
            abstention=_abstention(policy.selective),
        )


def _sets(policy: Policy) -> str:
    made = policy.prediction_set
    if made is None:
        return "none"
    title = CONFORMAL[made.fitted.key].info.title
    each = {
        ALL: "one quantile for all cases",
        BY_CONDITION: "one quantile for each condition",
    }.get(made.by, f"one quantile for each level of {made.by}")
    text = f"{title} with {1 - made.alpha:.4g} coverage of known conditions, {each}"
    names = [condition.name for condition in policy.conditions]
    few = [names[int(group)] if made.by == BY_CONDITION else group for group in made.too_few]
    if few:
        text += f"; too few validation cases, so that the set holds everything: {', '.join(few)}"
    return text


def _guaranteed(policy: Policy) -> str:
    found = policy.guaranteed
    if found is None:
        return "none"
    promise = (
        f"at most {found.alpha:.4g} of the cases of high-risk conditions missed, except with "
        f"probability {found.delta:.4g}"
    )
    if found.threshold is None:
        return f"not certified ({promise}): {found.reason}"
    return (
        f"{promise}: referred semi-urgently or sooner from a probability of {found.threshold:.4g}"
    )


def _abstention(selective: SelectiveSettings) -> str:
    sentence = {
        "joint_rejection": "least cost on validation",
        "chow": "where abstaining is expected to save anything",
    }
    if selective.error is not None:
        return f"at most {selective.error:.4g} wrong opinions among answered validation cases"
    return sentence[selective.rule]
