"""The impact assessment of a plan: what could go wrong, and which rule of the policy limits it."""

from __future__ import annotations

from typing import NamedTuple

from triage.gating.policy import GatePolicy
from triage.reports.document import Cell, Column, Items, Section, Table
from triage.vocabulary.label_sources import LabelSource


class _Risk(NamedTuple):
    risk: str
    control: str
    is_controlled: bool
    rest: str


def impact_section(policy: GatePolicy) -> Section:
    """Return the section; a risk whose rule the policy leaves out reads "not limited"."""
    rows = tuple(
        (
            Cell(each.risk),
            Cell(each.control if each.is_controlled else "not limited by this policy",
                 weak=not each.is_controlled),
            Cell(each.rest),
        )
        for each in _risks(policy)
    )  # fmt: skip
    benefits = Items(
        (
            "More labels of rare conditions, of subgroups and of the present population.",
            "Errors that readers found are learned from, after adjudication or histology.",
        )
    )
    table = Table(
        title="Risks of a change, what limits each, and what remains",
        columns=(Column("Risk"), Column("Limited by"), Column("What remains")),
        rows=rows,
        key="impact",
    )
    return Section("impact", "Impact assessment", (benefits, table))


def _risks(policy: GatePolicy) -> list[_Risk]:
    gate = policy.gate
    has_groups = gate is not None and any(
        value is not None for value in gate.groups.model_dump().values()
    )
    visible = LabelSource.AI_VISIBLE in policy.labels.sources
    return [
        _Risk(
            "An urgent case is no longer recommended as urgent.",
            "Non-inferiority on urgent sensitivity; new urgent misses on the frozen set.",
            gate is not None
            and (gate.overall.urgent_sensitivity is not None or gate.frozen is not None),
            "Losses smaller than the margin; conditions rare in the gate split.",
        ),
        _Risk(
            "A group gets worse while the average improves.",
            "Non-inferiority in each level of each gated subgroup, and of the lowest level.",
            has_groups,
            "Groups that the data spec does not name; levels with few patients ask a person.",
        ),
        _Risk(
            "Stated probabilities are wrong.",
            "Limits on calibration slope and adaptive calibration error.",
            gate is not None and gate.calibration is not None,
            "Calibration within subgroups and after a shift of the population.",
        ),
        _Risk(
            "Unknown conditions or pictures of another kind get an opinion.",
            "Non-inferiority of the detection of both.",
            gate is not None and (gate.near_ood is not None or gate.far_ood is not None),
            "Kinds of unknown cases that are in neither set.",
        ),
        _Risk(
            "Readers meet a system that abstains more or less often than they are used to.",
            "Limit on the change of coverage.",
            gate is not None and gate.coverage is not None,
            "Changes of which cases abstain, at equal coverage.",
        ),
        _Risk(
            "Cases that were right become wrong, and readers lose trust.",
            "Limit on negative flips beyond those of another seed.",
            policy.max_negative_flips is not None
            or (gate is not None and gate.flips_over_seed_rate is not None),
            "Flips within the limit.",
        ),
        _Risk(
            "The system learns its own errors from readers who had seen its opinion.",
            "Such labels do not train.",
            not visible,
            "Readers who remember the system's habits."
            if not visible
            else "Errors of the system return as labels.",
        ),
        _Risk(
            "Many challengers are tried until one passes by chance.",
            "Uses of the gate split are counted, and the level is spent over them.",
            policy.improvement != "none",
            "The level of the non-inferiority checks is not spent over the uses.",
        ),
        _Risk(
            "Opinions come late.",
            "Limits on time and memory of a case.",
            gate is not None and gate.performance is not None,
            "Other machines than the one it was measured on.",
        ),
    ]
