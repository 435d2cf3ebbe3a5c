"""The figures of reviews as tables: every number with its cases, its interval and a small chart."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from triage.evaluation.cohen_kappa import Kappa
from triage.review.figures import ReviewFigures
from triage.review.figures.agreement import Agreement
from triage.review.figures.second_reads import SecondReadRate
from triage.review.figures.statistics import Rate, RateDifference, Spread
from triage.review.figures.switches import SwitchFigures
from triage.vocabulary.review_policies import ReadingMode, SecondReadRule
from ui.html_table import Cell, Column, indented, interval_bar, show_table, weak
from ui.words import URGENCIES

NOTHING = "not enough"
"""Of a figure that rests on no case."""
MODES = {
    ReadingMode.BLIND: "Blind first read, then the AI",
    ReadingMode.CONCURRENT: "With the AI from the beginning",
    ReadingMode.AI_OFF: "Without the AI",
}
RULES = {
    SecondReadRule.CONFLICT: "Decision far from the AI's opinion",
    SecondReadRule.SHOULD_ABSTAIN: "Reason R7: the AI should have abstained",
    SecondReadRule.ABSTENTION_LOWERED: "Priority of an abstained case lowered",
    SecondReadRule.SUBGROUP: "Subgroup that the policy names",
    SecondReadRule.RANDOM: "Random share",
}
_RATE = (
    Column("Figure"),
    Column("Cases", "number"),
    Column("Share, 95 % interval", "number"),
    Column("0 to 100 %", "chart"),
)
_SPREAD = (Column("Figure"), Column("Cases", "number"), Column("Median, quartiles", "number"))
_KAPPA = (
    Column("Compared with the second read"),
    Column("Cases", "number"),
    Column("Kappa, 95 % interval", "number"),
    Column("0 to 1", "chart"),
)

Named = tuple[Cell, Rate]


def show_arms(figures: ReviewFigures) -> None:
    """Draw how cases were read."""
    rows: list[Named] = [(MODES[mode], rate) for mode, rate in figures.arms.by_mode.items()]
    rows.append(("Drawn to be read without the AI", figures.arms.drawn_ai_off))
    _show_rates("How the opened cases were read", rows)


def show_overrides(figures: ReviewFigures) -> None:
    """Draw how often decisions differ from the opinion that was shown, by reason."""
    found = figures.overrides
    rows: list[Named] = [("Decision differs from the AI's opinion", found.overridden)]
    rows += [
        (indented(f"{reason.value} {reason.sentence}"), rate)
        for reason, rate in found.by_reason.items()
        if rate.count
    ]
    if found.without_reason.count:
        rows.append((indented("Without a reason (earlier releases)"), found.without_reason))
    _show_rates("Decisions that differ from the opinion shown", rows)


def show_switches(figures: ReviewFigures) -> None:
    """Draw whether seeing the AI helped or harmed, against the truth."""
    found = figures.switches
    _show_rates(
        "From first read to decision, against the truth",
        [
            ("Decided cases whose truth is known", found.with_truth),
            *_switches("Conditions", found.conditions),
            *_switches("Urgency", found.urgency),
        ],
    )


def _switches(answer: str, found: SwitchFigures) -> list[Named]:
    return [
        (f"{answer}: first read right", found.first_right),
        (indented("decision right"), found.decision_right),
        (indented("helpful switch: wrong first read, right decision"), found.helpful),
        (indented("harmful switch: right first read, wrong decision"), found.harmful),
        (indented("harmful, after a wrong opinion was shown"), found.misled),
    ]


def show_missed(figures: ReviewFigures) -> None:
    """Draw the missed positives of abstained cases against those read without the AI."""
    found = figures.under_call
    _show_rates(
        "Positives missed",
        [
            ("Where the AI was seen to abstain", found.abstained),
            ("Read without the AI, where it had abstained", found.ai_off_abstained),
            ("All read without the AI", found.ai_off),
        ],
    )
    columns = (Column("Difference"), Column("Cases", "number"), Column("95 % interval", "number"))
    rows = [
        (title, f"{each.n} and {each.other_n}", shown_share(each))
        for title, each in (
            ("Seen to abstain, less those alike without the AI", found.against_alike),
            ("Seen to abstain, less all without the AI", found.against_all),
        )
    ]
    show_table("Differences of missed positives", columns, rows)


def show_second_reads(figures: ReviewFigures) -> None:
    """Draw second reads by rule, and adjudications."""
    columns = (
        Column("Rule"),
        Column("Sent", "number"),
        Column("Given", "number"),
        Column("Adjudicated", "number"),
        Column("Adjudicated of given", "number"),
    )
    found = figures.second_reads
    rows = [_second_read("Any rule", found.any_rule)]
    rows += [_second_read(indented(RULES[rule]), each) for rule, each in found.by_rule.items()]
    show_table("Second reads by rule", columns, rows)
    closed = figures.adjudications
    _show_rates(
        "Adjudications",
        [
            ("Adjudications closed", closed.closed),
            (indented("by a senior reader"), closed.by_senior),
        ],
    )


def _second_read(title: Cell, each: SecondReadRate) -> tuple[Cell, ...]:
    return (
        title,
        f"{each.sent.count} of {each.sent.n}",
        str(each.given.count),
        str(each.adjudicated.count),
        shown_share(each.adjudicated),
    )


def show_agreement(figures: ReviewFigures) -> None:
    """Draw Cohen's kappa with second reads."""
    _show_kappas("Second reads drawn at random", figures.agreement.random)
    _show_kappas("All second reads", figures.agreement.all_second_reads)


def _show_kappas(title: str, found: Agreement) -> None:
    named = (
        ("First read: condition", found.first_condition),
        ("First read: urgency", found.first_urgency),
        ("Decision: condition", found.decision_condition),
        ("Decision: urgency", found.decision_urgency),
    )
    rows = [(name, str(each.n_cases), _kappa(each), _kappa_bar(each)) for name, each in named]
    show_table(title, _KAPPA, rows, named=True)


def show_times(figures: ReviewFigures) -> None:
    """Draw times to decision and active times."""
    hours = [
        (f"{name}: hours from receipt to decision", figures.time_to_decision[urgency].hours)
        for urgency, name in URGENCIES.items()
    ]
    seconds = []
    for mode, each in figures.active_time.items():
        seconds += [
            (f"{MODES[mode]}: active seconds before the reveal", each.before),
            (indented("after it"), each.after),
        ]
    rows: list[tuple[Cell, Spread]] = [*hours, *seconds]
    show_table("Times", _SPREAD, [(name, str(each.n), _spread(each)) for name, each in rows])
    _show_rates(
        "Decided within the time of the class",
        [
            (f"{name}: decided in time", figures.time_to_decision[urgency].in_time)
            for urgency, name in URGENCIES.items()
        ],
    )


def _show_rates(caption: str, rows: Iterable[Named]) -> None:
    shown = [
        (title, f"{rate.count} of {rate.n}", shown_share(rate), _rate_bar(rate))
        for title, rate in rows
    ]
    show_table(caption, _RATE, shown)


def shown_share(rate: Rate | RateDifference) -> Cell:
    """Return a share in percent with its interval, or that there are no cases."""
    if rate.value is None or rate.low is None or rate.high is None:
        return weak(NOTHING)
    return f"{100 * rate.value:.1f} % [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"


def _rate_bar(rate: Rate) -> Cell:
    if rate.value is None or rate.low is None or rate.high is None:
        return Markup("")
    return interval_bar(rate.value, rate.low, rate.high)


def _spread(each: Spread) -> Cell:
    if each.median is None or each.lower_quartile is None or each.upper_quartile is None:
        return weak(NOTHING)
    return f"{each.median:.1f} [{each.lower_quartile:.1f}, {each.upper_quartile:.1f}]"


def _kappa(each: Kappa) -> Cell:
    if each.value is None:
        return weak(NOTHING)
    if each.low is None or each.high is None:
        return f"{each.value:.2f}"
    return f"{each.value:.2f} [{each.low:.2f}, {each.high:.2f}]"


def _kappa_bar(each: Kappa) -> Cell:
    if each.value is None or each.low is None or each.high is None:
        return Markup("")
    return interval_bar(each.value, each.low, each.high)
