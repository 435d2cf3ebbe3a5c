"""The predetermined change control plan: what may change, by which protocol, and with what impact.

Its three parts are those that the FDA asks for in "Marketing Submission Recommendations for a
Predetermined Change Control Plan for Artificial Intelligence-Enabled Device Software Functions"
(final guidance, December 2024); the words are ours, and whether a plan suffices is for a person who
knows the device to say. Everything in it comes from the policy that the gate reads and from the
data spec, so that the plan cannot say other than the gate does.
"""

from __future__ import annotations

from typing import Any

from triage.data.spec import DataSpec
from triage.gating.policy import GatePolicy, LoadedPolicy
from triage.gating.policy_sentences import PolicyRule, policy_rules
from triage.hashing import hash_json
from triage.modalities import MODALITIES
from triage.reports.change_control.impact import impact_section
from triage.reports.document import (
    Block,
    Cell,
    Column,
    Document,
    Facts,
    Heading,
    Items,
    Paragraph,
    Section,
    SignatureLines,
    Table,
)

SOURCE = (
    "Parts as in: FDA, Marketing Submission Recommendations for a Predetermined Change Control "
    "Plan for Artificial Intelligence-Enabled Device Software Functions, final guidance, December "
    "2024; in our words."
)
_PARTS = {
    "data": ("labels", "hold_out"),
    "evaluation": ("gate", "improvement", "require", "max_negative_flips"),
    "update": ("readiness",),
}


def change_control_plan(loaded: LoadedPolicy, spec: DataSpec) -> Document:
    """Return the plan of a policy and a data spec.

    Parameters
    ----------
    loaded : LoadedPolicy
        As the gate reads it.
    spec : DataSpec
    """
    rules = policy_rules(loaded.policy)
    facts = plan_facts(loaded, spec)
    return Document(
        title=f"Predetermined change control plan: {spec.title}",
        report_id=hash_json(facts)[:16],
        date=f"policy {loaded.hash[:12]}",
        lead="What may be changed without a new submission, how each change is made and judged, "
        "and what it may do. Generated from the policy that the gate reads and from the data spec.",
        sections=(
            _identity(loaded, spec),
            _modifications(spec),
            _data_management(rules, spec),
            _retraining(),
            _evaluation(rules),
            _updates(rules),
            impact_section(loaded.policy),
        ),
        kind="Change control plan",
    )


def plan_facts(loaded: LoadedPolicy, spec: DataSpec) -> dict[str, Any]:
    """Return what the plan is made of: the policy, its hash and signature, and the spec's hash."""
    return {
        "policy": loaded.policy.model_dump(mode="json"),
        "policy_hash": loaded.hash,
        "policy_signed_by": loaded.signed_by,
        "spec": spec.name,
        "spec_hash": hash_json(spec.model_dump(mode="json")),
    }


def signature_words(signed_by: str | None) -> str:
    """Say who signed a policy."""
    return "nobody signed it" if signed_by is None else f"signed by the key {signed_by}"


def _identity(loaded: LoadedPolicy, spec: DataSpec) -> Section:
    facts = Facts(
        (
            ("Data spec", spec.name),
            ("SHA-256 of the data spec", hash_json(spec.model_dump(mode="json"))),
            ("SHA-256 of the policy", loaded.hash),
            ("Signature of the policy", signature_words(loaded.signed_by)),
            ("Kind of cases", MODALITIES[spec.modality].title),
            ("Manufacturer and device", None),
            ("Marketing authorisation", None),
        )
    )
    return Section(
        "cover",
        "Policy and device",
        (facts, Paragraph(SOURCE, "note"), SignatureLines(("Quality", "Clinical", "Regulatory"))),
    )


def _modifications(spec: DataSpec) -> Section:
    conditions = Table(
        title=f"{len(spec.conditions)} conditions",
        columns=(Column("Condition"), Column("Role"), Column("Risk"), Column("Urgency")),
        rows=tuple(
            (Cell(each.name), Cell(str(each.role)), Cell(str(each.risk)), Cell(str(each.urgency)))
            for each in spec.conditions
        ),
    )
    may = (
        "The weights of the networks and heads are trained again on data with more labels, with "
        "the settings of the system in use.",
        "Calibration, thresholds of abstention and prediction sets are fitted again on the "
        "validation split.",
    )
    stays = (
        "The intended use, the kind of cases and what a case consists of.",
        "The conditions, their risks and their urgencies, as below; a condition more or less is "
        "another data spec, and another plan.",
        "The costs, the assumed prevalence of unknown conditions and the subgroups.",
        "The family of the system, its networks and its recipe of training.",
    )
    return Section(
        "modifications",
        "Description of modifications",
        (Heading("May change"), Items(may), Heading("Stays as it is"), Items(stays), conditions),
    )


def _data_management(rules: tuple[PolicyRule, ...], spec: DataSpec) -> Section:
    split = spec.split
    gate = "none of its own" if split.gate is None else f"{split.gate:.0%}"
    facts = Facts(
        (
            ("Source of the data", spec.source),
            ("Licence", spec.licence),
            (
                "Splits by patient",
                f"training {split.train:.0%}, validation {split.validation:.0%}, test "
                f"{split.test:.0%}, gate {gate}",
            ),
            ("Subgroups", ", ".join(each.column for each in spec.subgroups) or "none"),
        )
    )
    items = Items(
        (
            "Each data set is a version with a Merkle root over the hashes of images and labels, "
            "licence and consent; a training names its version.",
            "Patients and near-duplicates are never in two splits; a case of the gate split or the "
            "frozen regression set among the training cases stops the run.",
            "A patient whose consent is withdrawn is removed, which makes a new version and names "
            "the systems trained on the old one.",
            "Each label has its source, readers, agreement and the system that was shown.",
        )
    )
    return Section(
        "data_management",
        "Modification protocol: data management",
        (facts, items, _rules("Rules of labels and of held-out data", rules, "data")),
    )


def _retraining() -> Section:
    steps = (
        "The data set version is made, with its splits and its check for leaks.",
        "The challenger is trained with the settings and seeds of the champion's manifest.",
        "It is calibrated, and its thresholds are fitted, on the validation split.",
        "Both are scored on the gate split and the frozen set, and the gate judges.",
        "The bundle is registered as a challenger; nothing else comes into use by training.",
        "Each step keeps the hashes of what it read and wrote; a step that was killed is repeated.",
    )
    return Section("retraining", "Modification protocol: re-training", (Items(steps),))


def _evaluation(rules: tuple[PolicyRule, ...]) -> Section:
    items = Items(
        (
            "Champion and challenger are compared on the same cases of the gate split, by patient.",
            "The gate answers passes, fails, or not enough evidence; the last asks a person, "
            "never passes, and says about how many cases it would take.",
            "Each submission to the gate split is counted. The level at which a challenger is "
            "called better is spent over the uses (k-th use: a part of 1 / (k (k + 1))), and from "
            "the second use on only rounded differences are shown.",
        )
    )
    return Section(
        "evaluation",
        "Modification protocol: performance evaluation",
        (items, _rules("Acceptance criteria", rules, "evaluation")),
    )


def _updates(rules: tuple[PolicyRule, ...]) -> Section:
    items = Items(
        (
            "One account proposes a challenger, and another account approves or rejects it; both "
            "are events of the ledger, with the gate's verdict.",
            "An approval without a passing gate is a sign-off with a reason, and is stated as such "
            "wherever the system is described.",
            "Before that the challenger may score live cases as a shadow, hidden from readers.",
            "The former champion can be restored by a rollback, with the same predictions.",
            "Each case keeps which system gave which opinion; readers see which system is in use.",
        )
    )
    return Section(
        "updates",
        "Modification protocol: update procedures",
        (items, _rules("Conditions of readiness levels", rules, "update")),
    )


def _rules(title: str, rules: tuple[PolicyRule, ...], part: str) -> Block:
    chosen = [each for each in rules if each.key.partition(".")[0] in _PARTS[part]]
    return Table(
        title=title,
        columns=(Column("Key of the policy"), Column("Value"), Column("Meaning")),
        rows=tuple((Cell(r.key), Cell(r.value), Cell(r.sentence)) for r in chosen),
        key=f"{part}_rules",
    )


def parts_of_the_plan(policy: GatePolicy) -> frozenset[str]:
    """Return the first keys of the policy that the plan states."""
    stated = {key for keys in _PARTS.values() for key in keys}
    return frozenset(stated & set(type(policy).model_fields))
