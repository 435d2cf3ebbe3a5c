"""The model card: a bundle's manifest and policy told to people."""

from __future__ import annotations

from triage.data.spec import DataSpec
from triage.decisions.policy import Policy
from triage.decisions.rule_summary import RuleSummary
from triage.systems.families import family_of_settings
from triage.systems.manifest import BundleManifest
from triage.uncertainty.combination import COMBINATION
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.readiness import LEVEL_WORDS, level_of_verdict

_METRIC_TITLES = {
    "accuracy": "inlier top-1 accuracy",
    "ood_auroc": "out-of-distribution AUROC",
    "abstained": "share abstained, at the stated prevalence of outliers",
    "cost": "mean clinical cost, at the stated prevalence of outliers",
    "abstained_at_split_share": "share abstained, with the validation split's own outliers",
    "cost_at_split_share": "mean clinical cost, with the validation split's own outliers",
    "outlier_share": "share of outliers in the validation split",
}


def model_card(manifest: BundleManifest, policy: Policy, spec: DataSpec) -> str:
    """Return the card as Markdown; every number comes from the manifest or the policy."""
    conditions = "\n".join(
        f"| {item.name} | {item.risk} | {item.urgency} | {spec.by_name[item.name].source} |"
        for item in policy.conditions
    )
    metrics = "\n".join(
        f"| {_METRIC_TITLES.get(name, name)} | {value:.3f} |"
        for name, value in manifest.metrics.items()
    )
    notes = "\n".join(f"- {note}" for note in manifest.notes) or "- none"
    validation = ", ".join(manifest.roles.validation) or "held-out cases of training outliers"
    return f"""# {manifest.name}

Trained on *{spec.title}* ({manifest.spec_name}), {manifest.created_at}, with version
{manifest.code_version} of the software.

## Intended use

{manifest.intended_use}

## Conditions it knows

| condition | risk | urgency | source |
|---|---|---|---|
{conditions}

Training outliers: {", ".join(manifest.roles.train) or "none"}.
Validation outliers: {validation}.
Never seen (test outliers): {", ".join(manifest.roles.test)}.

## How it decides

Head `{manifest.head}`, score `{manifest.score}`, temperature {policy.temperature:.3f}. It abstains
when that is expected to save more than {policy.saving_threshold:.4f} cost units, set on
validation at an outlier prevalence of {policy.outlier_prevalence:.0%}.

{_costs(policy)}
{_rules(policy)}{_combination(manifest)}{family_of_settings(manifest.settings).networks_section(manifest)}

## On validation data

The threshold was set on the same cases, so these are optimistic; `triage evaluate` measures on the
test split.

| metric | value |
|---|---|
{metrics}

## Readiness

When this card was written: {_readiness(manifest)}. What happened since (shadow tests, approvals,
withdrawal) is in the case database, and on the model card of the pages.

## Data

Licence: {spec.licence}. Source: {spec.source}. Data hash `{manifest.data_hash[:16]}`, spec hash
`{manifest.spec_hash[:16]}`, settings hash `{manifest.settings_hash[:16]}`.
Cases rejected while reading: {sum(manifest.rejected.values())}.

## Notes

{notes}
"""


def _readiness(manifest: BundleManifest) -> str:
    """The level that the manifest's own gate result allows."""
    verdict = (manifest.promotion or {}).get("verdict")
    return LEVEL_WORDS[level_of_verdict(verdict if isinstance(verdict, str) else None)]


def _rules(policy: Policy) -> str:
    rules = RuleSummary.of(policy)
    return f"""- Calibration: {rules.calibrator}.
- Abstention: {rules.abstention}.
- Prediction set: {rules.prediction_set}.
- Guaranteed threshold: {rules.guaranteed}.

"""


def _costs(policy: Policy) -> str:
    """The costs it decides by."""
    costs, matrix = policy.costs.outcomes, policy.matrix
    names = f"""Costs ({policy.costs.source}): wrong label {costs.wrong_inlier:g}, missed outlier
{costs.miss_outlier:g}."""
    if matrix is None:
        return f"""{names} Abstaining on a known condition {costs.abstain_inlier:g}, on an outlier
{costs.abstain_outlier:g}.
"""
    rows = "\n".join(
        f"| {name} |{''.join(f' {cost:g} |' for cost in row)} {known:g} | {unknown:g} |"
        for name, row, known, unknown in zip(
            matrix.conditions,
            matrix.urgency,
            matrix.abstain_known,
            matrix.abstain_unknown,
            strict=True,
        )
    )
    margin = ""
    if policy.urgent_margin:
        margin = f" Urgent must save {policy.urgent_margin:.4f}, for the capacity of the data spec."
    return f"""{names} To these, or to the cost of no opinion, that of the urgency is
added. An unknown condition costs the mean over {", ".join(policy.unknown)}.{margin}

| condition |{"".join(f" {urgency} |" for urgency in Urgency)} no opinion, if known | if unknown |
|---|{"---|" * 6}
{rows}
"""


def _combination(manifest: BundleManifest) -> str:
    """The section on what the score is made of; nothing where it is one score."""
    made_of = manifest.combination
    if made_of is None:
        return ""
    conditions = list(made_of.auroc[COMBINATION])
    header = "".join(f" {name} |" for name in conditions)
    rows = "\n".join(
        f"| {key} | {f'{made_of.shares[key]:.2f}' if key in made_of.shares else ''} |"
        + "".join(f" {found[name]:.3f} |" for name in conditions)
        for key, found in made_of.auroc.items()
    )
    return f"""## What the score combines

{made_of.reason} AUROC on validation, by outlier condition:

| score | share |{header}
|---|---|{"---|" * len(conditions)}
{rows}

"""
