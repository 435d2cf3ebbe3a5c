"""Abstention of a bundle: reasons, the order of answering, and policies compared by cost."""

from __future__ import annotations

from triage.charts import risk_coverage_curve, trade_off_curve
from triage.charts.number_format import MISSING, number, span
from triage.evaluation.policy_costs import PolicyCost, PolicyCosts
from triage.evaluation.results import RiskCoverage
from triage.reports.bundle_extra import BundleExtra
from triage.reports.document import Block, Cell, Column, Heading, Paragraph, Section, Table
from triage.reports.names import group
from triage.reports.sections.bundle_parts import count_table, estimate_cell, figure
from triage.reports.sections.cells import count_cell


def abstention_section(extra: BundleExtra) -> Section:
    """Return the section on why there was no opinion, and what other thresholds would do."""
    blocks: list[Block] = [_curve_text(extra.risk_coverage)]
    blocks.append(
        figure(
            risk_coverage_curve(extra.risk_coverage),
            "Risk-coverage curve",
            "Wrong answers among the cases answered, when the cases with the lowest OOD score are "
            "answered first. An outlier that is answered is wrong. A useful score keeps the curve "
            "below random referral.",
        )
    )
    if extra.abstention_reasons:
        blocks.append(
            count_table(
                "Cases without an AI opinion, by reason",
                "Reason",
                "Cases",
                extra.abstention_reasons,
                "abstention_reasons",
            )
        )
    else:
        blocks.append(Paragraph("No case was abstained on."))
    if extra.policy_costs is not None:
        blocks += _policies(extra.policy_costs)
    return Section("bundle_abstention", "Reasons for no opinion, and other policies", tuple(blocks))


def _curve_text(curve: RiskCoverage) -> Paragraph:
    answered = (
        "It answered no case"
        if curve.operating_risk is None
        else f"Among the cases it answered, {number(curve.operating_risk, 'proportion')} were wrong"
    )
    return Paragraph(
        f"{answered}; answering everything would have made "
        f"{number(curve.random_risk, 'proportion')} wrong."
    )


def _policies(costs: PolicyCosts) -> list[Block]:
    blocks: list[Block] = [
        Heading("Policies compared by cost"),
        figure(
            trade_off_curve(costs),
            "Abstentions against wrong queues",
            "What another threshold on the expected saving would do with these cases: more "
            "abstentions against urgent cases queued at observation, and against abstained cases "
            "that wait less urgently than they are. Diamonds: what the system did. The threshold "
            "was set on validation, not here.",
        ),
    ]
    blocks.append(_overall([row for row in costs.rows if not row.axis]))
    groups = [row for row in costs.rows if row.axis]
    return [*blocks, _by_group(groups)] if groups else blocks


def _overall(rows: list[PolicyCost]) -> Table:
    return Table(
        "Mean cost of a case by the cost matrix of the data spec, with 95 % intervals, and its "
        "paired difference to this system",
        (
            Column("Policy"),
            Column("Cases", "number"),
            Column("Cost of a case"),
            Column("Difference"),
        ),
        tuple(
            (
                Cell(row.policy),
                count_cell(row.cost.n_cases),
                estimate_cell(row.cost),
                _difference(row),
            )
            for row in rows
        ),
        key="policy_costs",
    )


def _difference(row: PolicyCost) -> Cell:
    found = row.difference
    if found is None or found.value is None:
        return Cell(MISSING, weak=True)
    shown = number(found.value, row.cost.unit)
    return Cell(shown, detail=span(found.low, found.high, row.cost.unit), value=found.value)


def _by_group(rows: list[PolicyCost]) -> Table:
    policies = list(dict.fromkeys(row.policy for row in rows))
    cost = {(row.axis, row.level, row.policy): row.cost for row in rows}
    return Table(
        "Mean cost of a case by group",
        (Column("Group"), *(Column(policy) for policy in policies)),
        tuple(
            (
                Cell(group(axis, level)),
                *(estimate_cell(cost[axis, level, policy]) for policy in policies),
            )
            for axis, level in dict.fromkeys((row.axis, row.level) for row in rows)
        ),
        note="At the stated prevalence of outliers where one is stated; of a group with known or "
        "with unknown conditions alone, the mean over its cases, or undefined.",
        key="policy_costs_by_group",
    )
