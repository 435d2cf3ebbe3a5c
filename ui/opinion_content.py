"""The AI's opinion as the panel of a case draws it: plain text and numbers, as JSON takes them.

Made only from what `triage.review.reveal` returns, so never before the first read is locked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triage.review import Opinion
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import PLAUSIBLE
from ui.case_words import CaseWords
from ui.condition_set_text import condition_set_sentence
from ui.uncertainty_text import uncertainty_line, uncertainty_sentence
from ui.words import READ_WITHOUT_AI, URGENCIES, condition_name, frequencies, frequency, plain_text

MOST_BARS = 6
"""Conditions with a bar of their own; those below are summed up."""
MOST_CONCURRENT = 4
"""Diagnoses of a volume with a bar; the viewer shows all."""
NO_LOW_RISK = "No AI opinion. This does not mean low risk."
_SMALLEST_REMAINDER = 1e-6
"""A remainder to 1 below this is a rounding error and no further condition."""


def without_ai() -> dict[str, Any]:
    """Return what stands in the opinion's place where a case is read without the AI."""
    return {"kind": "without_ai", "text": READ_WITHOUT_AI}


def opinion_content(
    opinion: Opinion | None,
    words: CaseWords,
    *,
    concurrent: bool,
    listed_reasons: Mapping[AbstainReason, str],
) -> dict[str, Any]:
    """Return an opinion, an abstention, or that no system has scored the case.

    Parameters
    ----------
    opinion : Opinion, optional
        None where no system has scored the case.
    words : CaseWords
    concurrent : bool
        Whether several diagnoses may be true of one case; else the bars fit into 100.
    listed_reasons : mapping of AbstainReason to str
        See `ui.case_views.CaseView`.
    """
    if opinion is None:
        return {
            "kind": "unscored",
            "warning": NO_LOW_RISK,
            "reason": "No system has scored this case.",
            "code": "",
            "next_action": "Decide without the AI.",
            "listed": [],
        }
    if opinion.abstained:
        return _abstention(opinion, listed_reasons)
    decision = opinion.decision
    assert opinion.urgency is not None, "an opinion has an urgency"
    doubt, sources = None, []
    if decision.aleatoric is not None:
        parts = decision.aleatoric, decision.epistemic
        doubt = uncertainty_line(*parts, words)
        sources = [uncertainty_sentence(*parts, words)]
    within = None
    if decision.set_coverage is not None:
        within = condition_set_sentence(decision.prediction_set, decision.set_coverage)
    shown = _concurrent(opinion, words) if concurrent else _exclusive(opinion, words)
    shown["about"] += sources
    return {
        "kind": "opinion",
        "urgency": opinion.urgency.value,
        "referral": URGENCIES[opinion.urgency],
        "condition": decision.condition,
        "set": within,
        "doubt": doubt,
        "next_action": plain_text(decision.next_action),
        "system": f"System {plain_text(opinion.bundle)}: about these numbers",
        **shown,
    }


def _abstention(opinion: Opinion, listed_reasons: Mapping[AbstainReason, str]) -> dict[str, Any]:
    decision = opinion.decision
    code = decision.reason_code
    listed = [{"name": name, "applies": each is code} for each, name in listed_reasons.items()]
    return {
        "kind": "abstention",
        "warning": NO_LOW_RISK,
        "reason": plain_text(decision.reason),
        "code": code.value if code else "",
        "next_action": plain_text(decision.next_action),
        "queue_urgency": decision.queue_urgency.value,
        "listed": listed if code in listed_reasons else [],
    }


def _exclusive(opinion: Opinion, words: CaseWords) -> dict[str, Any]:
    """Conditions that exclude each other: with 'none of them' their numbers fit into 100."""
    decision, conditions = opinion.decision, opinion.joint_differential
    none = decision.p_outlier
    # A condition that the system does not know may be more probable than any that it knows.
    likelier = none is not None and bool(conditions) and none >= conditions[0][1]
    before = "Most likely of those it knows:" if likelier else "Most likely:"
    listed = _listed(opinion, MOST_BARS)
    remainder = 1.0 - sum(share for _, share in listed) - (none or 0.0)
    rows = [(condition_name(name), share, _note(opinion, name)) for name, share in listed]
    if remainder >= _SMALLEST_REMAINDER:
        rows.append(("Another condition it knows", remainder, ""))
    if none is not None:
        rows.append(("None of the conditions it knows", none, ""))
    counts = frequencies([share for _, share, _ in rows])
    counted = f"Of 100 such {words.cases}{'' if none is not None else ' that it knows'}"
    return {
        "likeliest": {"before": before, "name": condition_name(decision.condition or "")},
        "bars": [
            _bar(name, count, share, note)
            for (name, share, note), count in zip(rows, counts, strict=True)
        ],
        "counted": counted,
        "about": [f"{counted}, from calibrated probabilities; the numbers exclude each other."],
    }


def _concurrent(opinion: Opinion, words: CaseWords) -> dict[str, Any]:
    """Diagnoses each by itself, because several may be true of one case."""
    decision = opinion.decision
    bars = [
        _bar(condition_name(name), frequency(share), share, _note(opinion, name))
        for name, share in _listed(opinion, MOST_CONCURRENT)
    ]
    if decision.p_outlier is not None:
        none = decision.p_outlier
        bars.append(_bar("None of the conditions it knows", frequency(none), none, ""))
    return {
        "likeliest": None,
        "bars": bars,
        "counted": f"Of 100 such {words.cases}",
        "about": [
            f"Of 100 such {words.cases}, each diagnosis by itself, as the networks see it; they "
            "may occur together, so the numbers may add up to more than 100."
        ],
    }


def _listed(opinion: Opinion, most: int) -> Sequence[tuple[str, float]]:
    """The conditions with a bar: those of the set, the plausible and the most probable ones.

    The most severe plausible one is among them, wherever it stands.
    """
    inside = {*opinion.decision.prediction_set, opinion.decision.most_severe}
    return [
        (name, share)
        for at, (name, share) in enumerate(opinion.joint_differential)
        if at < most or name in inside or share >= PLAUSIBLE
    ]


def _note(opinion: Opinion, condition: str) -> str:
    decision = opinion.decision
    notes = {
        "in the set": condition in decision.prediction_set,
        "most severe": condition == decision.most_severe,
    }
    return " · ".join(note for note, applies in notes.items() if applies)


def _bar(name: str, count: str, share: float, note: str) -> dict[str, Any]:
    return {
        "name": name,
        "count": count,
        "share": round(min(max(share, 0.0), 1.0), 4),
        "note": note,
        "none": name == "None of the conditions it knows",
    }
