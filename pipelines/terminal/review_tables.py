"""Tables of the figures of reviews, for the terminal."""

from __future__ import annotations

from rich.table import Table

from pipelines.terminal.tables import plain_table
from triage.evaluation.cohen_kappa import Kappa
from triage.review.figures import ReviewFigures
from triage.review.figures.statistics import Rate, RateDifference, Spread

NOTHING = "not enough"


def review_tables(figures: ReviewFigures) -> list[str | Table]:
    """Return the figures as lines and tables; every number with how many cases it rests on."""
    lines: list[str | Table] = [f"{figures.opened} cases opened, {figures.decided} decided"]
    if figures.arms.below_promise:
        lines.append(
            "Fewer cases are drawn to be read without AI than is promised: "
            f"{figures.arms.promised:.0%}."
        )
    return [*lines, _rates(figures), _spreads(figures), _second_reads(figures), _kappas(figures)]


def shown_rate(rate: Rate | RateDifference) -> str:
    """Return `12.5 % [1.2, 40.1]`, or that there are no cases."""
    if rate.value is None or rate.low is None or rate.high is None:
        return NOTHING
    return f"{100 * rate.value:.1f} % [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"


def _rates(figures: ReviewFigures) -> Table:
    found: list[tuple[str, Rate]] = [
        *((f"read {mode.value}", rate) for mode, rate in figures.arms.by_mode.items()),
        ("drawn to be read without AI", figures.arms.drawn_ai_off),
        ("decision overrides the AI", figures.overrides.overridden),
        *(
            (f"  {reason.value} {reason.sentence}", rate)
            for reason, rate in figures.overrides.by_reason.items()
            if rate.count
        ),
        ("decided cases with a truth", figures.switches.with_truth),
    ]
    for name, of in (
        ("conditions", figures.switches.conditions),
        ("urgency", figures.switches.urgency),
    ):
        found += [
            (f"{name}: wrong first read, right decision (helpful)", of.helpful),
            (f"{name}: right first read, wrong decision (harmful)", of.harmful),
            (f"{name}: the same, after a wrong opinion", of.misled),
        ]
    called = figures.under_call
    found += [
        ("positives missed where the AI abstained", called.abstained),
        ("positives missed without AI, where it had abstained", called.ai_off_abstained),
        ("positives missed without AI", called.ai_off),
        ("adjudications closed", figures.adjudications.closed),
        ("  by a senior reader", figures.adjudications.by_senior),
        *(
            (f"{urgency.value}: decided within the class's time", of.in_time)
            for urgency, of in figures.time_to_decision.items()
        ),
    ]
    rows = [[title, f"{rate.count} of {rate.n}", shown_rate(rate)] for title, rate in found]
    for title, other in (
        ("missed where it abstained, less those alike without AI", called.against_alike),
        ("missed where it abstained, less all without AI", called.against_all),
    ):
        rows.append([title, f"{other.n} and {other.other_n}", shown_rate(other)])
    return plain_table("Rates with 95 % intervals", ["", "cases", "rate"], rows)


def _spreads(figures: ReviewFigures) -> Table:
    found: list[tuple[str, Spread]] = []
    for mode, time in figures.active_time.items():
        found += [
            (f"active seconds before the reveal, {mode.value}", time.before),
            (f"active seconds after the reveal, {mode.value}", time.after),
        ]
    found += [
        (f"hours from receipt to decision, {urgency.value}", of.hours)
        for urgency, of in figures.time_to_decision.items()
    ]
    rows = [[title, str(each.n), _shown_spread(each)] for title, each in found]
    return plain_table("Times: median [quartiles]", ["", "cases", "time"], rows)


def _shown_spread(each: Spread) -> str:
    if each.median is None or each.lower_quartile is None or each.upper_quartile is None:
        return NOTHING
    return f"{each.median:.1f} [{each.lower_quartile:.1f}, {each.upper_quartile:.1f}]"


def _second_reads(figures: ReviewFigures) -> Table:
    rules = [("any", figures.second_reads.any_rule)]
    rules += [(rule.value, each) for rule, each in figures.second_reads.by_rule.items()]
    rows = [
        [name, f"{each.sent.count} of {each.sent.n}", str(each.given.count),
         str(each.adjudicated.count), shown_rate(each.adjudicated)]
        for name, each in rules
    ]  # fmt: skip
    rounds = ", ".join(f"{many} after {n}" for n, many in figures.adjudications.rounds.items())
    return plain_table(
        "Second reads by rule",
        ["rule", "sent", "given", "adjudicated", "rate"],
        rows,
        f"Adjudications closed, by rounds: {rounds}." if rounds else "",
    )


def _kappas(figures: ReviewFigures) -> Table:
    rows = []
    for cases, found in (
        ("random", figures.agreement.random),
        ("all", figures.agreement.all_second_reads),
    ):
        for title, kappa in (
            ("first read, condition", found.first_condition),
            ("first read, urgency", found.first_urgency),
            ("decision, condition", found.decision_condition),
            ("decision, urgency", found.decision_urgency),
        ):
            rows.append([title, cases, str(kappa.n_cases), _shown_kappa(kappa)])
    return plain_table(
        "Agreement with second reads: Cohen's kappa", ["", "second reads", "cases", "kappa"], rows
    )


def _shown_kappa(kappa: Kappa) -> str:
    if kappa.value is None:
        return NOTHING
    if kappa.low is None or kappa.high is None:
        return f"{kappa.value:.2f}"
    return f"{kappa.value:.2f} [{kappa.low:.2f}, {kappa.high:.2f}]"
